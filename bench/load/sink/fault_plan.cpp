#include "fault_plan.h"

#include <algorithm>
#include <charconv>
#include <fnmatch.h>

namespace hikyaku::sink
{

namespace
{

constexpr std::array<std::string_view, point_count> point_names = {
    "banner", "ehlo", "starttls", "mail", "rcpt", "data", "body", "dot", "after", "quit"};

constexpr prefix_fault prefix_faults[] = {
    {"bounce-dot-", point::dot, deed::reply, "554 5.7.1 Message refused", false},
    {"bounce-", point::rcpt, deed::reply, "550 5.1.1 User unknown", false},
    {"full-", point::rcpt, deed::reply, "552 5.2.2 Mailbox full", false},
    {"listed-", point::rcpt, deed::reply, "550 5.7.1 Client host blocked", false},
    {"defer-dot-", point::dot, deed::reply, "451 4.3.0 Try again later", false},
    {"defer-once-", point::rcpt, deed::reply, "451 4.7.1 Greylisted", true},
    {"defer-", point::rcpt, deed::reply, "450 4.2.1 Mailbox busy", false},
    {"busy-", point::rcpt, deed::reply, "421 4.3.2 Service shutting down", false},
    {"drop-rcpt-", point::rcpt, deed::close, "", false},
    {"drop-data-", point::data, deed::close, "", false},
    {"drop-body-", point::body, deed::close, "", false},
    {"drop-dot-once-", point::dot, deed::close, "", true},
    {"drop-dot-", point::dot, deed::close, "", false},
    {"stall-rcpt-", point::rcpt, deed::stall, "", false},
    {"stall-dot-", point::dot, deed::stall, "", false},
};

std::optional<point> find_point(std::string_view name)
{
    if (name == "dot-before-reply")
    {
        return point::dot;
    }
    const auto* const at = std::find(point_names.begin(), point_names.end(), name);
    if (at == point_names.end())
    {
        return std::nullopt;
    }
    return static_cast<point>(at - point_names.begin());
}

// Cuts `text` at the first colon and removes that part from it.
std::string_view take_part(std::string_view& text)
{
    const auto colon = text.find(':');
    const auto part = text.substr(0, colon);
    text = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    return part;
}

template <class T> std::optional<T> read_number(std::string_view text)
{
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
    {
        return std::nullopt;
    }
    return value;
}

bool applies(const fault& rule, std::span<const std::string> recipients, std::mt19937_64& random)
{
    if (rule.pattern.empty())
    {
        return rule.probability >= 1 ||
               std::uniform_real_distribution<double>(0, 1)(random) < rule.probability;
    }
    return std::any_of(
        recipients.begin(), recipients.end(), [&rule](const std::string& address)
        { return fnmatch(rule.pattern.c_str(), address.c_str(), FNM_CASEFOLD) == 0; });
}

} // namespace

bool fault_plan::add_reply(std::string_view spec)
{
    fault rule;
    rule.what = deed::reply;
    const auto at = find_point(take_part(spec));
    const auto code = take_part(spec);
    const auto when = take_part(spec);
    const auto number = read_number<int>(code);
    if (!at || *at == point::body || *at == point::after || !number || *number < 200 ||
        *number > 599)
    {
        return false;
    }
    rule.at = *at;
    const std::string text =
        spec.empty() ? std::string(1, code[0]) + ".3.0 Injected fault" : std::string(spec);
    std::string_view rest = text;
    while (true)
    {
        const auto cut = rest.find("\\n"); // a backslash and an n: a reply of several lines
        rule.reply += std::string(code) + (cut == std::string_view::npos ? ' ' : '-');
        rule.reply += rest.substr(0, cut);
        if (cut == std::string_view::npos)
        {
            break;
        }
        rule.reply += "\r\n";
        rest = rest.substr(cut + 2);
    }
    return add(std::move(rule), when);
}

bool fault_plan::add_deed(deed what, std::string_view spec)
{
    fault rule;
    rule.what = what;
    const auto at = find_point(take_part(spec));
    rule.at = at.value_or(point::rcpt);
    return at && add(std::move(rule), spec);
}

bool fault_plan::add_delay(std::string_view spec)
{
    fault rule;
    const auto at = find_point(take_part(spec));
    const auto delay = read_number<unsigned>(take_part(spec));
    if (!at || !delay || *at == point::body || *at == point::after)
    {
        return false;
    }
    rule.at = *at;
    rule.delay = std::chrono::milliseconds(*delay);
    return add(std::move(rule), spec);
}

bool fault_plan::add(fault rule, std::string_view when)
{
    const auto probability = read_number<double>(when);
    if (when.empty() || probability)
    {
        rule.probability = probability.value_or(1);
        if (rule.probability < 0 || rule.probability > 1)
        {
            return false;
        }
    }
    else
    {
        if (rule.at < point::rcpt || rule.at > point::after)
        {
            return false; // no recipient is known there
        }
        rule.pattern = when;
    }
    rules_[static_cast<std::size_t>(rule.at)].push_back(std::move(rule));
    return true;
}

decision fault_plan::decide(point at, std::span<const std::string> recipients,
                            std::mt19937_64& random) const
{
    decision result;
    for (const fault& rule : rules_[static_cast<std::size_t>(at)])
    {
        if (rule.what != deed::none && result.what != deed::none)
        {
            continue;
        }
        if (!applies(rule, recipients, random))
        {
            continue;
        }
        result.delay += rule.delay;
        if (rule.what != deed::none)
        {
            result.what = rule.what;
            result.reply = rule.reply;
        }
    }
    return result;
}

const prefix_fault* find_prefix_fault(std::string_view recipient)
{
    for (const prefix_fault& row : prefix_faults)
    {
        if (recipient.starts_with(row.prefix))
        {
            return &row;
        }
    }
    return nullptr;
}

} // namespace hikyaku::sink
