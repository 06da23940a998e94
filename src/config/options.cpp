#include <hikyaku/config/options.h>

#include <hikyaku/resolver/resolver.h>

#include <fstream>
#include <sstream>

namespace hikyaku::config
{
namespace
{

/// MAXNS of resolv.conf(5).
constexpr std::size_t system_servers_max = 3;
constexpr const char* fallback_server = "127.0.0.1";
/// Of the DNS cache's bytes, MX answers have three parts and addresses one.
constexpr std::uint64_t address_share = 4;
constexpr const char* spool_folder = "/spool";
constexpr std::size_t public_body_memory_max = 4u << 20;
constexpr std::size_t public_header_bytes_max = 8u << 10;
constexpr std::size_t public_connections_per_ip_max = 100;
constexpr milliseconds public_idle_timeout{15'000};

std::vector<http::listener_options>
make_listeners(const std::string& name, const listener_settings& l, std::size_t connections_max)
{
    std::vector<http::listener_options> out;
    if (!l.enabled)
    {
        return out;
    }
    http::listener_options tcp;
    tcp.name = name;
    tcp.address = l.address;
    tcp.port = l.port;
    tcp.certificate_file = l.tls_certificate;
    tcp.key_file = l.tls_key;
    tcp.limits.connections_max = connections_max;
    out.push_back(tcp);
    if (!l.unix_socket.empty())
    {
        http::listener_options local;
        local.name = name + ".unix";
        local.unix_socket = l.unix_socket;
        local.limits.connections_max = connections_max;
        out.push_back(std::move(local));
    }
    return out;
}

} // namespace

std::vector<std::string> system_dns_servers(const std::string& path)
{
    std::vector<std::string> out;
    std::ifstream in(path);
    for (std::string line; out.size() < system_servers_max && std::getline(in, line);)
    {
        std::istringstream words(line);
        std::string keyword;
        std::string address;
        words >> keyword >> address;
        if (keyword == "nameserver" && resolver::check_servers({address}).has_value())
        {
            out.push_back(address);
        }
    }
    return out;
}

std::vector<std::string> effective_dns_servers(const settings& s)
{
    auto out = s.dns.servers.empty() ? system_dns_servers(resolv_conf_path) : s.dns.servers;
    if (out.empty())
    {
        out.emplace_back(fallback_server);
    }
    return out;
}

store::options make_store_options(const settings& s)
{
    store::options out;
    out.path = s.data_dir + "/store";
    out.block_cache_bytes = s.store.block_cache;
    out.memtable_bytes = s.store.memtables;
    out.wal_bytes_max = s.store.wal_max;
    out.group_wait = s.store.group_wait;
    return out;
}

delivery::engine_options make_engine_options(const settings& s)
{
    const auto& d = s.delivery;
    delivery::engine_options out;
    out.hostname = s.hostname;
    out.smtp_port = d.smtp_port;
    out.shards = d.shards;
    out.sessions_max = d.sessions_max;
    out.batch = d.batch;
    for (const auto& [domain, to] : d.routes)
    {
        out.routes[domain] = {to.host, to.port};
    }
    if (d.forbidden_networks)
    {
        out.forbidden_networks = net::network_list();
        for (const auto& text : *d.forbidden_networks)
        {
            out.forbidden_networks.add(net::ip_network::parse(text).value());
        }
    }
    out.sources = std::make_shared<const shaping::source_table>(make_source_table(s));
    out.timeouts.banner = d.timeouts.banner;
    out.timeouts.ehlo = d.timeouts.ehlo;
    out.timeouts.mail = d.timeouts.mail;
    out.timeouts.rcpt = d.timeouts.rcpt;
    out.timeouts.data = d.timeouts.data;
    out.timeouts.body = d.timeouts.body;
    out.timeouts.final_dot = d.timeouts.final_dot;
    out.connect_timeout = d.connect_timeout;
    out.dns.servers = effective_dns_servers(s);
    out.dns.lookup_timeout = s.dns.timeout;
    out.dns.address_bytes_max = s.dns.cache_bytes_max / address_share;
    out.dns.mx_bytes_max = s.dns.cache_bytes_max - out.dns.address_bytes_max;
    out.unknown_bytes_max = d.unknown_bytes_max;
    return out;
}

http::server_options make_server_options(const settings& s)
{
    http::server_options out;
    out.workers = s.http.threads;
    out.body_memory_max = s.http.body_memory_max;
    out.spool_dir = s.data_dir + spool_folder;
    return out;
}

std::vector<http::listener_options> make_api_listeners(const settings& s)
{
    return make_listeners("api", s.api, s.http.connections_max);
}
std::vector<http::listener_options> make_platform_listeners(const settings& s)
{
    return make_listeners("platform", s.platform, s.http.connections_max);
}

http::server_options make_public_server_options(const settings& s)
{
    http::server_options out;
    out.workers = s.public_pages.threads;
    out.streams_max = 1; // it has none
    out.body_memory_max = public_body_memory_max;
    return out;
}

std::vector<http::listener_options> make_public_listeners(const settings& s)
{
    const auto& p = s.public_pages;
    auto out = make_listeners("public", p.listener, p.connections_max);
    for (auto& l : out)
    {
        l.limits.header_bytes_max = public_header_bytes_max;
        l.limits.idle_timeout = public_idle_timeout;
        // A proxy is one address for everybody.
        l.limits.connections_per_ip_max =
            p.proxies.empty() ? public_connections_per_ip_max : p.connections_max;
    }
    return out;
}

web::public_options make_public_options(const settings& s)
{
    const auto& p = s.public_pages;
    return {p.proxies, p.requests_per_s, p.requests_burst};
}

std::optional<smtpd::server_options> make_smtpd_options(const settings& s)
{
    const auto& from = s.smtp;
    if (!from.listener.enabled)
    {
        return std::nullopt;
    }
    smtpd::server_options out;
    out.address = from.listener.address;
    out.port = from.listener.port;
    out.host_name = s.hostname;
    out.certificate_file = from.listener.tls_certificate;
    out.key_file = from.listener.tls_key;
    out.limits.recipients_max = from.recipients_max;
    out.limits.message_bytes_max = from.message_bytes_max;
    out.limits.errors_max = from.errors_max;
    out.limits.idle_timeout = from.idle_timeout;
    out.limits.session_timeout = from.session_timeout;
    out.limits.greet_pause = from.greet_pause;
    out.sessions_max = from.sessions_max;
    out.sessions_per_address_max = from.sessions_per_address_max;
    out.smtpd_bytes_max = from.bytes_max;
    return out;
}
identity::tenant_limits make_tenant_limits(const settings& s)
{
    return {s.limits.tenants_max};
}
identity::api_key_limits make_key_limits(const settings& s)
{
    return {s.limits.keys_per_tenant_max};
}

identity::sender_domain_options make_domain_options(const settings& s)
{
    identity::sender_domain_options out;
    out.hostname = s.hostname;
    out.return_path_domain = s.delivery.return_path_domain;
    out.spf_include = s.delivery.spf_include;
    for (const auto& source : s.sources)
    {
        for (const auto& address : {source.address_v4, source.address_v6})
        {
            if (!address.empty())
            {
                out.source_addresses.push_back(address);
            }
        }
    }
    out.domains_per_tenant_max = s.limits.domains_per_tenant_max;
    return out;
}

identity::domain_watch_options make_watch_options(const settings& s)
{
    identity::domain_watch_options out;
    out.enforce = s.alignment.enforce;
    out.check_every = s.alignment.check_every;
    out.poll_every = s.alignment.key_poll;
    out.retire_after = s.alignment.key_retire;
    out.hostname = s.hostname;
    for (const auto& source : s.sources)
    {
        bool any = false;
        for (const auto& text : {source.address_v4, source.address_v6})
        {
            if (const auto ip = dns::parse_ip(text))
            {
                out.sources.push_back(
                    {source.name, *ip, source.ehlo_name.empty() ? s.hostname : source.ehlo_name});
                any = true;
            }
        }
        if (!any)
        {
            out.sources_without_address.push_back(source.name);
        }
    }
    if (s.sources.empty())
    {
        out.sources_without_address.emplace_back("default");
    }
    return out;
}

} // namespace hikyaku::config
