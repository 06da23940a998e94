#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hikyaku/config/settings.h>
#include <hikyaku/delivery/engine.h>
#include <hikyaku/http/server.h>
#include <hikyaku/identity/api_keys.h>
#include <hikyaku/identity/domain_watch.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/shaping/source_table.h>
#include <hikyaku/smtpd/server.h>
#include <hikyaku/store/database.h>
#include <hikyaku/web/public_pages.h>

namespace hikyaku::config
{

/// The "nameserver" lines of a resolver configuration (resolv.conf(5)), in order, at most three as
/// the C library does. Empty when the file can't be read or has none.
[[nodiscard]] std::vector<std::string> system_dns_servers(const std::string& path);
inline constexpr const char* resolv_conf_path = "/etc/resolv.conf";

/// settings::dns.servers, or the system's when there are none, or 127.0.0.1 when that has none
/// (resolv.conf(5)).
[[nodiscard]] std::vector<std::string> effective_dns_servers(const settings& s);

/// Options of each module, filled from checked settings. @pre `s` came from load() or parse()
[[nodiscard]] store::options make_store_options(const settings& s);
[[nodiscard]] delivery::engine_options make_engine_options(const settings& s);
/// Every source and pool, with defaults in place: what sources are chosen from.
[[nodiscard]] shaping::source_table make_source_table(const settings& s);
/// `spool_dir` is <data_dir>/spool; whoever starts the server makes it.
[[nodiscard]] http::server_options make_server_options(const settings& s);
/// TCP and Unix socket of one listener, named "api" and "api.unix"; empty when it is off.
[[nodiscard]] std::vector<http::listener_options> make_api_listeners(const settings& s);
[[nodiscard]] std::vector<http::listener_options> make_platform_listeners(const settings& s);
/// Of the public listener, which is a server of its own; a body is at most web::form_bytes_max.
[[nodiscard]] http::server_options make_public_server_options(const settings& s);
[[nodiscard]] std::vector<http::listener_options> make_public_listeners(const settings& s);
[[nodiscard]] web::public_options make_public_options(const settings& s);
/// Of the inbound SMTP listener; nullopt when it is off.
[[nodiscard]] std::optional<smtpd::server_options> make_smtpd_options(const settings& s);
[[nodiscard]] identity::tenant_limits make_tenant_limits(const settings& s);
[[nodiscard]] identity::api_key_limits make_key_limits(const settings& s);
/// Sources, host name and intervals for the checks of sender domains.
[[nodiscard]] identity::domain_watch_options make_watch_options(const settings& s);
/// With the addresses of all sources: SPF must allow each.
[[nodiscard]] identity::sender_domain_options make_domain_options(const settings& s);

} // namespace hikyaku::config
