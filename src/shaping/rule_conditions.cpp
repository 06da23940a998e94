#include <hikyaku/shaping/reply_rules.h>

#include <charconv>

namespace hikyaku::shaping
{
namespace
{

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

template <class T> bool read_part(std::string_view part, std::uint64_t max, std::optional<T>& out)
{
    if (part == "*")
    {
        out.reset();
        return true;
    }
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (ec != std::errc{} || end != part.data() + part.size() || value > max)
    {
        return false;
    }
    out = static_cast<T>(value);
    return true;
}

template <class T> bool agrees(const std::optional<T>& wanted, T value) noexcept
{
    return !wanted || *wanted == value;
}

constexpr smtp::stage stages[] = {
    smtp::stage::connect, smtp::stage::banner,    smtp::stage::ehlo, smtp::stage::starttls,
    smtp::stage::tls,     smtp::stage::mail,      smtp::stage::rcpt, smtp::stage::data,
    smtp::stage::body,    smtp::stage::final_dot, smtp::stage::idle,
};

} // namespace

result<void, failure> code_set::add(std::string_view text)
{
    if (text == "none")
    {
        none_ = true;
        return {};
    }
    const auto digit_or_x = [](char c) { return is_digit(c) || c == 'x'; };
    const bool well_formed = text.size() == 3 && (text[0] == '4' || text[0] == '5') &&
                             digit_or_x(text[1]) && digit_or_x(text[2]) &&
                             (text[1] != 'x' || text[2] == 'x');
    if (!well_formed)
    {
        return failure{"expected a reply code such as 421, 45x, 4xx, 5xx, or none"};
    }
    const int base = (text[0] - '0') * 100 - first;
    for (int i = 0; i < 100; ++i)
    {
        if ((text[1] == 'x' || text[1] - '0' == i / 10) &&
            (text[2] == 'x' || text[2] - '0' == i % 10))
        {
            codes_.set(static_cast<std::size_t>(base + i));
        }
    }
    return {};
}

bool code_set::contains(int code) const noexcept
{
    if (code == 0)
    {
        return none_;
    }
    if (code < first || code >= first + static_cast<int>(codes_.size()))
    {
        return false;
    }
    return empty() || codes_.test(static_cast<std::size_t>(code - first));
}

bool enhanced_pattern::matches(const smtp::enhanced_code& code) const noexcept
{
    return code.present() && agrees(cls, code.cls) && agrees(subject, code.subject) &&
           agrees(detail, code.detail);
}

result<enhanced_pattern, failure> parse_enhanced_pattern(std::string_view text)
{
    const auto dot = text.find('.');
    const auto second = dot == std::string_view::npos ? dot : text.find('.', dot + 1);
    enhanced_pattern out;
    const bool good = second != std::string_view::npos &&
                      read_part(text.substr(0, dot), 5, out.cls) &&
                      (!out.cls || *out.cls == 4 || *out.cls == 5) &&
                      read_part(text.substr(dot + 1, second - dot - 1), 999, out.subject) &&
                      read_part(text.substr(second + 1), 999, out.detail);
    if (!good)
    {
        return failure{"expected an enhanced code such as 4.7.28, 5.7.* or *.7.1"};
    }
    return out;
}

std::optional<smtp::stage> parse_stage(std::string_view text) noexcept
{
    for (const smtp::stage s : stages)
    {
        if (text == smtp::to_string(s))
        {
            return s;
        }
    }
    return std::nullopt;
}

result<match_threshold, failure> parse_threshold(std::string_view text)
{
    const auto parsed = parse_rate(text);
    if (parsed.has_error() || parsed->count > match_threshold::count_max ||
        text.find(',') != std::string_view::npos)
    {
        return failure{"expected a number of matches and a time such as 3/h or 5/10min, at most "
                       "100 in a day"};
    }
    return match_threshold{static_cast<std::uint32_t>(parsed->count), parsed->per};
}

std::string_view to_string(action_kind kind) noexcept
{
    switch (kind)
    {
    case action_kind::back_off:
        return "back_off";
    case action_kind::suspend:
        return "suspend";
    case action_kind::bounce:
        return "bounce";
    case action_kind::defer:
        return "defer";
    case action_kind::next_mx:
        return "next_mx";
    case action_kind::reopen:
        return "reopen";
    }
    return "?";
}

std::optional<action_kind> parse_action_kind(std::string_view text) noexcept
{
    for (const auto kind : {action_kind::back_off, action_kind::suspend, action_kind::bounce,
                            action_kind::defer, action_kind::next_mx, action_kind::reopen})
    {
        if (text == to_string(kind))
        {
            return kind;
        }
    }
    return std::nullopt;
}

std::string_view to_string(suspension_kind kind) noexcept
{
    switch (kind)
    {
    case suspension_kind::site:
        return "site";
    case suspension_kind::source_site:
        return "source_site";
    case suspension_kind::tenant_site:
        return "tenant_site";
    case suspension_kind::campaign:
        return "campaign";
    case suspension_kind::tenant:
        return "tenant";
    }
    return "?";
}

std::optional<suspension_kind> parse_suspension_scope(std::string_view text) noexcept
{
    for (const auto kind : {suspension_kind::site, suspension_kind::source_site,
                            suspension_kind::tenant_site, suspension_kind::campaign})
    {
        if (text == to_string(kind))
        {
            return kind;
        }
    }
    return std::nullopt;
}

} // namespace hikyaku::shaping
