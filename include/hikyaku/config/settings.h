#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/log.h>
#include <hikyaku/base/time.h>
#include <hikyaku/shaping/quota.h>
#include <hikyaku/shaping/warm_up.h>

namespace hikyaku::config
{

/// One HTTP listener. A plain one (no certificate) is on loopback unless allow_plaintext is set.
struct listener_settings
{
    bool enabled = true;
    /// A literal IPv4 or IPv6 address.
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;
    /// Path of a Unix socket beside it; empty: none.
    std::string unix_socket{};
    /// PEM files; both or none.
    std::string tls_certificate{};
    std::string tls_key{};
    bool allow_plaintext = false;

    friend bool operator==(const listener_settings&, const listener_settings&) = default;
};

/// What recipients reach without logging in.
struct public_settings
{
    listener_settings listener{.port = 8027};
    /// Where the listener is reached from outside, "https://m.example.jp" or with a path, without a
    /// slash at the end; empty: mail has no link to it.
    std::string url;
    /// CIDR blocks of proxies whose X-Forwarded-For is believed.
    std::vector<std::string> proxies;
    /// Threads that run its handlers: it does not share those of the other listeners.
    std::uint32_t threads = 4;
    std::uint32_t connections_max = 1000;
    /// Of one client address.
    std::uint32_t requests_per_s = 50;
    std::uint32_t requests_burst = 500;

