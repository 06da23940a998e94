#pragma once

#include "document.h"

#include <functional>
#include <string>
#include <vector>

#include <hikyaku/config/settings.h>

namespace hikyaku::config
{

/// One key of hikyaku.yaml that holds a value.
struct key_row
{
    std::string path;
    /// Taken over by a reload.
    bool live = false;
    /// Reads the value into the settings, or tells what is wrong.
    std::function<void(document&, const entry&, settings&)> read;
    /// Whether two settings agree on it.
    std::function<bool(const settings&, const settings&)> same;
};

/// Every key, in the order of the file. Made once; lives as long as the process.
[[nodiscard]] const std::vector<key_row>& key_table();
/// nullptr: no such key.
[[nodiscard]] const key_row* find_key(const std::string& path);
/// Names one level below a section; empty when there is no such section.
[[nodiscard]] const std::vector<std::string>& names_below(const std::string& section);
[[nodiscard]] const std::vector<std::string>& all_paths();

/// Keys whose values are more than one text (key_lists.cpp, source_keys.cpp).
void read_listener_address(document& doc, const entry& e, listener_settings& out);
void read_dns_servers(document& doc, const entry& e, std::vector<std::string>& out);
void read_routes(document& doc, const entry& e, std::map<std::string, route_settings>& out);
void read_networks(document& doc, const entry& e, std::optional<std::vector<std::string>>& out);
void read_proxies(document& doc, const entry& e, std::vector<std::string>& out);
void read_sources(document& doc, const entry& e, std::vector<source_settings>& out);
void read_pools(document& doc, const entry& e,
                std::map<std::string, std::vector<pool_member>>& out);
void read_ramp(document& doc, const entry& e, std::vector<std::uint64_t>& out);
void read_local_parts(document& doc, const entry& e, std::vector<std::string>& out);
void read_dnsbl(document& doc, const entry& e, std::vector<std::string>& out);
/// Their members.
[[nodiscard]] const std::vector<std::string>& source_keys();
[[nodiscard]] const std::vector<std::string>& warm_up_keys();
[[nodiscard]] const std::vector<std::string>& growth_keys();
[[nodiscard]] const std::vector<std::string>& pool_member_keys();

} // namespace hikyaku::config
