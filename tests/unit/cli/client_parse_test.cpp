#include "client_rig.h"
#include "command_context.h"
#include "completion.h"

#include <algorithm>

namespace hikyaku::cli
{
namespace
{

/// Parses only: nothing runs.
struct parser
{
    terminal t;
    environment where{.in = t.in, .out = t.out, .err = t.err};
    command_context ctx{where};
    std::unique_ptr<CLI::App> root = make_command_tree(ctx);

    bool parse(std::vector<std::string> words)
    {
        std::reverse(words.begin(), words.end());
        try
        {
            root->parse(words);
            return true;
        }
        catch (const CLI::ParseError&)
        {
            return false;
        }
    }
};

const std::vector<std::vector<std::string>> good = {
    {"serve"},
    {"serve", "--config", "c.yaml", "--accept-gap"},
    {"check", "--config", "c.yaml", "--json"},
    {"version", "--json"},
    {"status", "--platform-url", "unix:/p", "--json"},
    {"shaping", "docomo.ne.jp", "--json"},
    {"accept-gap", "--token-file", "t"},
    {"tenant", "create", "Shop", "--admin-email", "a@shop.example", "--key-out", "k"},
    {"tenant", "list", "--json"},
    {"tenant", "quota", "tnt_1"},
    {"tenant", "quota", "tnt_1", "--per-day", "5", "--per-month", "50", "--ramp", "1,2,3"},
    {"tenant", "quota", "tnt_1", "--none"},
    {"key", "create", "crm", "--scope", "contacts:read", "--scope", "jobs"},
    {"key", "list"},
    {"key", "revoke", "key_1", "--key-file", "k"},
    {"domain", "add", "shop.example", "--url", "http://x"},
    {"domain", "list"},
    {"contacts", "import", "f.csv", "--mode", "new_only", "--key", "no", "--wait"},
    {"contacts", "import", "f.csv", "--errors-out", "e.csv", "--strict"},
    {"campaign", "submit", "f.json", "--follow"},
    {"campaign", "submit", "-", "--draft", "--idempotency-key", "k"},
    {"campaign", "list", "-n", "5"},
    {"campaign", "show", "cmp_1"},
    {"campaign", "report", "cmp_1", "--follow"},
    {"campaign", "start", "cmp_1"},
    {"campaign", "pause", "cmp_1"},
    {"campaign", "resume", "cmp_1"},
    {"campaign", "cancel", "cmp_1", "--json"},
    {"tail", "-f", "-n", "5", "--tenant", "tnt_1", "--campaign", "cmp_1", "--site", "s"},
    {"tail", "--disposition", "bounced", "--file", "f"},
    {"queue"},
    {"queue", "--json"},
    {"queue", "summary"},
    {"queue", "--site", "mx.example"},
    {"queue", "suspend", "--site", "mx.example", "--for", "30m"},
    {"queue", "resume", "--tenant", "tnt_1"},
    {"queue", "retry", "--campaign", "cmp_1"},
    {"queue", "bounce", "--site", "mx.example", "--reason", "gone"},
    {"queue", "history"},
    {"sessions"},
    {"trace", "mx.example"},
    {"address"},
    {"address", "a@b.example", "c@d.example", "--json"},
    {"dkim", "verify", "m.eml", "--dns", "127.0.0.1:53"},
    {"dkim", "sign", "--key", "k", "--domain", "d", "--selector", "s", "m.eml"},
    {"dkim", "keygen", "--type", "ed25519"},
    {"render", "--template", "t", "--data", "d.json", "--html"},
    {"mx", "example.jp", "--dns", "127.0.0.1:53", "--json"},
    {"csv", "f.csv"},
    {"completion", "bash"},
};

const std::vector<std::vector<std::string>> bad = {
    {},
    {"nothing"},
    {"tenant"},
    {"tenant", "create", "Shop"},
    {"tenant", "quota"},
    {"tenant", "quota", "tnt_1", "--per-day", "x"},
    {"tenant", "quota", "tnt_1", "--none", "--per-day", "5"},
    {"tenant", "create", "--admin-email", "a@b.example"},
    {"key", "revoke"},
    {"domain", "add"},
    {"contacts", "import"},
    {"contacts", "import", "f.csv", "--mode", "some"},
    {"campaign", "submit"},
    {"campaign", "submit", "f", "--draft", "--follow"},
    {"campaign", "list", "-n", "x"},
    {"campaign", "pause"},
    {"campaign", "pause", "a", "b"},
    {"tail", "--disposition", "sent"},
    {"queue", "suspend", "--site", "mx.example"},
    {"queue", "suspend", "mx.example", "30m"},
    {"queue", "retry"},
    {"queue", "retry", "--campaign", "cmp_1", "--tenant", "tnt_1"},
    {"trace"},
    {"dkim", "sign", "m.eml"},
    {"dkim", "keygen", "--type", "dsa"},
    {"render"},
    {"mx"},
    {"version", "--jsno"},
};

std::string joined(const std::vector<std::string>& words)
{
    std::string out = "hikyaku";
    for (const auto& w : words)
    {
        out += " " + w;
    }
    return out;
}

TEST(Parse, EveryCommandChoosesAnAction)
{
    for (const auto& words : good)
    {
        parser p;
        EXPECT_TRUE(p.parse(words)) << joined(words);
        EXPECT_TRUE(static_cast<bool>(p.ctx.action)) << joined(words);
        const bool wants_json = std::find(words.begin(), words.end(), "--json") != words.end();
        EXPECT_EQ(p.ctx.json, wants_json) << joined(words);
    }
}

TEST(Parse, RefusesWhatItDoesNotKnow)
{
    for (const auto& words : bad)
    {
        parser p;
        EXPECT_FALSE(p.parse(words)) << joined(words);
        terminal t;
        EXPECT_EQ(t.run(words), 2) << joined(words);
        EXPECT_NE(t.err.str(), "") << joined(words);
    }
}

TEST(Parse, FillsTheConnection)
{
    parser p;
    ASSERT_TRUE(p.parse({"campaign", "submit", "f.json", "--follow", "--url", "u", "--key-file",
                         "k", "--ca-file", "c", "--config", "y"}));
    EXPECT_EQ(p.ctx.connection.url, "u");
    EXPECT_EQ(p.ctx.connection.key_file, "k");
    EXPECT_EQ(p.ctx.connection.ca_file, "c");
    EXPECT_EQ(p.ctx.connection.config_file, "y");
    const auto* submit = p.root->get_subcommand("campaign")->get_subcommand("submit");
    EXPECT_EQ(submit->get_option("FILE")->as<std::string>(), "f.json");
    EXPECT_TRUE(submit->get_option("--follow")->as<bool>());
    EXPECT_EQ(submit->get_option("--draft")->count(), 0U);
}

TEST(Parse, ScopeTakesOneWordEach)
{
    parser p;
    ASSERT_TRUE(p.parse({"key", "create", "--scope", "jobs", "--scope", "domains:read", "crm"}));
    const auto* create = p.root->get_subcommand("key")->get_subcommand("create");
    EXPECT_EQ(create->get_option("NAME")->as<std::string>(), "crm");
    EXPECT_EQ(create->get_option("--scope")->results(),
              (std::vector<std::string>{"jobs", "domains:read"}));
}

TEST(Parse, HelpEverywhere)
{
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"--help"}, {"campaign", "--help"}, {"campaign", "submit", "--help"}})
    {
        terminal t;
        EXPECT_EQ(t.run(words), 0);
        EXPECT_NE(t.out.str().find("hikyaku"), std::string::npos);
    }
    terminal t;
    EXPECT_EQ(t.run({"campaign", "submit", "--help"}), 0);
    EXPECT_NE(t.out.str().find("hikyaku campaign submit news.json --follow"), std::string::npos);
}

