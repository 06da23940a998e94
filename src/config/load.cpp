#include <hikyaku/config/load.h>

#include "document.h"
#include "forms.h"
#include "key_table.h"
#include "sources.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace hikyaku::config
{
namespace
{

constexpr std::string_view delivery_log_name = "delivery.log";

void read_section(document& doc, const YAML::Node& node, const std::string& section, settings& out)
{
    for (const auto& e : read_map(doc, node, section, &names_below(section), all_paths()))
    {
        if (const key_row* row = find_key(e.path))
        {
            if (e.value.IsNull())
            {
                doc.fail(e.mark, e.path, "the key has no value; leave it out for the default");
                continue;
            }
            row->read(doc, e, out);
        }
        else
        {
            read_section(doc, e.value, e.path, out);
        }
    }
}

void check_listener(document& doc, const std::string& name, const listener_settings& l)
{
    if (l.tls_certificate.empty() != l.tls_key.empty())
    {
        const bool has_key = l.tls_certificate.empty();
        doc.fail_at_key(name + (has_key ? ".tls_key" : ".tls_certificate"),
                        "tls_certificate and tls_key go together: give both or none");
    }
    if (l.enabled && l.tls_certificate.empty() && !l.allow_plaintext && !is_loopback(l.address))
    {
        doc.fail_at_key(name + ".address",
                        "a listener without TLS may only be on loopback (127.0.0.1 or ::1); give "
                        "tls_certificate and tls_key, or set allow_plaintext: true");
    }
}

void check_apart(document& doc, const std::string& a_name, const listener_settings& a,
                 const std::string& b_name, const listener_settings& b)
{
    if (a.enabled && b.enabled && a.port == b.port && a.port != 0 && a.address == b.address)
    {
        const auto key = b_name + ".address";
        doc.fail_at_key(doc.has(key) ? key : a_name + ".address",
                        a_name + " and " + b_name + " can't listen on the same address and port");
    }
}

void check_sources(document& doc, const settings& s)
{
    // What is wrong in one key is told there already.
    if (doc.has_error_below("sources") || doc.has_error_below("pools"))
    {
        return;
    }
    const auto table = build_source_table(s);
    if (table.has_error())
    {
        for (const auto& e : table.error())
        {
            doc.fail_at_key(e.where, e.text);
        }
    }
}

void check_whole(document& doc, const settings& s)
{
    check_listener(doc, "api", s.api);
    check_listener(doc, "platform", s.platform);
    check_listener(doc, "smtp", s.smtp.listener);
    if (s.smtp.bytes_max < s.smtp.message_bytes_max)
    {
        doc.fail_at_key(doc.has("smtp.bytes_max") ? "smtp.bytes_max" : "smtp.message_bytes_max",
                        "smtp.bytes_max must hold one message: at least smtp.message_bytes_max");
    }
    const auto& pages = s.public_pages;
    check_listener(doc, "public", pages.listener);
    check_apart(doc, "api", s.api, "platform", s.platform);
    check_apart(doc, "api", s.api, "public", pages.listener);
    check_apart(doc, "platform", s.platform, "public", pages.listener);
    if (!pages.listener.enabled && !pages.url.empty())
    {
        doc.fail_at_key("public.url",
                        "links would lead nowhere: public.enabled is false; leave url out");
    }
    if (s.http.body_memory_max < s.http.body_bytes_max)
    {
        doc.fail_at_key(doc.has("http.body_bytes_max") ? "http.body_bytes_max"
                                                       : "http.body_memory_max",
                        "http.body_memory_max must be at least http.body_bytes_max");
    }
    check_sources(doc, s);
}

/// What other programs call this machine.
std::string machine_name()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0)
    {
        return "localhost";
    }
    const std::string lower = to_lower(name.data());
    return is_host_name(lower) ? lower : "localhost";
}

} // namespace

result<settings, config_errors> parse(std::string_view text, const std::string& file)
{
    document doc(file);
    settings out;
    const YAML::Node root = doc.parse(text);
    read_section(doc, root, "", out);
    check_whole(doc, out);
    if (!doc.good())
    {
        return doc.take_errors();
    }
    if (out.hostname.empty())
    {
        out.hostname = machine_name();
    }
    if (out.log.delivery_file.empty())
    {
        out.log.delivery_file = out.data_dir + "/" + std::string(delivery_log_name);
    }
    return out;
}

result<settings, config_errors> load(const std::string& path)
{
    const auto text = read_file(path);
    if (text.has_error())
    {
        return text.error();
    }
    return parse(*text, path);
}

std::vector<std::string> known_keys()
{
    std::vector<std::string> out;
    const auto add_members = [&](const std::string& prefix, const std::vector<std::string>& names)
    {
        for (const auto& name : names)
        {
            out.push_back(prefix + name);
        }
    };
    for (const auto& path : all_paths())
    {
        out.push_back(path);
        if (path == "sources")
        {
            add_members("sources[].", source_keys());
            add_members("sources[].warm_up.", warm_up_keys());
            add_members("sources[].warm_up.growth.", growth_keys());
        }
        if (path == "pools")
        {
            add_members("pools.*[].", pool_member_keys());
        }
    }
    return out;
}

setting_changes diff(const settings& running, const settings& wanted)
{
    setting_changes out;
    for (const auto& row : key_table())
    {
        if (!row.same(running, wanted))
        {
            (row.live ? out.live : out.needs_restart).push_back(row.path);
        }
    }
    return out;
}

} // namespace hikyaku::config
