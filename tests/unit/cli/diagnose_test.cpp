#include <hikyaku/base/json.h>
#include <hikyaku/cli/diagnose.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>

#include "dns_thread.h"

namespace hikyaku::cli
{
namespace
{

using test::dns_thread;

class DiagnoseTest : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-cli-XXXXXX").string();
        dir_ = ::mkdtemp(name.data());
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    std::string write(const std::string& name, const std::string& text) const
    {
        std::ofstream(dir_ + "/" + name, std::ios::binary) << text;
        return dir_ + "/" + name;
    }
    /// What was printed, parsed.
    json::object object() const
    {
        const auto text = out_.str();
        EXPECT_TRUE(text.ends_with('\n'));
        const auto parsed = parse_json(std::string_view(text).substr(0, text.size() - 1));
        EXPECT_TRUE(parsed.has_value()) << text;
        return parsed.has_value() ? parsed->as_object() : json::object();
    }

    std::string dir_;
    std::istringstream in_;
    std::ostringstream out_;
    std::ostringstream err_;
};

using AddressTest = DiagnoseTest;

TEST_F(AddressTest, OneObjectPerLineInOrder)
{
    const address_options options{{"Taro@EXAMPLE.jp", "no-at-sign", "花@例え.jp"}, true};
    EXPECT_EQ(run_address(options, in_, out_, err_), exit_negative);
    std::istringstream lines(out_.str());
    std::vector<json::object> objects;
    for (std::string line; std::getline(lines, line);)
    {
        objects.push_back(parse_json(line)->as_object());
    }
    ASSERT_EQ(objects.size(), 3U);
    EXPECT_EQ(objects[0], (json::object{{"valid", true},
                                        {"normalized", "taro@example.jp"},
                                        {"domain_ascii", "example.jp"},
                                        {"needs_smtputf8", false},
                                        {"reason", ""}}));
    EXPECT_FALSE(objects[1].at("valid").as_bool());
    EXPECT_FALSE(objects[1].at("reason").as_string().empty());
    EXPECT_TRUE(objects[2].at("needs_smtputf8").as_bool());
    EXPECT_EQ(objects[2].at("domain_ascii").as_string(), "xn--r8jz45g.jp");
}

TEST_F(AddressTest, StandardInputByLineAndHostileBytesStayOneLine)
{
    in_.str("a@example.jp\r\n\x1b[2J\xff@b\nc@example.jp");
    EXPECT_EQ(run_address({}, in_, out_, err_), exit_negative);
    const auto text = out_.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\xff'), std::string::npos);
    EXPECT_TRUE(text.starts_with("valid a@example.jp domain=example.jp\n"));
}

TEST_F(AddressTest, AllValidIsZero)
{
    EXPECT_EQ(run_address({{"a@example.jp"}, false}, in_, out_, err_), exit_ok);
}

using RenderTest = DiagnoseTest;

TEST_F(RenderTest, OutputIsExact)
{
    render_options options;
    options.template_file = write("t", "Hello {{ name }}, {{ x }}");
    options.data_file = write("d", R"({"name":"A & B"})");
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_ok);
    EXPECT_EQ(out_.str(), "Hello A & B, ");
    out_.str("");
    options.html = true;
    options.json = true;
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_ok);
    EXPECT_EQ(object().at("output").as_string(), "Hello A &amp; B, ");
}

TEST_F(RenderTest, MistakeHasLineAndColumn)
{
    render_options options;
    options.template_file = "-";
    in_.str("one\n{{ 'x' | nonsense }}");
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_negative);
    EXPECT_TRUE(out_.str().starts_with("2:")) << out_.str();
    EXPECT_TRUE(err_.str().empty());
}

TEST_F(RenderTest, BadDataNamesItsPlace)
{
    render_options options;
    options.template_file = write("t", "x");
    options.data_file = write("d", "{\n \"a\": 1, \"a\": 2}");
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_usage);
    EXPECT_NE(err_.str().find("/d:2:"), std::string::npos) << err_.str();
    err_.str("");
    options.data_file = write("list", "[1]");
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_usage);
    options.data_file = dir_ + "/missing";
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_usage);
    options.template_file = dir_;
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_usage);
    options.template_file = "-";
    options.data_file = "-";
    EXPECT_EQ(run_render(options, in_, out_, err_), exit_usage);
}

using DkimTest = DiagnoseTest;

constexpr std::string_view plain_message = "From: a@news.example\nTo: b@example.jp\n"
                                           "Subject: hi\n\nBody\n";

