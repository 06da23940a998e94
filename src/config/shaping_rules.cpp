#include "shaping_rules.h"

#include "forms.h"

#include <algorithm>
#include <limits>

namespace hikyaku::config
{
namespace
{

using names = std::vector<std::string>;

constexpr std::string_view action_names = "back_off, suspend, bounce, defer, next_mx or reopen";

const duration_form rule_duration{milliseconds{1}, shaping::limits_duration_max};

// A list, or a single value in its place.
std::vector<YAML::Node> one_or_more(document& doc, const YAML::Node& node, const std::string& path,
                                    std::string_view expected)
{
    if (node.IsScalar() || node.IsMap())
    {
        return {node};
    }
    return read_list(doc, node, path, expected);
}

template <class Form, class T>
void read_form(document& doc, const entry& e, const Form& form, T& out)
{
    const auto text = read_scalar(doc, e.value, e.path, form.expected());
    if (text && !form.read(*text, out))
    {
        doc.fail(e.value.Mark(), e.path, "expected " + form.expected() + ", found " + quote(*text));
    }
}

void read_rate(document& doc, const entry& e, std::optional<shaping::rate>& out)
{
    const auto text = read_scalar(doc, e.value, e.path, "a rate such as 10/min");
    if (!text)
    {
        return;
    }
    const auto parsed = shaping::parse_rate(*text);
    if (parsed.has_error())
    {
        doc.fail(e.value.Mark(), e.path, parsed.error().text);
        return;
    }
    out = *parsed;
}

void read_count(document& doc, const entry& e, std::optional<std::uint32_t>& out)
{
    const number_form form{1, std::numeric_limits<std::uint32_t>::max()};
    read_form(doc, e, form, out.emplace(1));
}

// The values in force: back_off: {message_rate: 1/min, connections: 1}.
void read_values(document& doc, const entry& e, shaping::rule_action& out)
{
    static const names of_back_off{"message_rate", "connections", "connection_rate"};
    static const names of_reopen{"messages_per_connection"};
    const bool is_reopen = out.kind == shaping::action_kind::reopen;
    for (const auto& v : read_map(doc, e.value, e.path, is_reopen ? &of_reopen : &of_back_off))
    {
        if (v.name == "message_rate")
        {
            read_rate(doc, v, out.message_rate);
        }
        else if (v.name == "connection_rate")
        {
            read_rate(doc, v, out.connection_rate);
        }
        else
        {
            read_count(doc, v, is_reopen ? out.messages_per_connection : out.connections);
        }
    }
}

void read_scope(document& doc, const entry& e, shaping::rule_action& out)
{
    constexpr std::string_view expected = "site, source_site, tenant_site or campaign";
    const auto text = read_scalar(doc, e.value, e.path, expected);
    const auto scope = text ? shaping::parse_suspension_scope(*text) : std::nullopt;
    if (text && !scope)
    {
        doc.fail(e.value.Mark(), e.path,
                 "expected " + std::string(expected) + ", found " + quote(*text));
    }
    out.scope = scope.value_or(out.scope);
}

// One key of {suspend: site, for: 1h}.
void read_action_key(document& doc, const entry& e, shaping::rule_action& out)
{
    if (e.name == "for")
    {
        read_form(doc, e, rule_duration, out.duration);
    }
    else if (e.name == "suspend")
    {
        read_scope(doc, e, out);
    }
    else
    {
        read_values(doc, e, out);
    }
}

shaping::rule_action read_action(document& doc, const YAML::Node& node, const std::string& path)
{
    shaping::rule_action out;
    if (node.IsScalar())
    {
        const auto kind = shaping::parse_action_kind(node.Scalar());
        if (!kind)
        {
            doc.fail(node.Mark(), path,
                     "expected " + std::string(action_names) + ", found " + quote(node.Scalar()));
        }
        out.kind = kind.value_or(out.kind);
        return out;
    }
    static const names known{"suspend", "back_off", "reopen", "for"};
    const auto entries = read_map(doc, node, path, &known);
    const auto is_kind = [](const entry& e) { return e.name != "for"; };
    if (std::ranges::count_if(entries, is_kind) != 1)
    {
        doc.fail(node.Mark(), path, "expected one of suspend, back_off and reopen, and for");
        return out;
    }
    out.kind =
        shaping::parse_action_kind(std::ranges::find_if(entries, is_kind)->name).value_or(out.kind);
    for (const auto& e : entries)
    {
        read_action_key(doc, e, out);
    }
    return out;
}

void read_texts(document& doc, const entry& e, shaping::reply_rule& out)
{
    for (const auto& item : one_or_more(doc, e.value, e.path, "a pattern or a list of them"))
    {
        const auto text = read_scalar(doc, item, e.path, "a pattern");
        if (!text)
        {
            continue;
        }
        auto compiled = shaping::text_pattern::compile(*text);
        if (compiled.has_error())
        {
            doc.fail(item.Mark(), e.path, compiled.error().text + ": " + quote(*text));
            continue;
        }
        out.texts.push_back(std::move(*compiled));
    }
}

void read_codes(document& doc, const entry& e, shaping::reply_rule& out)
{
    for (const auto& item : one_or_more(doc, e.value, e.path, "a reply code or a list of them"))
    {
        const auto text = read_scalar(doc, item, e.path, "a reply code");
        const auto added = text ? out.codes.add(*text) : result<void, failure>{};
        if (added.has_error())
        {
            doc.fail(item.Mark(), e.path, added.error().text + ", found " + quote(*text));
        }
    }
}

void read_enhanced(document& doc, const entry& e, shaping::reply_rule& out)
{
    for (const auto& item : one_or_more(doc, e.value, e.path, "an enhanced code or a list of them"))
    {
        const auto text = read_scalar(doc, item, e.path, "an enhanced code");
        if (!text)
        {
            continue;
        }
        const auto parsed = shaping::parse_enhanced_pattern(*text);
        if (parsed.has_error())
        {
            doc.fail(item.Mark(), e.path, parsed.error().text + ", found " + quote(*text));
            continue;
        }
        out.enhanced.push_back(*parsed);
    }
}

void read_stages(document& doc, const entry& e, shaping::reply_rule& out)
{
    constexpr std::string_view expected = "connect, banner, ehlo, starttls, tls, mail, rcpt, data, "
                                          "body, final_dot or idle";
    for (const auto& item : one_or_more(doc, e.value, e.path, expected))
    {
        const auto text = read_scalar(doc, item, e.path, expected);
        const auto stage = text ? shaping::parse_stage(*text) : std::nullopt;
        if (stage)
        {
            out.stages.add(*stage);
        }
        else if (text)
        {
            doc.fail(item.Mark(), e.path,
                     "expected " + std::string(expected) + ", found " + quote(*text));
        }
    }
}

void read_threshold(document& doc, const entry& e, shaping::reply_rule& out)
{
    const auto text = read_scalar(doc, e.value, e.path, "a threshold such as 3/h");
    if (!text)
    {
        return;
    }
    const auto parsed = shaping::parse_threshold(*text);
    if (parsed.has_error())
    {
        doc.fail(e.value.Mark(), e.path, parsed.error().text + ", found " + quote(*text));
        return;
    }
    out.threshold = *parsed;
}

void read_rule_key(document& doc, const entry& e, shaping::reply_rule& out)
{
    if (e.name == "name")
    {
        out.name = read_scalar(doc, e.value, e.path, "a name").value_or("");
    }
    else if (e.name == "code")
    {
        read_codes(doc, e, out);
    }
    else if (e.name == "enhanced")
    {
        read_enhanced(doc, e, out);
    }
    else if (e.name == "text")
    {
        read_texts(doc, e, out);
    }
    else if (e.name == "stage")
    {
        read_stages(doc, e, out);
    }
    else if (e.name == "threshold")
    {
        read_threshold(doc, e, out);
    }
    else
    {
        const auto items = one_or_more(doc, e.value, e.path, "an action or a list of them");
        for (std::size_t i = 0; i < items.size(); ++i)
        {
            out.actions.push_back(
                read_action(doc, items[i], e.path + "[" + std::to_string(i) + "]"));
        }
    }
}

} // namespace

void read_rules(document& doc, const YAML::Node& node, const std::string& path,
                std::string_view provider, shaping::shaping_table& out)
{
    static const names known{"name", "code", "enhanced", "text", "stage", "threshold", "actions"};
    if (node.IsNull())
    {
        return;
    }
    const auto items = read_list(doc, node, path, "a list of rules");
    for (std::size_t i = 0; i < items.size(); ++i)
    {
        const std::string here = path + "[" + std::to_string(i) + "]";
        const std::size_t errors_before = doc.error_count();
        shaping::reply_rule rule;
        for (const auto& e : read_map(doc, items[i], here, &known))
        {
            read_rule_key(doc, e, rule);
        }
        if (doc.error_count() != errors_before)
        {
            continue;
        }
        if (const auto added = out.add_rule(provider, std::move(rule)); added.has_error())
        {
            doc.fail(items[i].Mark(), here, added.error().text);
        }
    }
}

void read_adaptation(document& doc, const entry& section, shaping::shaping_table& out)
{
    static const names known{"quiet", "step_percent", "floor_percent", "floor_rate",
                             "repeat_after"};
    using policy_type = shaping::adaptation_policy;
    const duration_form wait{policy_type::quiet_min, policy_type::quiet_max};
    policy_type policy;
    const std::size_t errors_before = doc.error_count();
    for (const auto& e : read_map(doc, section.value, section.path, &known))
    {
        if (e.name == "quiet" || e.name == "repeat_after")
        {
            read_form(doc, e, wait, e.name == "quiet" ? policy.quiet : policy.repeat_after);
        }
        else if (e.name == "step_percent")
        {
            read_form(doc, e, number_form{1, 100}, policy.step_percent);
        }
        else if (e.name == "floor_percent")
        {
            read_form(doc, e, number_form{0, 100}, policy.floor_percent);
        }
        else
        {
            std::optional<shaping::rate> floor;
            read_rate(doc, e, floor);
            policy.floor_rate = floor.value_or(policy.floor_rate);
        }
    }
    if (doc.error_count() != errors_before)
    {
        return;
    }
    if (const auto set = out.set_adaptation(policy); set.has_error())
    {
        doc.fail(section.mark, section.path, set.error().text);
    }
}

void read_denied_mx(document& doc, const entry& section, shaping::shaping_table& out)
{
    if (section.value.IsNull())
    {
        return;
    }
    for (const auto& item : read_list(doc, section.value, section.path, "a list of MX hosts"))
    {
        const auto text = read_scalar(doc, item, section.path, "an MX host");
        const auto added = text ? out.add_denied_mx(*text) : result<void, failure>{};
        if (added.has_error())
        {
            doc.fail(item.Mark(), section.path, added.error().text);
        }
    }
}

} // namespace hikyaku::config
