#include <hikyaku/cli/diagnose.h>

#include "dns_thread.h"

#include <hikyaku/base/json.h>

#include <gtest/gtest.h>

#include <sstream>

namespace hikyaku::cli
{
namespace
{

using test::dns_thread;

class SpfTest : public ::testing::Test
{
protected:
    spf_options options(const std::string& from)
    {
        spf_options o;
        o.ip = "192.0.2.7";
        o.from = from;
        o.helo = "mail.例え.jp";
        o.dns = dns_.address();
        o.json = true;
        return o;
    }
    json::object object() const
    {
        const auto text = out_.str();
        EXPECT_TRUE(text.ends_with('\n'));
        const auto parsed = parse_json(std::string_view(text).substr(0, text.size() - 1));
        EXPECT_TRUE(parsed.has_value()) << text;
        return parsed.has_value() ? parsed->as_object() : json::object();
    }

    dns_thread dns_;
    std::ostringstream out_;
    std::ostringstream err_;
};

TEST_F(SpfTest, VerdictOfASender)
{
    dns_.txt("xn--r8jz45g.jp", {"verification=1", "v=spf1 mx -all exp=why.%{d}"}, true);
    dns_.mx("xn--r8jz45g.jp", 10, "mx.example.jp");
    dns_.a("mx.example.jp", "192.0.2.7");
    dns_.txt("why.xn--r8jz45g.jp", {"%{c} is not ours, %{h}; ask %{r}"}, false);
    dns_.start();
    EXPECT_EQ(run_spf(options("<news@例え.jp>"), out_, err_), exit_ok) << out_.str();
    EXPECT_EQ(out_.str(), "{\"result\":\"pass\",\"mechanism\":\"mx\",\"lookups\":1,"
                          "\"explanation\":\"\",\"reason\":\"\"}\n");
    out_.str("");
    auto other = options("news@例え.jp");
    other.ip = "192.0.2.8";
    other.receiver = "mx.here.example";
    EXPECT_EQ(run_spf(other, out_, err_), exit_negative);
    EXPECT_EQ(object().at("result").as_string(), "fail");
    EXPECT_EQ(object().at("mechanism").as_string(), "-all");
    EXPECT_EQ(object().at("explanation").as_string(),
              "192.0.2.8 is not ours, mail.xn--r8jz45g.jp; ask mx.here.example");
    out_.str("");
    other.json = false;
    EXPECT_EQ(run_spf(other, out_, err_), exit_negative);
    EXPECT_EQ(out_.str(), "fail\n  mechanism: -all\n  explanation: 192.0.2.8 is not ours, "
                          "mail.xn--r8jz45g.jp; ask mx.here.example\n  lookups: 1 of 10\n");
}

TEST_F(SpfTest, ErrorsAreTold)
{
    dns_.refuse("refused.example");
    dns_.txt("wrong.example", {"v=spf1 \x1b[2Jmoo"}, false);
    dns_.start();
    EXPECT_EQ(run_spf(options("a@refused.example"), out_, err_), exit_negative);
    EXPECT_EQ(object().at("result").as_string(), "temperror");
    EXPECT_EQ(object().at("reason").as_string(), "REFUSED for TXT of refused.example");
    out_.str("");
    auto wrong = options("a@wrong.example");
    wrong.json = false;
    EXPECT_EQ(run_spf(wrong, out_, err_), exit_negative);
    EXPECT_EQ(out_.str().find('\x1b'), std::string::npos) << out_.str();
    EXPECT_NE(out_.str().find("unknown mechanism"), std::string::npos) << out_.str();
    out_.str("");
    EXPECT_EQ(run_spf(options("a@nothing.example"), out_, err_), exit_ok);
    EXPECT_EQ(object().at("result").as_string(), "none");
}

TEST_F(SpfTest, AServerThatIsSilentEndsInTime)
{
    dns_.silent("slow.example");
    dns_.start();
    auto slow = options("a@slow.example");
    slow.dns_timeout = milliseconds{100};
    EXPECT_EQ(run_spf(slow, out_, err_), exit_negative);
    EXPECT_EQ(object().at("result").as_string(), "temperror");
}

TEST_F(SpfTest, BadOptions)
{
    auto bad = options("a@example.jp");
    bad.ip = "192.0.2";
    EXPECT_EQ(run_spf(bad, out_, err_), exit_usage);
    bad = options("a@example.jp");
    bad.dns = "nowhere";
    EXPECT_EQ(run_spf(bad, out_, err_), exit_usage);
    EXPECT_EQ(out_.str(), "");
}

} // namespace
} // namespace hikyaku::cli
