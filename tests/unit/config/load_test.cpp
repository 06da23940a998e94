#include <hikyaku/config/load.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>

namespace hikyaku::config
{
namespace
{

using testing::ElementsAre;
using testing::HasSubstr;

const std::string shipped = HK_SOURCE_DIR "/conf/hikyaku.yaml";

settings read(const std::string& text)
{
    auto s = parse(text, "/etc/hikyaku/hikyaku.yaml");
    EXPECT_TRUE(s.has_value()) << to_string(s.error());
    return s.has_value() ? *s : settings{};
}

TEST(Load, TheShippedFileSaysTheDefaults)
{
    const auto from_file = load(shipped);
    ASSERT_TRUE(from_file.has_value()) << to_string(from_file.error());
    settings expected = read("{}");
    EXPECT_FALSE(expected.hostname.empty());
    expected.shaping = HK_SOURCE_DIR "/conf/shaping.yaml";
    const auto changes = diff(*from_file, expected);
    EXPECT_THAT(changes.live, ElementsAre());
    EXPECT_THAT(changes.needs_restart, ElementsAre());
    EXPECT_EQ(*from_file, expected);
    EXPECT_EQ(from_file->log.delivery_file, "/var/lib/hikyaku/delivery.log");
    EXPECT_EQ(read(""), read("{}"));
}

/// "  timeouts:" in the documented file, as a key or commented out as an example.
bool documents(const std::string& text, const std::string& key)
{
    const std::string name = key.substr(key.find_last_of(".]") + 1) + ":";
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
    {
        const char before = at == 0 ? '\n' : text[at - 1];
        if (before == '\n' || before == ' ' || before == '{')
        {
            return true;
        }
    }
    return false;
}

TEST(Load, EveryKnownKeyIsInTheShippedFile)
{
    std::ifstream in(shipped);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const YAML::Node root = YAML::Load(text);
    const auto keys = known_keys();
    EXPECT_GT(keys.size(), 60U);
    for (const auto& key : keys)
    {
        EXPECT_TRUE(documents(text, key)) << key;
        // These two can only be shown as examples.
        if (key.find('[') != std::string::npos || key == "delivery.forbidden_networks")
        {
            continue;
        }
        YAML::Node node = YAML::Clone(root);
        std::string rest = key;
        while (!rest.empty())
        {
            const auto dot = rest.find('.');
            const YAML::Node next = node[rest.substr(0, dot)];
            ASSERT_TRUE(next.IsDefined()) << key;
            node.reset(next);
            rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
        }
        EXPECT_FALSE(node.IsMap() && node.size() > 0) << key << " is a section, not a value";
    }
}

TEST(Load, ValuesOfEveryForm)
{
    const auto s = read(R"(
data_dir: data
hostname: Mail.Example
master_key_file: ../key
create_master_key: true
api: {address: "[::1]:9000", unix_socket: run/api.sock}
platform: {address: "192.0.2.1:1", tls_certificate: c.pem, tls_key: /k.pem}
http: {threads: 2, body_bytes_max: 1MB, body_memory_max: 2GB}
dns: {servers: [127.0.0.1:5353, "[::1]:53", 192.0.2.53], timeout: 1500ms}
delivery:
  smtp_port: 2525
  routes: {"*": "127.0.0.1:1025", Example.COM: relay.example, two.example: "[2001:db8::1]:26"}
  forbidden_networks: []
  unknown_bytes_max: 0
  timeouts: {final_dot: 90s}
sources:
  - {name: one, address_v4: 192.0.2.10, ehlo_name: m1.example}
  - {name: two, address_v6: "2001:db8::10", ptr_names: [M2.example]}
pools: {default: [{source: two, weight: 3}, {source: one}]}
shaping: ""
store: {group_wait: 2ms, block_cache: 1048576}
log: {level: debug, delivery_file: d.log, delivery_retention: 7d}
)");
    EXPECT_EQ(s.data_dir, "/etc/hikyaku/data");
    EXPECT_EQ(s.hostname, "mail.example");
    EXPECT_EQ(s.master_key_file, "/etc/key");
    EXPECT_TRUE(s.create_master_key);
    EXPECT_EQ(s.api.address, "::1");
    EXPECT_EQ(s.api.port, 9000);
    EXPECT_EQ(s.api.unix_socket, "/etc/hikyaku/run/api.sock");
    EXPECT_EQ(s.platform.tls_certificate, "/etc/hikyaku/c.pem");
    EXPECT_EQ(s.platform.tls_key, "/k.pem");
    EXPECT_EQ(s.http.body_memory_max, 2ULL << 30);
    EXPECT_THAT(s.dns.servers, ElementsAre("127.0.0.1:5353", "[::1]:53", "192.0.2.53"));
    EXPECT_EQ(s.dns.timeout, milliseconds{1500});
    EXPECT_EQ(s.delivery.routes.at("*"), (route_settings{"127.0.0.1", 1025}));
    EXPECT_EQ(s.delivery.routes.at("example.com"), (route_settings{"relay.example", 25}));
    EXPECT_EQ(s.delivery.routes.at("two.example"), (route_settings{"2001:db8::1", 26}));
    ASSERT_TRUE(s.delivery.forbidden_networks.has_value());
    EXPECT_TRUE(s.delivery.forbidden_networks->empty());
    EXPECT_EQ(s.delivery.timeouts.final_dot, seconds{90});
    ASSERT_EQ(s.sources.size(), 2U);
    EXPECT_THAT(s.sources[1].ptr_names, ElementsAre("m2.example"));
    EXPECT_EQ(s.sources[1].warm_up, std::nullopt);
    EXPECT_EQ(s.pools.at("default"), (std::vector<pool_member>{{"two", 3}, {"one", 1}}));
    EXPECT_EQ(s.shaping, "");
    EXPECT_EQ(s.store.group_wait, milliseconds{2});
    EXPECT_EQ(s.store.block_cache, 1U << 20);
    EXPECT_EQ(s.log.level, log::level::debug);
    EXPECT_EQ(s.log.delivery_file, "/etc/hikyaku/d.log");
}

struct bad_row
{
    const char* text;
    const char* message;
};

// The whole message of the first error.
const bad_row bad_rows[] = {
    {"data_dri: /x", R"(f.yaml:1:1: unknown key "data_dri"; the nearest known key is data_dir)"},
    {"\n\ndelivery:\n  smtp_prot: 25",
     R"(f.yaml:4:3: delivery: unknown key "smtp_prot"; the nearest known key is delivery.smtp_port)"},
    {"smtp_port: 25",
     R"(f.yaml:1:1: unknown key "smtp_port"; the nearest known key is delivery.smtp_port)"},
    {"delivery: {timeouts: {bannar: 1s}}",
     R"(f.yaml:1:23: delivery.timeouts: unknown key "bannar"; the nearest known key is delivery.timeouts.banner)"},
    {"quite_another_thing: 1", R"(f.yaml:1:1: unknown key "quite_another_thing")"},
    {"\"a\\nb\": 1", R"(f.yaml:1:1: unknown key "a?b")"},
    {"sources:\n  - name: a\n    adress_v4: 192.0.2.1",
     R"(f.yaml:3:5: sources[0]: unknown key "adress_v4"; the nearest known key is sources[0].address_v4)"},
    {"hostname: a\nhostname: b",
     R"(f.yaml:2:1: the key "hostname" is given twice, first in line 1)"},
    {"http:\n  threads: 1\n  threads: 2",
     R"(f.yaml:3:3: http: the key "threads" is given twice, first in line 2)"},
    {"http: {threads: many}",
     R"(f.yaml:1:17: http.threads: expected a whole number from 1 to 256, found "many")"},
    {"http: {threads: 0}",
     R"(f.yaml:1:17: http.threads: expected a whole number from 1 to 256, found "0")"},
    {"http: {threads: -1}",
     R"(f.yaml:1:17: http.threads: expected a whole number from 1 to 256, found "-1")"},
    {"http: {threads: 99999999999999999999}",
     R"(f.yaml:1:17: http.threads: expected a whole number from 1 to 256, found "99999999999999999999")"},
    {"http: {threads: [1]}",
     "f.yaml:1:17: http.threads: expected a whole number from 1 to 256, found a list"},
    {"http: 8", "f.yaml:1:7: http: expected a map of keys and values, found a single value"},
    {"- a", "f.yaml:1:1: expected a map of keys and values, found a list"},
    {"hostname:", "f.yaml:1:1: hostname: the key has no value; leave it out for the default"},
    {"store: {wal_max: 64XB}",
     R"(f.yaml:1:18: store.wal_max: expected a size such as 64MB, from 1MB to 64GB, found "64XB")"},
    {"store: {wal_max: 99999999999999999999GB}",
     R"(f.yaml:1:18: store.wal_max: expected a size such as 64MB, from 1MB to 64GB, found "99999999999999999999GB")"},
    {"dns: {timeout: 20}",
     R"(f.yaml:1:16: dns.timeout: expected a duration such as 250ms, 90s, 15m, 72h or 7d, from 1s to 5m, found "20")"},
    {"create_master_key: yes",
     R"(f.yaml:1:20: create_master_key: expected true or false, found "yes")"},
    {"hostname: mail_1.example",
     R"(f.yaml:1:11: hostname: expected a host name such as mail.example.com, found "mail_1.example")"},
    {"data_dir: \"\"", R"(f.yaml:1:11: data_dir: expected a path, found "")"},
    {"log: {level: trace}",
     R"(f.yaml:1:14: log.level: expected debug, info, warning or error, found "trace")"},
    {"api: {address: 8025}",
     R"(f.yaml:1:16: api.address: expected an address and port such as 127.0.0.1:8025 or [::1]:8025, found "8025")"},
    {"api: {address: \"localhost:8025\"}",
     R"(f.yaml:1:16: api.address: expected an address and port such as 127.0.0.1:8025 or [::1]:8025, found "localhost:8025")"},
    {"api:\n  address: 0.0.0.0:8025",
     "f.yaml:2:3: api.address: a listener without TLS may only be on loopback (127.0.0.1 or ::1); "
     "give tls_certificate and tls_key, or set allow_plaintext: true"},
    {"api:\n  tls_key: k.pem",
     "f.yaml:2:3: api.tls_key: tls_certificate and tls_key go together: give both or none"},
    {"platform: {address: \"127.0.0.1:8025\"}",
     "f.yaml:1:12: platform.address: api and platform can't listen on the same address and port"},
    {"public: {address: \"127.0.0.1:8025\"}",
     "f.yaml:1:10: public.address: api and public can't listen on the same address and port"},
    {"public:\n  url: http://m.example.jp",
     R"(f.yaml:2:8: public.url: expected a URL such as https://m.example.jp, found "http://m.example.jp")"},
    {"public: {url: \"https://m.example.jp/?a=b\"}",
     R"(f.yaml:1:15: public.url: expected a URL such as https://m.example.jp, found "https://m.example.jp/?a=b")"},
    {"public: {url: \"https://user@m.example.jp\"}",
     R"(f.yaml:1:15: public.url: expected a URL such as https://m.example.jp, found "https://user@m.example.jp")"},
    {"public: {url: \"https://\"}",
     R"(f.yaml:1:15: public.url: expected a URL such as https://m.example.jp, found "https://")"},
    {"public: {url: \"ftp://m.example.jp\"}",
     R"(f.yaml:1:15: public.url: expected a URL such as https://m.example.jp, found "ftp://m.example.jp")"},
    {"public:\n  enabled: false\n  url: https://m.example.jp",
     "f.yaml:3:3: public.url: links would lead nowhere: public.enabled is false; leave url out"},
    {"public: {proxies: [10.0.0.1/8]}",
     R"(f.yaml:1:20: public.proxies[0]: expected a network such as 10.0.0.0/8, found "10.0.0.1/8")"},
    {"dns: {servers: 192.0.2.1}",
     R"(f.yaml:1:16: dns.servers: expected a list such as [192.0.2.1, "[2001:db8::1]:53"], found a single value)"},
    {"dns:\n  servers:\n    - 192.0.2.1\n    - resolver.example",
     R"(f.yaml:4:7: dns.servers[1]: expected an address with or without a port, found "resolver.example")"},
    {"delivery: {forbidden_networks: [10.0.0.1/8]}",
     R"(f.yaml:1:33: delivery.forbidden_networks[0]: expected a network such as 10.0.0.0/8, found "10.0.0.1/8")"},
    {"delivery: {routes: {a.example: \"h:0\"}}",
     R"(f.yaml:1:32: delivery.routes.a.example: expected host:port such as relay.example:25, found "h:0")"},
    {"delivery: {routes: {a.example: h, A.example: h}}",
     R"(f.yaml:1:35: delivery.routes: the domain "A.example" has two routes)"},
    {"sources: [{name: a, address_v4: \"::1\"}]",
     R"(f.yaml:1:33: sources[0].address_v4: expected an IPv4 address, found "::1")"},
    {"sources: [{address_v4: 192.0.2.1}]", "f.yaml:1:11: sources[0]: a source needs a name"},
    {"sources: [{name: a}, {name: a}]",
     R"(f.yaml:1:22: sources[1]: there are two sources called "a")"},
    {"sources: [{name: a}]\npools: {default: [{source: b}]}",
     R"(f.yaml:2:20: pools.default[0].source: there is no source called "b")"},
    {"sources: [{name: a}]\npools: {other: [{source: a}]}",
     "f.yaml:2:1: pools: a pool called default is needed"},
    {"pools: {default: []}", "f.yaml:1:9: pools.default: a pool needs at least one source"},
    {"sources: [{name: a}]\npools: {default: [{source: a}, {source: a}]}",
     R"(f.yaml:2:33: pools.default[1].source: the source "a" is in the pool twice)"},
    {"sources: [{name: a}]\npools: {default: [{source: a, weight: 0}]}",
     R"(f.yaml:2:39: pools.default[0].weight: expected a whole number from 1 to 1000, found "0")"},
    {"sources: [{name: a, ptr_names: [a b]}]",
     R"(f.yaml:1:33: sources[0].ptr_names[0]: expected a host name such as mail.example.com, found "a b")"},
    {"sources: [{name: a, warm_up: {started: 2026-02-30, plan: [1]}}]",
     R"(f.yaml:1:40: sources[0].warm_up.started: expected a day such as 2026-11-24, found "2026-02-30")"},
    {"sources: [{name: a, warm_up: {plan: [1]}}]",
     "f.yaml:1:21: sources[0].warm_up: a warm-up needs started, and either plan or growth"},
    {"sources: [{name: a, warm_up: {started: 2026-01-01, plan: [1], growth: {first: 1}}}]",
     "f.yaml:1:21: sources[0].warm_up: a warm-up needs started, and either plan or growth"},
    {"sources: [{name: a, warm_up: {started: 2026-01-01, growth: {first: 1}}}]",
     "f.yaml:1:21: sources[0].warm_up: growth needs a target"},
    {"sources: [{name: a, warm_up: {started: 2026-01-01, plan: [5, 4]}}]",
     "f.yaml:1:21: sources[0].warm_up: daily caps never fall: 4 comes after 5"},
    {"sources: [{name: a, warm_up: {started: 2026-01-01, plan: [0]}}]",
     R"(f.yaml:1:59: sources[0].warm_up.plan[0]: expected a whole number from 1 to 1000000000, found "0")"},
    {"quotas: {default: {per_day: 0}}",
     R"(f.yaml:1:29: quotas.default.per_day: expected a whole number from 1 to 1000000000000, or none, found "0")"},
    {"quotas: {default: {ramp: [2, 1]}}",
     "f.yaml:1:26: quotas.default.ramp: ramp never falls from one day to the next"},
    {"quotas: {other: {}}", R"(f.yaml:1:10: quotas: unknown key "other")"},
    {"source_checks: {dnsbl: [\"bl example\"]}",
     R"(f.yaml:1:25: source_checks.dnsbl[0]: expected a host name such as mail.example.com, found "bl example")"},
    {"http: {body_bytes_max: 1GB}",
     "f.yaml:1:8: http.body_bytes_max: http.body_memory_max must be at least http.body_bytes_max"},
    {", a", "f.yaml:1:1: a second document begins here; one is expected"},
    {"a: 1\n---\nb: 2", "f.yaml:3:1: a second document begins here; one is expected"},
};

TEST(Load, MistakesAreToldWithTheirPlace)
{
    for (const auto& row : bad_rows)
    {
        const auto s = parse(row.text, "f.yaml");
        ASSERT_TRUE(s.has_error()) << row.text;
        const auto errors = s.error();
        EXPECT_EQ(to_string(errors.front()), row.message) << to_string(errors);
    }
}

TEST(Load, WarmUpsQuotasAndChecks)
{
    const auto s = read(R"(
sources:
  - {name: a, warm_up: {started: 2026-11-24, plan: [50, 100, 200], target: 200}}
  - {name: b, warm_up: {started: 1970-01-02, growth: {first: 10, percent: 100}, target: 50}}
source_checks: {every: 0, dnsbl: [BL.example]}
quotas: {default: {per_day: 1000, per_month: none, ramp: [5, 50]}}
)");
    ASSERT_EQ(s.sources.size(), 2U);
    EXPECT_EQ(s.sources[0].warm_up->started, shaping::parse_day("2026-11-24"));
    EXPECT_THAT(s.sources[0].warm_up->caps, ElementsAre(50U, 100U));
    EXPECT_EQ(s.sources[1].warm_up->started, 1);
    EXPECT_THAT(s.sources[1].warm_up->caps, ElementsAre(10U, 20U, 40U));
    EXPECT_EQ(s.source_checks.every, milliseconds{0});
    EXPECT_THAT(s.source_checks.dnsbl, ElementsAre("bl.example"));
    EXPECT_EQ(s.default_quota.per_day, 1000U);
    EXPECT_EQ(s.default_quota.per_month, std::nullopt);
    EXPECT_THAT(s.default_quota.ramp, ElementsAre(5U, 50U));
    const auto changes = diff(read("{}"), s);
    EXPECT_THAT(changes.live, ElementsAre("sources", "source_checks.every", "source_checks.dnsbl",
                                          "quotas.default.per_day", "quotas.default.ramp"));
}

TEST(Load, PublicUrlsLoseTheirSlashAndMayHaveAPath)
{
    EXPECT_EQ(read("public: {url: \"https://M.example.jp/\"}").public_pages.url,
              "https://M.example.jp");
    EXPECT_EQ(read("public: {url: \"https://m.example.jp:8443/a/b//\"}").public_pages.url,
              "https://m.example.jp:8443/a/b");
    EXPECT_EQ(read("public: {url: \"http://127.0.0.1:8027\"}").public_pages.url,
              "http://127.0.0.1:8027");
    EXPECT_EQ(read("public: {url: \"http://localhost/\"}").public_pages.url, "http://localhost");
    const auto s = read("public: {proxies: [127.0.0.1, \"::1\"], requests_per_s: 7}");
    EXPECT_THAT(s.public_pages.proxies, ElementsAre("127.0.0.1", "::1"));
    EXPECT_EQ(s.public_pages.requests_per_s, 7U);
    EXPECT_EQ(s.public_pages.listener.port, 8027);
}

TEST(Load, MistakesOfPoolsAreToldAlsoWhenOtherKeysAreWrong)
{
    const auto s = parse(
        "http: {threads: x}\nsources: [{name: a}]\npools: {default: [{source: b}]}", "f.yaml");
    ASSERT_TRUE(s.has_error());
    EXPECT_EQ(s.error().size(), 2U);
}

TEST(Load, SyntaxErrorsAndBinaryFilesAreErrors)
{
    for (const std::string& text :
         {std::string("a: [1"), std::string("a: 'x"), std::string("a: b: c"), std::string("\tx: 1"),
          std::string("*nobody"), std::string("a\0b", 3)})
    {
        EXPECT_TRUE(parse(text, "f.yaml").has_error()) << text;
    }
    const auto deep = parse(std::string(100'000, '['), "f.yaml");
    EXPECT_TRUE(deep.has_error());
}

TEST(Load, AllMistakesComeInTheOrderOfTheFileUpToALimit)
{
    const auto three = parse("http: {threads: x}\ncreate_master_key: 1\nhostnam: a", "f.yaml");
    ASSERT_TRUE(three.has_error());
    std::vector<int> lines;
    for (const auto& e : three.error())
    {
        lines.push_back(e.line);
    }
    EXPECT_THAT(lines, ElementsAre(1, 2, 3));
    std::string many;
    for (int i = 0; i < 1000; ++i)
    {
        many += "unknown_" + std::to_string(i) + ": 1\n";
    }
    EXPECT_EQ(parse(many, "f.yaml").error().size(), errors_max);
}

TEST(Load, FilesThatCanNotBeReadAreErrorsWithoutALine)
{
    const auto absent = load("/nonexistent/hikyaku.yaml");
    ASSERT_TRUE(absent.has_error());
    EXPECT_EQ(absent.error().front().line, 0);
    EXPECT_TRUE(load("/").has_error());
    EXPECT_TRUE(load("/dev/zero").has_error());
}

TEST(Diff, TellsWhatAReloadTakesOver)
{
    const auto a = read("{}");
    const auto b = read("dns: {servers: [192.0.2.1]}\nlog: {level: debug}\nshaping: s.yaml\n"
                        "api: {address: \"127.0.0.1:9\"}\nstore: {wal_max: 1MB}");
    const auto changes = diff(a, b);
    EXPECT_THAT(changes.live, ElementsAre("dns.servers", "shaping", "log.level"));
    EXPECT_THAT(changes.needs_restart, ElementsAre("api.address", "store.wal_max"));
    EXPECT_TRUE(diff(b, b).live.empty());
}

TEST(Shaping, TheShippedFileLoads)
{
    const auto table = load_shaping(HK_SOURCE_DIR "/conf/shaping.yaml");
    ASSERT_TRUE(table.has_value()) << to_string(table.error());
    const std::vector<std::string> mx{"mta5.am0.yahoodns.net"};
    EXPECT_EQ((*table)->provider_of("yahoo.com", mx), "yahoo");
    EXPECT_EQ((*table)->effective("yahoo.com", mx).limits.messages_per_connection, 20U);
    EXPECT_EQ((*table)->retry().policy(), shaping::retry_policy{});
    EXPECT_TRUE(load_shaping("").has_value());
    EXPECT_TRUE(load_shaping("/nonexistent").has_error());
}

TEST(Shaping, EveryLayerIsRead)
{
    const auto table = parse_shaping("version: 1\n"
                                     "default: {connections_max: 3, message_rate: none}\n"
                                     "retry: {steps: [1m, 2m], expire_after: 1d}\n"
                                     "providers: [{name: p, domains: [p.example], tls: off}]\n"
                                     "sites: {mx.s.example: {idle_max: 1s}}\n"
                                     "domains: {d.example: {message_rate: \"60/min,5\"}}\n",
                                     "s.yaml");
    ASSERT_TRUE(table.has_value()) << to_string(table.error());
    EXPECT_EQ((*table)->effective("x.example", {}).limits.connections_max, 3U);
    EXPECT_FALSE((*table)->effective("x.example", {}).limits.message_rate.has_value());
    EXPECT_EQ((*table)->effective("p.example", {}).limits.tls, shaping::tls_mode::off);
    const std::vector<std::string> mx{"mx.s.example"};
    EXPECT_EQ((*table)->effective("x.example", mx).limits.idle_max, seconds{1});
    EXPECT_EQ((*table)->effective("d.example", {}).limits.message_rate->burst, 5U);
    EXPECT_EQ((*table)->retry().policy().steps.size(), 2U);
}

TEST(Shaping, MistakesAreToldWithTheirPlace)
{
    const bad_row rows[] = {
        {"default:\n  conections_max: 1",
         R"(s.yaml:2:3: default: unknown key "conections_max"; the nearest known key is default.connections_max)"},
        {"default: {message_rate: 5}",
         R"(s.yaml:1:25: default.message_rate: expected a rate such as 100/s, 30/min or "1000/h,50", or none, found "5")"},
        {"default: {tls: maybe}",
         R"(s.yaml:1:16: default.tls: expected off, opportunistic, required or verified, found "maybe")"},
        {"default: {idle_max: 8d}",
         R"(s.yaml:1:21: default.idle_max: expected a duration such as 250ms, 90s, 15m, 72h, at most 7d, found "8d")"},
        {"version: 2", R"(s.yaml:1:10: version: expected version 1, found "2")"},
        {"providers: [{name: p, domain: [a.example]}]",
         R"(s.yaml:1:23: providers[0]: unknown key "domain"; the nearest known key is providers[0].domains)"},
        {"retry: {jitter_percent: 91}",
         R"(s.yaml:1:25: retry.jitter_percent: expected a whole number from 0 to 90, found "91")"},
        {"domains: {a.example: {tls: off}, a.example: {tls: off}}",
         R"(s.yaml:1:34: domains: the key "a.example" is given twice, first in line 1)"},
    };
    for (const auto& row : rows)
    {
        const auto table = parse_shaping(row.text, "s.yaml");
        ASSERT_TRUE(table.has_error()) << row.text;
        EXPECT_EQ(to_string(table.error().front()), row.message);
    }
    EXPECT_TRUE(parse_shaping("default: {connections_max: 0}", "s.yaml").has_error());
    EXPECT_TRUE(parse_shaping("retry: {steps: []}", "s.yaml").has_error());
    EXPECT_TRUE(parse_shaping("domains: {A.example: {}, a.example: {}}", "s.yaml").has_error());
}

} // namespace
} // namespace hikyaku::config