TEST_F(DkimTest, KeygenSignVerify)
{
    for (const std::string type : {"rsa", "ed25519"})
    {
        out_.str("");
        const dkim_keygen_options keygen{type, "news.example", "s1", dir_ + "/" + type, true};
        ASSERT_EQ(run_dkim_keygen(keygen, out_, err_), exit_ok) << err_.str();
        const auto made = object();
        EXPECT_EQ(made.at("name").as_string(), "s1._domainkey.news.example");
        EXPECT_EQ(made.find("private_key"), made.end());
        struct stat info{};
        ASSERT_EQ(::stat(keygen.key_file.c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 0777U, 0600U);
        EXPECT_EQ(run_dkim_keygen(keygen, out_, err_), exit_usage); // never over a key

        out_.str("");
        in_ = std::istringstream(std::string(plain_message));
        const dkim_sign_options sign{keygen.key_file, "news.example", "s1", "-", {}};
        ASSERT_EQ(run_dkim_sign(sign, in_, out_, err_), exit_ok) << err_.str();
        const auto signed_message = out_.str();
        EXPECT_TRUE(signed_message.starts_with("DKIM-Signature: "));
        EXPECT_TRUE(signed_message.ends_with("\r\n\r\nBody\r\n"));

        // The key record is longer than a datagram may be made to hold: once cut, then over TCP.
        dns_thread dns;
        dns.txt("s1._domainkey.news.example",
                {"unrelated", std::string(made.at("record").as_string())}, true);
        dkim_verify_options verify;
        verify.file = write("signed", signed_message);
        verify.dns = dns.start();
        verify.json = true;
        out_.str("");
        EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_ok) << out_.str() << err_.str();
        EXPECT_EQ(object(), (json::object{{"d", "news.example"},
                                          {"s", "s1"},
                                          {"a", type + "-sha256"},
                                          {"result", "pass"},
                                          {"reason", ""}}));
        out_.str("");
        verify.file = write("changed", signed_message + "more\r\n");
        verify.json = false;
        EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_negative);
        EXPECT_TRUE(out_.str().starts_with("fail d=news.example s=s1 ")) << out_.str();
    }
}

TEST_F(DkimTest, LookUpThatFailsSaysWhy)
{
    const auto message =
        write("m", "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; "
                   "d=News.Example; s=s1; h=from; bh=" +
                       std::string(43, 'A') + "=; b=AAAA\n" + std::string(plain_message));
    dns_thread dns;
    dns.refuse("s1._domainkey.news.example");
    dkim_verify_options verify;
    verify.file = message;
    verify.dns = dns.start();
    verify.json = true;
    EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_negative);
    EXPECT_EQ(object().at("result").as_string(), "temperror");
    EXPECT_NE(object().at("reason").as_string().find("REFUSED"), std::string::npos) << out_.str();
}

TEST_F(DkimTest, UnsignedMessageIsNone)
{
    in_.str(std::string(plain_message));
    dkim_verify_options verify;
    verify.json = true;
    EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_negative);
    EXPECT_EQ(object().at("result").as_string(), "none");
}

TEST_F(DkimTest, WrongCallsAreTold)
{
    const auto key = write("key", "not a key");
    EXPECT_EQ(run_dkim_sign({key, "d.example", "s", "-", {}}, in_, out_, err_), exit_usage);
    EXPECT_EQ(run_dkim_sign({"", "d.example", "s", "-", {}}, in_, out_, err_), exit_usage);
    EXPECT_EQ(run_dkim_keygen({.type = "dsa"}, out_, err_), exit_usage);
    dkim_verify_options verify;
    verify.dns = "dns.example:53";
    EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_usage);
    verify.file = dir_ + "/missing";
    EXPECT_EQ(run_dkim_verify(verify, in_, out_, err_), exit_usage);
    EXPECT_TRUE(out_.str().empty());
    EXPECT_FALSE(err_.str().empty());
}

TEST_F(DkimTest, KeygenWithoutNamesPrintsKeyAndRecord)
{
    EXPECT_EQ(run_dkim_keygen({.type = "ed25519"}, out_, err_), exit_ok);
    EXPECT_TRUE(out_.str().starts_with("-----BEGIN PRIVATE KEY-----"));
    EXPECT_NE(out_.str().find("SELECTOR._domainkey.DOMAIN. IN TXT ( \"v=DKIM1"), std::string::npos);
}

using MxTest = DiagnoseTest;

