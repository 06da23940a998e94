#include "failures.h"

#include <hikyaku/crm/value.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hikyaku::crm
{
namespace
{

using value_result = result<value, problem>;

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What no text may hold, whatever the field; nullptr when it is clean.
const char* find_fault(std::string_view text, bool line_breaks)
{
    if (!text::is_valid_utf8(text))
    {
        return "The value is not UTF-8.";
    }
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const auto c = static_cast<unsigned char>(text[i]);
        const bool line_break =
            c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
        if ((c < 0x20 && c != '\t' && !(line_breaks && line_break)) || c == 0x7F)
        {
            return c == 0 ? "The value holds a NUL character."
                          : "The value holds a control character.";
        }
    }
    return nullptr;
}

value_result parse_text(const field& f, std::string_view text)
{
    if (const char* fault = find_fault(text, true); fault != nullptr)
    {
        return invalid(f.name, fault);
    }
    std::string out(text);
    std::erase(out, '\r'); // find_fault let CR pass before LF only
    return out;
}

value_result parse_integer(const field& f, std::string_view text)
{
    const std::string_view digits = text.substr(text.starts_with('+') ? 1 : 0);
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (ec != std::errc{} || end != digits.data() + digits.size() || text.starts_with("+-"))
    {
        return invalid(f.name, "The value is not a whole number of at most 64 bits.");
    }
    return number;
}

value_result parse_decimal_text(const field& f, std::string_view text)
{
    const auto number = segment::parse_decimal(text);
    if (!number)
    {
        return invalid(f.name, "The value is not a decimal number of at most 18 digits.");
    }
    return *number;
}

value_result parse_boolean(const field& f, std::string_view text)
{
    struct word
    {
        std::string_view text;
        bool value;
    };
    static constexpr std::array<word, 20> words{{
        {"true", true},   {"True", true},   {"TRUE", true},   {"1", true},    {"yes", true},
        {"Yes", true},    {"YES", true},    {"on", true},     {"ON", true},   {"はい", true},
        {"false", false}, {"False", false}, {"FALSE", false}, {"0", false},   {"no", false},
        {"No", false},    {"NO", false},    {"off", false},   {"OFF", false}, {"いいえ", false},
    }};
    const auto* found =
        std::find_if(words.begin(), words.end(), [text](const word& w) { return w.text == text; });
    if (found == words.end())
    {
        return invalid(f.name, "The value is neither true nor false.");
    }
    return found->value;
}

bool take_number(std::string_view& text, std::size_t digits_min, std::size_t digits_max, int& out)
{
    std::size_t n = 0;
    out = 0;
    while (n < digits_max && n < text.size() && text[n] >= '0' && text[n] <= '9')
    {
        out = out * 10 + (text[n] - '0');
        ++n;
    }
    text.remove_prefix(n);
    return n >= digits_min;
}

bool take_char(std::string_view& text, char c)
{
    const bool there = text.starts_with(c);
    text.remove_prefix(there ? 1 : 0);
    return there;
}

/// "2026-11-24" or "2026/11/24" (also "2026/1/4") off the front.
std::optional<std::chrono::sys_days> take_date(std::string_view& text)
{
    int year = 0;
    int month = 0;
    int day = 0;
    if (!take_number(text, 4, 4, year) || text.empty() || (text[0] != '-' && text[0] != '/'))
    {
        return std::nullopt;
    }
    const char mark = text[0];
    const std::size_t digits_min = mark == '-' ? 2 : 1;
    text.remove_prefix(1);
    if (!take_number(text, digits_min, 2, month) || !take_char(text, mark) ||
        !take_number(text, digits_min, 2, day))
    {
        return std::nullopt;
    }
    const std::chrono::year_month_day ymd{std::chrono::year{year},
                                          std::chrono::month{static_cast<unsigned>(month)},
                                          std::chrono::day{static_cast<unsigned>(day)}};
    return ymd.ok() && year > 0 ? std::optional{std::chrono::sys_days{ymd}} : std::nullopt;
}

value_result parse_date(const field& f, std::string_view text)
{
    const auto day = take_date(text);
    if (!day || !text.empty())
    {
        return invalid(f.name, "The value is not a date such as 2026-11-24.");
    }
    return *day;
}

/// "09:00" or "9:00:30" without a zone.
std::optional<seconds> take_clock(std::string_view text)
{
    int hour = 0;
    int minute = 0;
    int second = 0;
    if (!take_number(text, 1, 2, hour) || !take_char(text, ':') || !take_number(text, 2, 2, minute))
    {
        return std::nullopt;
    }
    if (!text.empty() && (!take_char(text, ':') || !take_number(text, 2, 2, second)))
    {
        return std::nullopt;
    }
    if (!text.empty() || hour > 23 || minute > 59 || second > 59)
    {
        return std::nullopt;
    }
    return std::chrono::hours{hour} + std::chrono::minutes{minute} + seconds{second};
}

value_result parse_datetime(const field& f, std::string_view text)
{
    if (const auto exact = parse_rfc3339(text); exact.has_value())
    {
        return *exact;
    }
    std::string_view rest = text;
    const auto day = take_date(rest);
    const bool blank = take_char(rest, ' ') || take_char(rest, 'T');
    const auto clock = blank ? take_clock(rest) : std::nullopt;
    if (!day || !clock)
    {
        return invalid(f.name, "The value is not a time such as 2026-11-24T09:00:00+09:00.");
    }
    return wall_time{*day} + *clock - std::chrono::minutes{default_offset_minutes};
}

value_result parse_email(const field& f, std::string_view text)
{
    const auto address = mime::parse_address(text);
    if (address.has_error())
    {
        return invalid(f.name, address.error().text);
    }
    return std::string(text);
}

bool is_option(const field& f, std::string_view text)
{
    return std::find(f.options.begin(), f.options.end(), text) != f.options.end();
}

value_result parse_select(const field& f, std::string_view text)
{
    if (!is_option(f, text))
    {
        return invalid(f.name, "The value is none of the field's options.");
    }
    return std::string(text);
}

/// Checks the items of a list; an item given twice counts once.
value_result make_list(const field& f, const std::vector<std::string_view>& items)
{
    std::vector<std::string> out;
    for (const std::string_view item : items)
    {
        if (item.empty() || std::find(out.begin(), out.end(), item) != out.end())
        {
            continue;
        }
        if (const char* fault = find_fault(item, false); fault != nullptr)
        {
            return invalid(f.name, fault);
        }
        if (f.type == field_type::multi_select && !is_option(f, item))
        {
            return invalid(f.name, "A value is none of the field's options.");
        }
        if (out.size() == list_values_max)
        {
            return invalid(f.name, "The list is too long.");
        }
        out.emplace_back(item);
    }
    return out.empty() ? value{} : value{std::move(out)};
}

value_result parse_list(const field& f, std::string_view text)
{
    std::vector<std::string_view> items;
    while (!text.empty() && items.size() <= value_bytes_max)
    {
        const auto end = std::min(text.find_first_of("\n,;"), text.size());
        items.push_back(trim(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return make_list(f, items);
}

value_result parse_by_type(const field& f, std::string_view text)
{
    switch (f.type)
    {
    case field_type::text:
        return parse_text(f, text);
    case field_type::integer:
        return parse_integer(f, text);
    case field_type::decimal:
        return parse_decimal_text(f, text);
    case field_type::date:
        return parse_date(f, text);
    case field_type::datetime:
        return parse_datetime(f, text);
    case field_type::boolean:
        return parse_boolean(f, text);
    case field_type::email:
        return parse_email(f, text);
    case field_type::select:
        return parse_select(f, text);
    case field_type::multi_select:
    case field_type::tags:
        return parse_list(f, text);
    }
    return invalid(f.name, "The field has no type.");
}

value_result parse_json_list(const field& f, const json::array& a)
{
    if (f.type != field_type::multi_select && f.type != field_type::tags)
    {
        return invalid(f.name, "The field does not take a list.");
    }
    std::vector<std::string_view> items;
    std::size_t bytes = 0;
    for (const json::value& item : a)
    {
        if (!item.is_string())
        {
            return invalid(f.name, "The list holds something that is not a text.");
        }
        items.emplace_back(item.get_string());
        bytes += items.back().size();
    }
    if (bytes > value_bytes_max)
    {
        return invalid(f.name, "The value is too long.");
    }
    return make_list(f, items);
}

value_result parse_json_number(const field& f, std::int64_t number)
{
    if (f.type != field_type::integer && f.type != field_type::decimal)
    {
        return invalid(f.name, "The field does not take a number.");
    }
    return f.type == field_type::integer ? value{number} : value{decimal{number, 0}};
}

/// A JSON number with a point: exact as long as its shortest form has few enough digits.
value_result parse_json_fraction(const field& f, double number)
{
    std::array<char, 400> digits{};
    const auto [end, ec] = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                         std::chars_format::fixed);
    const std::string_view text(digits.data(), static_cast<std::size_t>(end - digits.data()));
    constexpr std::size_t exact_digits = 15;
    const auto count =
        std::count_if(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (f.type != field_type::decimal || ec != std::errc{} ||
        static_cast<std::size_t>(count) > exact_digits)
    {
        return invalid(f.name, "Give the number as a text, such as \"12.50\".");
    }
    return parse_decimal_text(f, text);
}

} // namespace

value_result parse_value(const field& f, std::string_view text)
{
    if (text.size() > value_bytes_max)
    {
        return invalid(f.name, "The value is too long.");
    }
    if (f.type != field_type::text)
    {
        text = trim(text);
    }
    if (text.empty())
    {
        return value{};
    }
    auto parsed = parse_by_type(f, text);
    if (parsed.has_value() && f.update_key && text.size() > key_value_bytes_max)
    {
        return invalid(f.name, "The value is too long for an update key.");
    }
    return parsed;
}

value_result parse_value(const field& f, const json::value& v)
{
    switch (v.kind())
    {
    case json::kind::null:
        return value{};
    case json::kind::string:
        return parse_value(f, std::string_view(v.get_string()));
    case json::kind::bool_:
        return f.type == field_type::boolean
                   ? value_result{v.get_bool()}
                   : invalid(f.name, "The field does not take a boolean.");
    case json::kind::int64:
        return parse_json_number(f, v.get_int64());
    case json::kind::double_:
        return parse_json_fraction(f, v.get_double());
    case json::kind::array:
        return parse_json_list(f, v.get_array());
    case json::kind::uint64:
    case json::kind::object:
        break;
    }
    return invalid(f.name, "The field does not take such a value.");
}

} // namespace hikyaku::crm