    friend bool operator==(const public_settings&, const public_settings&) = default;
};

/// Inbound SMTP. Limits as in smtpd::server_options and smtp::server_limits.
struct smtp_settings
{
    /// No Unix socket. With a certificate STARTTLS is offered, and mail in the clear is taken too.
    listener_settings listener{.port = 2525};
    std::uint32_t recipients_max = 100;
    std::uint64_t message_bytes_max = 10u << 20;
    std::uint32_t sessions_max = 200;
    std::uint32_t sessions_per_address_max = 50;
    std::uint32_t errors_max = 10;
    milliseconds idle_timeout{300'000};
    milliseconds session_timeout{900'000};
    milliseconds greet_pause{100};
    /// Of messages in memory, all sessions together.
    std::uint64_t bytes_max = 32u << 20;

    friend bool operator==(const smtp_settings&, const smtp_settings&) = default;
};

struct http_settings
{
    /// Threads that run handlers.
    std::uint32_t threads = 8;
    std::uint64_t body_bytes_max = 10u << 20;
    /// Of one listener.
    std::uint32_t connections_max = 1000;
    /// Bodies in memory, all connections together.
    std::uint64_t body_memory_max = 64u << 20;

    friend bool operator==(const http_settings&, const http_settings&) = default;
};

struct dns_settings
{
    /// "192.0.2.1", "127.0.0.1:53", "[2001:db8::1]:53"; empty: those of /etc/resolv.conf.
    std::vector<std::string> servers;
    /// Of one look-up, all questions together.
    milliseconds timeout{20'000};
    /// Answers kept in memory.
    std::uint64_t cache_bytes_max = 16u << 20;

    friend bool operator==(const dns_settings&, const dns_settings&) = default;
};

struct route_settings
{
    std::string host;
    std::uint16_t port = 25;

    friend bool operator==(const route_settings&, const route_settings&) = default;
};

struct smtp_timeout_settings
{
    milliseconds banner{300'000};
    milliseconds ehlo{300'000};
    milliseconds mail{300'000};
    milliseconds rcpt{300'000};
    milliseconds data{120'000};
    milliseconds body{180'000};
    milliseconds final_dot{600'000};

    friend bool operator==(const smtp_timeout_settings&, const smtp_timeout_settings&) = default;
};

struct delivery_settings
{
    std::uint16_t smtp_port = 25;
    /// Routing domain (A-labels, lower case) or "*".
    std::map<std::string, route_settings> routes;
    /// CIDR blocks; nullopt: net::default_forbidden_networks(). An empty list allows all.
    std::optional<std::vector<std::string>> forbidden_networks;
    /// 0: one per processor.
    std::uint32_t shards = 0;
    std::uint32_t sessions_max = 1000;
    std::uint32_t batch = 16;
    milliseconds connect_timeout{30'000};
    /// The operator's shared return-path domain; empty: none.
    std::string return_path_domain;
    /// What senders' SPF records include; empty: the source addresses.
    std::string spf_include;
    std::uint64_t unknown_bytes_max = 1u << 20;
    smtp_timeout_settings timeouts;

    friend bool operator==(const delivery_settings&, const delivery_settings&) = default;
};

struct source_settings
{
    std::string name;
    /// Both empty: the system chooses. Only one: the source does not use the other family.
    std::string address_v4;
    std::string address_v6;
    /// Empty: the installation's host name.
    std::string ehlo_name;
    /// Lower case; empty: any name that leads back to the address.
    std::vector<std::string> ptr_names;
    std::optional<shaping::warm_up_plan> warm_up;

    friend bool operator==(const source_settings&, const source_settings&) = default;
};

struct pool_member
{
    std::string source;
    std::uint32_t weight = 1;

    friend bool operator==(const pool_member&, const pool_member&) = default;
};

/// What is asked of DNS about our own sources.
struct source_check_settings
{
    /// 0: never.
    milliseconds every = std::chrono::hours{1};
    /// DNS block lists (RFC 5782) that the addresses should not be in.
    std::vector<std::string> dnsbl;

    friend bool operator==(const source_check_settings&, const source_check_settings&) = default;
};

/// Checks of sender domains, and the rotation of their keys.
struct alignment_settings
{
    /// A broadcast from a domain that fails is refused.
    bool enforce = true;
    milliseconds check_every = std::chrono::hours{24};
    milliseconds key_poll{60'000};
    milliseconds key_retire = std::chrono::hours{24 * 7};

    friend bool operator==(const alignment_settings&, const alignment_settings&) = default;
};

/// What is done with mail that comes back.
struct feedback_settings
{
    /// Local parts at our domains that take feedback reports, besides postmaster and abuse.
    std::vector<std::string> report_addresses{"fbl"};
    /// The installation's list of addresses proven not to exist.
    bool dead_addresses = true;
    milliseconds dead_expires_after = std::chrono::hours{24 * 180};
    std::uint32_t dead_tenants_min = 1;

    friend bool operator==(const feedback_settings&, const feedback_settings&) = default;
};

struct store_settings
{
    std::uint64_t block_cache = 48u << 20;
    std::uint64_t memtables = 64u << 20;
    std::uint64_t wal_max = 32u << 20;
    milliseconds group_wait{0};

    friend bool operator==(const store_settings&, const store_settings&) = default;
};

struct disk_settings
{
    std::uint64_t free_min = 512u << 20;
    std::uint64_t ballast = 64u << 20;

    friend bool operator==(const disk_settings&, const disk_settings&) = default;
};

struct log_settings
{
    /// The operator's log; empty: standard error.
    std::string file;
    log::level level = log::level::info;
    /// One JSON line per attempt; empty in the file means <data_dir>/delivery.log, and load() has
    /// put that path here.
    std::string delivery_file;
    milliseconds delivery_retention = std::chrono::hours{30 * 24};

    friend bool operator==(const log_settings&, const log_settings&) = default;
};

struct limit_settings
{
    std::uint32_t tenants_max = 500;
    std::uint32_t keys_per_tenant_max = 200;
    std::uint32_t domains_per_tenant_max = 100;
    /// Of one key on the tenants' listener.
    std::uint32_t requests_per_s = 500;
    std::uint32_t requests_burst = 1'000;

    friend bool operator==(const limit_settings&, const limit_settings&) = default;
};

/// What hikyaku.yaml says, with the defaults of what it does not say. A value; the names are those
/// of the file, where every key is explained. load() makes it, and has checked it.
struct settings
{
    std::string data_dir = "/var/lib/hikyaku";
    /// load() puts the machine's name here when the file has none.
    std::string hostname;
    std::string master_key_file = "/etc/hikyaku/master.key";
    bool create_master_key = false;
    /// Empty: only the Unix socket of the platform listener lets the operator in.
    std::string platform_token_file;
    listener_settings api{.port = 8025};
    listener_settings platform{.port = 8026};
    /// "public" in the file.
    public_settings public_pages;
    smtp_settings smtp;
    http_settings http;
    dns_settings dns;
    delivery_settings delivery;
    std::vector<source_settings> sources;
    std::map<std::string, std::vector<pool_member>> pools;
    source_check_settings source_checks;
    alignment_settings alignment;
    feedback_settings feedback;
    /// Of tenants that have no quota of their own.
    shaping::quota_limits default_quota;
    /// Path of shaping.yaml, made absolute against the configuration's folder; empty: built-in
    /// limits.
    std::string shaping;
    /// Path of bounce-rules.yaml, likewise; empty: the built-in rules.
    std::string bounce_rules;
    store_settings store;
    disk_settings disk;
    log_settings log;
    limit_settings limits;

    friend bool operator==(const settings&, const settings&) = default;
};

} // namespace hikyaku::config
