#include "key_table.h"

#include "forms.h"

#include <algorithm>
#include <map>

namespace hikyaku::config
{
namespace
{

constexpr std::uint64_t kib = 1ULL << 10;
constexpr std::uint64_t mib = 1ULL << 20;
constexpr std::uint64_t gib = 1ULL << 30;
constexpr std::uint64_t tib = 1ULL << 40;
using std::chrono::hours;

constexpr bool live = true;
constexpr bool at_restart = false;

/// A key whose value is one text.
template <class Get, class Form>
key_row make_key(std::string path, bool is_live, Get get, Form form)
{
    key_row row;
    row.path = std::move(path);
    row.live = is_live;
    row.read = [get, form](document& doc, const entry& e, settings& s)
    {
        const auto text = read_scalar(doc, e.value, e.path, form.expected());
        if (text && !form.read(*text, get(s)))
        {
            doc.fail(e.value.Mark(), e.path,
                     "expected " + form.expected() + ", found " + quote(*text));
        }
    };
    row.same = [get](const settings& a, const settings& b) { return get(a) == get(b); };
    return row;
}

/// A path, made absolute.
template <class Get> key_row make_path(std::string path, bool is_live, bool may_be_empty, Get get)
{
    key_row row;
    row.path = std::move(path);
    row.live = is_live;
    row.read = [get, may_be_empty](document& doc, const entry& e, settings& s)
    {
        const auto text = read_scalar(doc, e.value, e.path, "a path");
        if (text && text->empty() && !may_be_empty)
        {
            doc.fail(e.value.Mark(), e.path, "expected a path, found \"\"");
        }
        else if (text)
        {
            get(s) = doc.absolute(*text);
        }
    };
    row.same = [get](const settings& a, const settings& b) { return get(a) == get(b); };
    return row;
}

/// A list or map with a reader of its own.
template <class Get, class Read>
key_row make_list(std::string path, bool is_live, Get get, Read read)
{
    key_row row;
    row.path = std::move(path);
    row.live = is_live;
    row.read = [get, read](document& doc, const entry& e, settings& s) { read(doc, e, get(s)); };
    row.same = [get](const settings& a, const settings& b) { return get(a) == get(b); };
    return row;
}

// The member of const and of mutable settings.
#define HK_MEMBER(member)                                                                          \
    [](auto& s) -> auto& { return s.member; }

template <class Get> void add_listener(std::vector<key_row>& t, const std::string& name, Get get)
{
    t.push_back(make_key(
        name + ".enabled", at_restart, [get](auto& s) -> auto& { return get(s).enabled; },
        flag_form{}));
    key_row address = make_list(name + ".address", at_restart, get, read_listener_address);
    address.same = [get](const settings& a, const settings& b)
    { return get(a).address == get(b).address && get(a).port == get(b).port; };
    t.push_back(std::move(address));
    t.push_back(make_path(name + ".unix_socket", at_restart, true,
                          [get](auto& s) -> auto& { return get(s).unix_socket; }));
    t.push_back(make_path(name + ".tls_certificate", at_restart, true,
                          [get](auto& s) -> auto& { return get(s).tls_certificate; }));
    t.push_back(make_path(name + ".tls_key", at_restart, true,
                          [get](auto& s) -> auto& { return get(s).tls_key; }));
    t.push_back(make_key(
        name + ".allow_plaintext", at_restart,
        [get](auto& s) -> auto& { return get(s).allow_plaintext; }, flag_form{}));
}

void add_public(std::vector<key_row>& t)
{
    add_listener(t, "public", HK_MEMBER(public_pages.listener));
    t.push_back(make_key("public.url", at_restart, HK_MEMBER(public_pages.url), url_form{}));
    t.push_back(
        make_list("public.proxies", at_restart, HK_MEMBER(public_pages.proxies), read_proxies));
    t.push_back(make_key("public.threads", at_restart, HK_MEMBER(public_pages.threads),
                         number_form{1, 256}));
    t.push_back(make_key("public.connections_max", at_restart,
                         HK_MEMBER(public_pages.connections_max), number_form{1, 100'000}));
    t.push_back(make_key("public.requests_per_s", at_restart,
                         HK_MEMBER(public_pages.requests_per_s), number_form{1, 1'000'000}));
    t.push_back(make_key("public.requests_burst", at_restart,
                         HK_MEMBER(public_pages.requests_burst), number_form{1, 1'000'000}));
}

void add_smtp(std::vector<key_row>& t)
{
    t.push_back(
        make_key("smtp.enabled", at_restart, HK_MEMBER(smtp.listener.enabled), flag_form{}));
    key_row address =
        make_list("smtp.address", at_restart, HK_MEMBER(smtp.listener), read_listener_address);
    address.same = [](const settings& a, const settings& b)
    {
        return a.smtp.listener.address == b.smtp.listener.address &&
               a.smtp.listener.port == b.smtp.listener.port;
    };
    t.push_back(std::move(address));
    t.push_back(make_path("smtp.tls_certificate", at_restart, true,
                          HK_MEMBER(smtp.listener.tls_certificate)));
    t.push_back(make_path("smtp.tls_key", at_restart, true, HK_MEMBER(smtp.listener.tls_key)));
    t.push_back(make_key("smtp.allow_plaintext", at_restart,
                         HK_MEMBER(smtp.listener.allow_plaintext), flag_form{}));
    t.push_back(make_key("smtp.recipients_max", at_restart, HK_MEMBER(smtp.recipients_max),
                         number_form{100, 10'000}));
    t.push_back(make_key("smtp.message_bytes_max", at_restart, HK_MEMBER(smtp.message_bytes_max),
                         bytes_form{64 * kib, 256 * mib}));
    t.push_back(make_key("smtp.sessions_max", at_restart, HK_MEMBER(smtp.sessions_max),
                         number_form{1, 10'000}));
    t.push_back(make_key("smtp.sessions_per_address_max", at_restart,
                         HK_MEMBER(smtp.sessions_per_address_max), number_form{1, 10'000}));
    t.push_back(
        make_key("smtp.errors_max", at_restart, HK_MEMBER(smtp.errors_max), number_form{1, 1'000}));
    t.push_back(make_key("smtp.idle_timeout", at_restart, HK_MEMBER(smtp.idle_timeout),
                         duration_form{seconds{1}, hours{1}}));
    t.push_back(make_key("smtp.session_timeout", at_restart, HK_MEMBER(smtp.session_timeout),
                         duration_form{seconds{1}, hours{24}}));
    t.push_back(make_key("smtp.greet_pause", at_restart, HK_MEMBER(smtp.greet_pause),
                         duration_form{milliseconds{0}, seconds{60}}));
    t.push_back(make_key("smtp.bytes_max", at_restart, HK_MEMBER(smtp.bytes_max),
                         bytes_form{mib, 16 * gib}));
}

void add_general(std::vector<key_row>& t)
{
    t.push_back(make_path("data_dir", at_restart, false, HK_MEMBER(data_dir)));
    t.push_back(make_key("hostname", at_restart, HK_MEMBER(hostname), host_form{}));
    t.push_back(make_path("master_key_file", at_restart, false, HK_MEMBER(master_key_file)));
    t.push_back(
        make_key("create_master_key", at_restart, HK_MEMBER(create_master_key), flag_form{}));
    t.push_back(make_path("platform_token_file", at_restart, true, HK_MEMBER(platform_token_file)));
    add_listener(t, "api", HK_MEMBER(api));
    add_listener(t, "platform", HK_MEMBER(platform));
    add_public(t);
    add_smtp(t);
    t.push_back(make_key("http.threads", at_restart, HK_MEMBER(http.threads), number_form{1, 256}));
    t.push_back(make_key("http.body_bytes_max", at_restart, HK_MEMBER(http.body_bytes_max),
                         bytes_form{64 * kib, gib}));
    t.push_back(make_key("http.connections_max", at_restart, HK_MEMBER(http.connections_max),
                         number_form{1, 100'000}));
    t.push_back(make_key("http.body_memory_max", at_restart, HK_MEMBER(http.body_memory_max),
                         bytes_form{mib, 64 * gib}));
    t.push_back(make_list("dns.servers", live, HK_MEMBER(dns.servers), read_dns_servers));
    t.push_back(make_key("dns.timeout", at_restart, HK_MEMBER(dns.timeout),
                         duration_form{seconds{1}, seconds{300}}));
    t.push_back(make_key("dns.cache_bytes_max", at_restart, HK_MEMBER(dns.cache_bytes_max),
                         bytes_form{mib, 4 * gib}));
}

template <class Get> void add_timeout(std::vector<key_row>& t, const std::string& name, Get get)
{
    t.push_back(make_key("delivery.timeouts." + name, at_restart, get,
                         duration_form{milliseconds{100}, hours{1}}));
}

void add_delivery(std::vector<key_row>& t)
{
    t.push_back(make_key("delivery.smtp_port", at_restart, HK_MEMBER(delivery.smtp_port),
                         number_form{1, 65'535}));
    t.push_back(make_list("delivery.routes", at_restart, HK_MEMBER(delivery.routes), read_routes));
    t.push_back(make_list("delivery.forbidden_networks", at_restart,
                          HK_MEMBER(delivery.forbidden_networks), read_networks));
    t.push_back(
        make_key("delivery.shards", at_restart, HK_MEMBER(delivery.shards), number_form{0, 256}));
    t.push_back(make_key("delivery.sessions_max", at_restart, HK_MEMBER(delivery.sessions_max),
                         number_form{1, 100'000}));
    t.push_back(
        make_key("delivery.batch", at_restart, HK_MEMBER(delivery.batch), number_form{1, 1'000}));
    t.push_back(make_key("delivery.connect_timeout", at_restart,
                         HK_MEMBER(delivery.connect_timeout),
                         duration_form{milliseconds{100}, seconds{300}}));
    t.push_back(make_key("delivery.return_path_domain", at_restart,
                         HK_MEMBER(delivery.return_path_domain), host_form{}));
    t.push_back(
        make_key("delivery.spf_include", at_restart, HK_MEMBER(delivery.spf_include), host_form{}));
    t.push_back(make_key("delivery.unknown_bytes_max", at_restart,
                         HK_MEMBER(delivery.unknown_bytes_max), bytes_form{0, gib}));
    add_timeout(t, "banner", HK_MEMBER(delivery.timeouts.banner));
    add_timeout(t, "ehlo", HK_MEMBER(delivery.timeouts.ehlo));
    add_timeout(t, "mail", HK_MEMBER(delivery.timeouts.mail));
    add_timeout(t, "rcpt", HK_MEMBER(delivery.timeouts.rcpt));
    add_timeout(t, "data", HK_MEMBER(delivery.timeouts.data));
    add_timeout(t, "body", HK_MEMBER(delivery.timeouts.body));
    add_timeout(t, "final_dot", HK_MEMBER(delivery.timeouts.final_dot));
    t.push_back(make_list("sources", live, HK_MEMBER(sources), read_sources));
    t.push_back(make_list("pools", live, HK_MEMBER(pools), read_pools));
    t.push_back(make_key("source_checks.every", live, HK_MEMBER(source_checks.every),
                         duration_form{milliseconds{0}, hours{24 * 7}}));
    t.push_back(make_list("source_checks.dnsbl", live, HK_MEMBER(source_checks.dnsbl), read_dnsbl));
    t.push_back(make_key("alignment.enforce", live, HK_MEMBER(alignment.enforce), flag_form{}));
    t.push_back(make_key("alignment.check_every", at_restart, HK_MEMBER(alignment.check_every),
                         duration_form{seconds{1}, hours{24 * 7}}));
    t.push_back(make_key("alignment.key_poll", at_restart, HK_MEMBER(alignment.key_poll),
                         duration_form{milliseconds{100}, hours{24}}));
    t.push_back(make_key("alignment.key_retire", at_restart, HK_MEMBER(alignment.key_retire),
                         duration_form{milliseconds{100}, hours{24 * 365}}));
    t.push_back(make_list("feedback.report_addresses", at_restart,
                          HK_MEMBER(feedback.report_addresses), read_local_parts));
    t.push_back(make_key("feedback.dead_addresses.enabled", live,
                         HK_MEMBER(feedback.dead_addresses), flag_form{}));
    t.push_back(make_key("feedback.dead_addresses.expires_after", live,
                         HK_MEMBER(feedback.dead_expires_after),
                         duration_form{hours{1}, hours{24 * 3650}}));
    t.push_back(make_key("feedback.dead_addresses.tenants_min", live,
                         HK_MEMBER(feedback.dead_tenants_min), number_form{1, 8}));
    t.push_back(make_key("quotas.default.per_day", live, HK_MEMBER(default_quota.per_day),
                         limit_form{1, shaping::quota_limits::count_max}));
    t.push_back(make_key("quotas.default.per_month", live, HK_MEMBER(default_quota.per_month),
                         limit_form{1, shaping::quota_limits::count_max}));
    t.push_back(make_list("quotas.default.ramp", live, HK_MEMBER(default_quota.ramp), read_ramp));
    t.push_back(make_path("shaping", live, true, HK_MEMBER(shaping)));
    t.push_back(make_path("bounce_rules", live, true, HK_MEMBER(bounce_rules)));
}

void add_store(std::vector<key_row>& t)
{
    t.push_back(make_key("store.block_cache", at_restart, HK_MEMBER(store.block_cache),
                         bytes_form{mib, tib}));
    t.push_back(make_key("store.memtables", at_restart, HK_MEMBER(store.memtables),
                         bytes_form{mib, 64 * gib}));
    t.push_back(
        make_key("store.wal_max", at_restart, HK_MEMBER(store.wal_max), bytes_form{mib, 64 * gib}));
    t.push_back(make_key("store.group_wait", at_restart, HK_MEMBER(store.group_wait),
                         duration_form{milliseconds{0}, milliseconds{100}}));
    t.push_back(
        make_key("disk.free_min", at_restart, HK_MEMBER(disk.free_min), bytes_form{0, 16 * tib}));
    t.push_back(
        make_key("disk.ballast", at_restart, HK_MEMBER(disk.ballast), bytes_form{0, 16 * gib}));
    t.push_back(make_path("log.file", live, true, HK_MEMBER(log.file)));
    t.push_back(make_key("log.level", live, HK_MEMBER(log.level), level_form{}));
    t.push_back(make_path("log.delivery_file", at_restart, true, HK_MEMBER(log.delivery_file)));
    t.push_back(make_key("log.delivery_retention", live, HK_MEMBER(log.delivery_retention),
                         duration_form{hours{1}, hours{24 * 3650}}));
    t.push_back(make_key("limits.tenants_max", at_restart, HK_MEMBER(limits.tenants_max),
                         number_form{1, 2'000}));
    t.push_back(make_key("limits.keys_per_tenant_max", at_restart,
                         HK_MEMBER(limits.keys_per_tenant_max), number_form{1, 10'000}));
    t.push_back(make_key("limits.domains_per_tenant_max", at_restart,
                         HK_MEMBER(limits.domains_per_tenant_max), number_form{1, 10'000}));
    t.push_back(make_key("limits.requests_per_s", at_restart, HK_MEMBER(limits.requests_per_s),
                         number_form{1, 1'000'000}));
    t.push_back(make_key("limits.requests_burst", at_restart, HK_MEMBER(limits.requests_burst),
                         number_form{1, 1'000'000}));
}

#undef HK_MEMBER

std::map<std::string, std::vector<std::string>> make_sections()
{
    std::map<std::string, std::vector<std::string>> out;
    for (const auto& row : key_table())
    {
        std::string below = row.path;
        while (true)
        {
            const auto dot = below.rfind('.');
            const std::string section = dot == std::string::npos ? "" : below.substr(0, dot);
            auto& names = out[section];
            const std::string name = dot == std::string::npos ? below : below.substr(dot + 1);
            if (std::find(names.begin(), names.end(), name) == names.end())
            {
                names.push_back(name);
            }
            if (section.empty())
            {
                break;
            }
            below = section;
        }
    }
    return out;
}

} // namespace

const std::vector<key_row>& key_table()
{
    static const std::vector<key_row> table = []
    {
        std::vector<key_row> t;
        add_general(t);
        add_delivery(t);
        add_store(t);
        return t;
    }();
    return table;
}

const key_row* find_key(const std::string& path)
{
    const auto& t = key_table();
    const auto found =
        std::find_if(t.begin(), t.end(), [&](const key_row& row) { return row.path == path; });
    return found == t.end() ? nullptr : &*found;
}

const std::vector<std::string>& names_below(const std::string& section)
{
    static const std::map<std::string, std::vector<std::string>> sections = make_sections();
    static const std::vector<std::string> none;
    const auto found = sections.find(section);
    return found == sections.end() ? none : found->second;
}

const std::vector<std::string>& all_paths()
{
    static const std::vector<std::string> paths = []
    {
        std::vector<std::string> out;
        for (const auto& row : key_table())
        {
            out.push_back(row.path);
        }
        return out;
    }();
    return paths;
}

} // namespace hikyaku::config
