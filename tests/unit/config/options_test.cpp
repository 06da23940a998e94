#include <hikyaku/config/load.h>
#include <hikyaku/config/options.h>

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hikyaku::config
{
namespace
{

settings read(const std::string& text)
{
    auto s = parse(text, "/etc/hikyaku/hikyaku.yaml");
    EXPECT_TRUE(s.has_value()) << to_string(s.error());
    return s.has_value() ? *s : settings{};
}

TEST(Options, DefaultsAreThoseOfTheModules)
{
    const auto s = read("hostname: mail.example");
    const auto engine = make_engine_options(s);
    const delivery::engine_options built_in;
    EXPECT_EQ(engine.hostname, "mail.example");
    EXPECT_EQ(engine.sources->sources().front().ehlo_name, "mail.example");
    EXPECT_EQ(engine.smtp_port, built_in.smtp_port);
    EXPECT_EQ(engine.sessions_max, built_in.sessions_max);
    EXPECT_EQ(engine.batch, built_in.batch);
    EXPECT_EQ(engine.connect_timeout, built_in.connect_timeout);
    EXPECT_EQ(engine.unknown_bytes_max, built_in.unknown_bytes_max);
    EXPECT_EQ(engine.timeouts.banner, built_in.timeouts.banner);
    EXPECT_EQ(engine.timeouts.body, built_in.timeouts.body);
    EXPECT_EQ(engine.timeouts.final_dot, built_in.timeouts.final_dot);
    EXPECT_EQ(engine.dns.lookup_timeout, built_in.dns.lookup_timeout);
    EXPECT_EQ(engine.dns.mx_bytes_max, built_in.dns.mx_bytes_max);
    EXPECT_EQ(engine.dns.address_bytes_max, built_in.dns.address_bytes_max);
    EXPECT_FALSE(engine.dns.servers.empty());
    EXPECT_TRUE(engine.forbidden_networks.contains(boost::asio::ip::make_address("127.0.0.1")));
    const auto db = make_store_options(s);
    const store::options plain;
    EXPECT_EQ(db.path, "/var/lib/hikyaku/store");
    EXPECT_EQ(db.block_cache_bytes, plain.block_cache_bytes);
    EXPECT_EQ(db.memtable_bytes, plain.memtable_bytes);
    EXPECT_EQ(db.wal_bytes_max, plain.wal_bytes_max);
    EXPECT_EQ(db.group_wait, plain.group_wait);
    EXPECT_EQ(make_server_options(s).workers, http::server_options{}.workers);
    EXPECT_EQ(make_tenant_limits(s).tenants_max, identity::tenant_limits{}.tenants_max);
    EXPECT_EQ(make_key_limits(s).keys_per_tenant_max,
              identity::api_key_limits{}.keys_per_tenant_max);
}

TEST(Options, WhatTheFileSaysReachesTheModules)
{
    const auto s = read(R"(
hostname: mail.example
delivery:
  forbidden_networks: [10.0.0.0/8]
  routes: {"*": "127.0.0.1:1025"}
  return_path_domain: bounce.example
  spf_include: spf.example
dns: {servers: [192.0.2.53]}
store: {group_wait: 2ms}
limits: {domains_per_tenant_max: 7}
)");
    const auto engine = make_engine_options(s);
    EXPECT_FALSE(engine.forbidden_networks.contains(boost::asio::ip::make_address("127.0.0.1")));
    EXPECT_TRUE(engine.forbidden_networks.contains(boost::asio::ip::make_address("10.1.2.3")));
    EXPECT_EQ(engine.routes.at("*").host, "127.0.0.1");
    EXPECT_EQ(engine.routes.at("*").port, 1025);
    EXPECT_EQ(engine.dns.servers, std::vector<std::string>{"192.0.2.53"});
    EXPECT_EQ(make_store_options(s).group_wait, std::chrono::microseconds{2000});
    const auto domains = make_domain_options(s);
    EXPECT_EQ(domains.return_path_domain, "bounce.example");
    EXPECT_EQ(domains.spf_include, "spf.example");
    EXPECT_EQ(domains.domains_per_tenant_max, 7U);
}

TEST(Options, TheAddressesOfAllSourcesAreForSpf)
{
    const auto s = read("hostname: h.example\n"
                        "sources: [{name: one, address_v4: 192.0.2.1},\n"
                        "  {name: two, address_v6: \"2001:db8::2\", ehlo_name: m.example}]\n"
                        "pools: {default: [{source: two}], a: [{source: one}]}");
    EXPECT_EQ(make_domain_options(s).source_addresses,
              (std::vector<std::string>{"192.0.2.1", "2001:db8::2"}));
    EXPECT_EQ(make_engine_options(s).sources->sources().size(), 2U);
}

TEST(Options, ChecksOfDomainsKnowTheSources)
{
    const auto o = make_watch_options(
        read("hostname: h.example\n"
             "sources: [{name: one, address_v4: 192.0.2.1, address_v6: \"2001:db8::1\"},\n"
             "  {name: two, address_v4: 192.0.2.2, ehlo_name: m.example}, {name: three}]\n"
             "alignment: {enforce: false, check_every: 12h, key_poll: 1s, key_retire: 3d}\n"));
    ASSERT_EQ(o.sources.size(), 3U);
    EXPECT_EQ(o.sources[1].source, "one");
    EXPECT_EQ(dns::format_ip(o.sources[1].ip), "2001:db8::1");
    EXPECT_EQ(o.sources[1].ehlo_name, "h.example");
    EXPECT_EQ(o.sources[2].ehlo_name, "m.example");
    EXPECT_EQ(o.sources_without_address, std::vector<std::string>{"three"});
    EXPECT_FALSE(o.enforce);
    EXPECT_EQ(o.check_every, std::chrono::hours{12});
    EXPECT_EQ(o.poll_every, seconds{1});
    EXPECT_EQ(o.retire_after, std::chrono::hours{72});
    const auto plain = make_watch_options(read("hostname: h.example"));
    EXPECT_TRUE(plain.enforce);
    EXPECT_EQ(plain.sources_without_address, std::vector<std::string>{"default"});
}

TEST(Options, SourcesAndPoolsMakeATable)
{
    const auto none = make_source_table(read("hostname: h.example"));
    EXPECT_EQ(none.sources().front().ehlo_name, "h.example");
    const auto table = make_source_table(
        read("hostname: h.example\n"
             "sources: [{name: one, ptr_names: [p.example]},\n"
             "  {name: two, warm_up: {started: 1970-01-02, plan: [7]}}]\n"
             "pools: {default: [{source: one}], new: [{source: two, weight: 3}, {source: one}]}"));
    EXPECT_EQ(table.default_pool().shares, (std::vector<shaping::pool_share>{{0, 1}}));
    EXPECT_EQ(table.find_pool("new")->shares, (std::vector<shaping::pool_share>{{1, 3}, {0, 1}}));
    EXPECT_EQ(table.sources()[0].ehlo_name, "h.example");
    EXPECT_EQ(table.sources()[0].ptr_names, std::vector<std::string>{"p.example"});
    EXPECT_EQ(shaping::warm_up_cap(*table.sources()[1].warm_up, 1), 7U);
}

TEST(Options, ListenersAreTcpAndUnixOrNone)
{
    const auto s = read("api: {enabled: false}\n"
                        "platform: {address: \"[::1]:99\", unix_socket: /run/p.sock}\n"
                        "http: {connections_max: 5}");
    EXPECT_TRUE(make_api_listeners(s).empty());
    const auto all = make_platform_listeners(s);
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].name, "platform");
    EXPECT_EQ(all[0].address, "::1");
    EXPECT_EQ(all[0].port, 99);
    EXPECT_EQ(all[0].limits.connections_max, 5U);
    EXPECT_EQ(all[1].name, "platform.unix");
    EXPECT_EQ(all[1].unix_socket, "/run/p.sock");
}

TEST(Options, NameserversOfTheSystem)
{
    std::string path = (std::filesystem::temp_directory_path() / "hk-resolv-XXXXXX").string();
    const int fd = ::mkstemp(path.data());
    ASSERT_GE(fd, 0);
    ::close(fd);
    std::ofstream(path) << "# nameserver 192.0.2.9\nsearch example\nnameserver 192.0.2.1\n"
                           "nameserver nonsense\nnameserver\t2001:db8::1 # comment\n"
                           "nameserver 192.0.2.3\nnameserver 192.0.2.4\n";
    const auto found = system_dns_servers(path);
    std::filesystem::remove(path);
    EXPECT_EQ(found, (std::vector<std::string>{"192.0.2.1", "2001:db8::1", "192.0.2.3"}));
    EXPECT_TRUE(system_dns_servers(path).empty());
}

} // namespace
} // namespace hikyaku::config