TEST_F(MxTest, PlanOfADomain)
{
    dns_thread dns;
    dns.mx("xn--r8jz45g.jp", 10, "mx.example.jp");
    dns.a("mx.example.jp", "192.0.2.7");
    const mx_options options{"例え.jp.", dns.start(), milliseconds{10'000}, true};
    EXPECT_EQ(run_mx(options, out_, err_), exit_ok) << out_.str();
    EXPECT_EQ(object().at("decision").as_string(), "deliver");
    EXPECT_EQ(object().at("plan").as_array().at(0).as_object().at("address").as_string(),
              "192.0.2.7");
    out_.str("");
    EXPECT_EQ(run_mx({"例え.jp", options.dns, options.dns_timeout, false}, out_, err_), exit_ok);
    EXPECT_TRUE(out_.str().starts_with("xn--r8jz45g.jp: deliver (ok)\n"
                                       "  MX 10 mx.example.jp\n"
                                       "  1. mx.example.jp [192.0.2.7]\n"
                                       "  site: mx.example.jp\n"))
        << out_.str();
}

TEST_F(MxTest, BadDomainBouncesAndBadServerIsTold)
{
    dns_thread dns;
    EXPECT_EQ(run_mx({"not a domain", dns.start(), milliseconds{5'000}, true}, out_, err_),
              exit_negative);
    EXPECT_EQ(object().at("decision").as_string(), "bounce");
    out_.str("");
    EXPECT_EQ(run_mx({"\xff\x1b.jp", dns.address(), milliseconds{5'000}, true}, out_, err_),
              exit_negative);
    EXPECT_EQ(object().at("status").as_string(), "no_domain");
    EXPECT_EQ(run_mx({"example.jp", "nowhere", milliseconds{5'000}, true}, out_, err_), exit_usage);
}

using CsvTest = DiagnoseTest;

TEST_F(CsvTest, FileAndStandardInputSayTheSame)
{
    const std::string text = "email,name\na@example.jp,A\nb@example.jp,B,extra\n";
    EXPECT_EQ(run_csv({write("c.csv", text), true}, in_, out_, err_), exit_negative);
    const auto of_file = object();
    out_.str("");
    in_.str(text);
    EXPECT_EQ(run_csv({"-", true}, in_, out_, err_), exit_negative);
    EXPECT_EQ(object(), of_file);
    out_.str("");
    EXPECT_EQ(run_csv({dir_ + "/c.csv", false}, in_, out_, err_), exit_negative);
    EXPECT_NE(out_.str().find("errors: 1\n  line 3: "), std::string::npos) << out_.str();
    EXPECT_EQ(run_csv({dir_ + "/missing.csv", true}, in_, out_, err_), exit_usage);
}

TEST_F(DiagnoseTest, ClassifyPrintsOneVerdictPerReply)
{
    classify_options o;
    o.json = true;
    o.files = {write("replies.txt", "550 5.1.1 No such user\n\n421 4.7.0 Too many connections\r\n"
                                    "552-5.2.2 The mailbox\\n552 5.2.2 is full\nno code\n")};
    EXPECT_EQ(run_classify(o, in_, out_, err_), exit_ok);
    EXPECT_EQ(
        out_.str(),
        R"({"code":550,"enhanced":"5.1.1","class":"bad_mailbox","message":"bounced","contact":"suppress"})"
        "\n"
        R"({"code":421,"enhanced":"4.7.0","class":"rate_limited","message":"deferred","contact":"keep"})"
        "\n"
        R"({"code":552,"enhanced":"5.2.2","class":"quota","message":"bounced","contact":"count"})"
        "\n"
        R"({"code":0,"enhanced":"","class":"network","message":"deferred","contact":"keep"})"
        "\n");
}

TEST_F(DiagnoseTest, ClassifyJoinsLinesAsOnTheWireOnly)
{
    classify_options o;
    o.json = true;
    const auto count = [&](const std::string& text)
    {
        out_.str("");
        o.files = {write("replies.txt", text)};
        EXPECT_EQ(run_classify(o, in_, out_, err_), exit_ok);
        const auto lines = out_.str();
        return std::count(lines.begin(), lines.end(), '\n');
    };
    EXPECT_EQ(count("550-5.1.1 The account\n550 5.1.1 does not exist\n421 bye\n"), 2);
    // With words of a log before it.
    EXPECT_EQ(count("host mx.example[192.0.2.1] said: 550 5.1.1 User unknown\n"), 1);
    EXPECT_EQ(out_.str().substr(0, 11), R"({"code":550)");
    // A list of replies of which only the first lines were kept.
    EXPECT_EQ(count("550-5.1.1 The account\n550 5.7.1 Access denied\n"), 2);
    EXPECT_EQ(count("550-5.1.1 The account\n550-5.1.1 The account\n"), 2);
    EXPECT_EQ(count("550-5.1.1 The account 550 5.1.1 does not exist\n550 bye\n"), 2);
}

TEST_F(DiagnoseTest, ClassifyKnowsStagesCarriersAndOtherRules)
{
    classify_options o;
    o.stage = "final_dot";
    o.domain = "docomo.ne.jp";
    o.json = true;
    o.files = {write("one.txt", "550 Unknown user\n")};
    EXPECT_EQ(run_classify(o, in_, out_, err_), exit_ok);
    EXPECT_NE(out_.str().find(R"("contact":"count")"), std::string::npos) << out_.str();
    out_.str("");
    o.rules = write("rules.yaml", "version: 1\nrules:\n  - {name: a, class: policy, text: unknown, "
                                  "matches: 550 unknown, others: 550 known}\n");
    EXPECT_EQ(run_classify(o, in_, out_, err_), exit_ok);
    EXPECT_NE(out_.str().find(R"("class":"policy")"), std::string::npos) << out_.str();
    o.rules = write("bad.yaml", "rules: [{name: a}]\n");
    EXPECT_EQ(run_classify(o, in_, out_, err_), exit_usage);
    EXPECT_NE(err_.str().find("bad.yaml:1:"), std::string::npos) << err_.str();
    o.stage = "lunch";
    EXPECT_EQ(run_classify(o, in_, out_, err_), exit_usage);
}

} // namespace
} // namespace hikyaku::cli