TEST(Completion, KnowsTheTree)
{
    parser p;
    const auto script = bash_completion(*p.root);
    EXPECT_NE(script.find("\" campaign submit\") words=\""), std::string::npos) << script;
    EXPECT_NE(script.find("--idempotency-key"), std::string::npos);
    EXPECT_NE(script.find("complete -o default -F _hikyaku hikyaku"), std::string::npos);
}

TEST(Completion, BashAgrees)
{
    const scratch dir;
    parser p;
    const auto file = dir.file("completion", bash_completion(*p.root));
    const auto complete = [&](const std::string& words, int at)
    {
        const auto result = dir.path("result");
        const std::string command = "bash -c 'set -eu; source " + file + "; COMP_WORDS=(" + words +
                                    "); COMP_CWORD=" + std::to_string(at) +
                                    "; _hikyaku; echo ${COMPREPLY[*]-}' > " + result;
        EXPECT_EQ(std::system(command.c_str()), 0);
        std::ifstream in(result);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    EXPECT_EQ(complete("hikyaku camp", 1), "campaign\n");
    EXPECT_EQ(complete("hikyaku campaign sub", 2), "submit\n");
    EXPECT_EQ(complete("hikyaku campaign submit --fo", 3), "--follow\n");
    EXPECT_EQ(complete("hikyaku queue --json su", 3), "summary suspend\n");
}

TEST(Version, PlainAndJson)
{
    terminal plain;
    EXPECT_EQ(plain.run({"version"}), 0);
    EXPECT_EQ(plain.out.str(), "hikyaku " HK_VERSION "\n");
    terminal json;
    EXPECT_EQ(json.run({"version", "--json"}), 0);
    EXPECT_EQ(json.out.str(), "{\"version\":\"" HK_VERSION "\"}\n");
}

TEST(Check, NamesEveryMistakeWithItsPlace)
{
    const scratch dir;
    const auto file = dir.file("bad.yaml", "data_dri: /x\ndelivery:\n  smtp_port: 99999\n");
    terminal t;
    EXPECT_EQ(t.run({"check", "--config", file}), 2);
    EXPECT_NE(t.err.str().find(file + ":1:"), std::string::npos) << t.err.str();
    EXPECT_NE(t.err.str().find(file + ":3:"), std::string::npos) << t.err.str();
    terminal json;
    EXPECT_EQ(json.run({"check", "--config", file, "--json"}), 2);
    EXPECT_NE(json.out.str().find("\"line\":3"), std::string::npos) << json.out.str();
    const auto fine = dir.file("good.yaml", "data_dir: /var/lib/hikyaku\nshaping: \"\"\n");
    terminal ok;
    EXPECT_EQ(ok.run({"check", "--config", fine}), 0) << ok.err.str();
    const auto shaped = dir.file("shaped.yaml", "shaping: s.yaml\n");
    const auto shaping = dir.file("s.yaml", "nonsense: 1\n");
    terminal wrong;
    EXPECT_EQ(wrong.run({"check", "--config", shaped}), 2);
    EXPECT_NE(wrong.err.str().find(shaping + ":1:"), std::string::npos) << wrong.err.str();
}

} // namespace
} // namespace hikyaku::cli
