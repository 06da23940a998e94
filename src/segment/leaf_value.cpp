#include "leaf_value.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hikyaku::segment
{

namespace
{

// What a binary floating point number carries for sure.
constexpr std::size_t double_digits_max = 15;

std::string at(const std::string& pointer, std::size_t index)
{
    return pointer + "/" + std::to_string(index);
}

// The decimal a JSON number with a fraction or exponent was meant to be; nullopt when it can't be
// known.
std::optional<decimal> from_double(double value)
{
    std::array<char, 400> buffer{};
    const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                         std::chars_format::fixed);
    if (ec != std::errc{})
    {
        return std::nullopt;
    }
    const auto parsed =
        parse_decimal({buffer.data(), static_cast<std::size_t>(end - buffer.data())});
    const decimal bound{1'000'000'000'000'000, 0};
    static_assert(double_digits_max == 15, "bound has one digit more");
    if (!parsed || compare({parsed->unscaled, 0}, bound) >= 0 ||
        compare({parsed->unscaled, 0}, {-bound.unscaled, 0}) <= 0)
    {
        return std::nullopt;
    }
    return parsed;
}

// A whole number; nullopt for any other value, and above 64 bits.
std::optional<std::int64_t> whole_of(const json::value& value)
{
    if (value.is_int64())
    {
        return value.get_int64();
    }
    if (value.is_uint64() && value.get_uint64() <= static_cast<std::uint64_t>(INT64_MAX))
    {
        return static_cast<std::int64_t>(value.get_uint64());
    }
    return std::nullopt;
}

std::optional<decimal> number_of(const json::value& value, field_type type)
{
    const auto whole = whole_of(value);
    if (type == field_type::integer)
    {
        return whole ? std::optional{decimal{*whole, 0}} : std::nullopt;
    }
    if (whole)
    {
        return parse_decimal(std::to_string(*whole));
    }
    if (value.is_double())
    {
        return from_double(value.get_double());
    }
    return value.is_string() ? parse_decimal(value.get_string()) : std::nullopt;
}

} // namespace

void leaf_value_reader::read(const json::value& value, const std::string& pointer)
{
    switch (row_.takes)
    {
    case arity::none:
        return;
    case arity::one:
        if (check_size(1, pointer))
        {
            read_one(value, pointer);
        }
        return;
    case arity::pair:
        read_pair(value, pointer);
        return;
    case arity::list:
        read_list(value, pointer);
        return;
    }
}

bool leaf_value_reader::check_size(std::size_t size, const std::string& pointer)
{
    const bool times = to_.at.type == field_type::date || to_.at.type == field_type::datetime;
    const std::size_t most = times ? list_times_max : list_values_max;
    if (size > most || size > values_left_)
    {
        wrong_.add(pointer, "too_many_values",
                   size > most ? "at most " + std::to_string(most) + " values in a list"
                               : "more than " + std::to_string(values_max) +
                                     " values in the whole condition");
        return false;
    }
    values_left_ -= size;
    return true;
}

void leaf_value_reader::read_list(const json::value& value, const std::string& pointer)
{
    if (!value.is_array() || value.get_array().empty())
    {
        wrong_.add(pointer, "wrong_type",
                   std::string(row_.name) + " takes a list of at least one value");
        return;
    }
    const json::array& list = value.get_array();
    if (!check_size(list.size(), pointer))
    {
        return;
    }
    for (std::size_t i = 0; i < list.size(); ++i)
    {
        read_one(list[i], at(pointer, i));
    }
    to_.shown = "[" + to_.shown + "]";
    sort_list();
}

void leaf_value_reader::read_pair(const json::value& value, const std::string& pointer)
{
    if (!value.is_array() || value.get_array().size() != 2)
    {
        wrong_.add(pointer, "wrong_type", "between takes a list of two values: [low, high]");
        return;
    }
    if (!check_size(2, pointer))
    {
        return;
    }
    const bool low = read_one(value.get_array()[0], at(pointer, 0));
    const bool high = read_one(value.get_array()[1], at(pointer, 1));
    to_.shown = "[" + to_.shown + "]";
    if (low && high)
    {
        check_order(pointer);
    }
}

void leaf_value_reader::check_order(const std::string& pointer)
{
    bool upside_down = false;
    if (to_.texts.size() == 2)
    {
        upside_down = to_.texts[1] < to_.texts[0];
    }
    if (to_.numbers.size() == 2)
    {
        upside_down = compare(to_.numbers[1], to_.numbers[0]) < 0;
    }
    // Relative dates can't be told before they are evaluated, days and moments not before the
    // offset is known.
    if (to_.moments.size() == 2 && to_.moments[0].kind == to_.moments[1].kind)
    {
        const moment& low = to_.moments[0];
        const moment& high = to_.moments[1];
        upside_down = (low.kind == moment_kind::day && high.days < low.days) ||
                      (low.kind == moment_kind::instant && high.at < low.at);
    }
    if (upside_down)
    {
        wrong_.add(pointer, "bad_value", "the first value is above the second");
    }
}

void leaf_value_reader::sort_list()
{
    std::ranges::sort(to_.texts);
    const auto same = std::ranges::unique(to_.texts);
    to_.texts.erase(same.begin(), same.end());
    std::ranges::sort(to_.numbers,
                      [](const decimal& a, const decimal& b) { return compare(a, b) < 0; });
}

bool leaf_value_reader::read_one(const json::value& value, const std::string& pointer)
{
    switch (to_.at.type)
    {
    case field_type::text:
    case field_type::email:
    case field_type::select:
    case field_type::multi_select:
    case field_type::tags:
        return read_text(value, pointer);
    case field_type::integer:
    case field_type::decimal:
        return read_number(value, pointer);
    case field_type::date:
    case field_type::datetime:
        return read_moment(value, pointer);
    case field_type::boolean:
        return read_truth(value, pointer);
    }
    return false;
}

bool leaf_value_reader::read_text(const json::value& value, const std::string& pointer)
{
    if (!value.is_string())
    {
        wrong_.add(pointer, "wrong_type", "a text is needed here");
        return false;
    }
    const std::string_view text = value.get_string();
    if (text.size() > value_bytes_max)
    {
        wrong_.add(pointer, "too_long",
                   "a text has at most " + std::to_string(value_bytes_max) + " bytes");
        return false;
    }
    std::string normal = normalize_ ? normalize_(text) : std::string(text);
    if (normal.empty())
    {
        wrong_.add(pointer, "bad_value",
                   "an empty text matches nothing; use the operators empty and not_empty");
        return false;
    }
    to_.texts.push_back(std::move(normal));
    show(to_json_text(value));
    return true;
}

bool leaf_value_reader::read_number(const json::value& value, const std::string& pointer)
{
    const auto number = number_of(value, to_.at.type);
    if (!number)
    {
        wrong_.add(pointer, "wrong_type",
                   to_.at.type == field_type::integer
                       ? "a whole number of at most 64 bits is needed here"
                       : "a decimal is needed here: a string such as \"12.50\" with at most 18 "
                         "digits, or a number of at most 15");
        return false;
    }
    to_.numbers.push_back(*number);
    const std::string digits = format_decimal(*number);
    show(to_.at.type == field_type::integer ? digits : "\"" + digits + "\"");
    return true;
}

bool leaf_value_reader::read_moment(const json::value& value, const std::string& pointer)
{
    const bool needs_day = to_.at.type == field_type::date;
    const auto text = value.is_string() ? std::string_view{value.get_string()} : std::string_view{};
    const auto parsed = text.size() <= value_bytes_max ? parse_moment(text) : std::nullopt;
    if (!parsed || (needs_day && !is_day(*parsed)))
    {
        wrong_.add(pointer, value.is_string() ? "bad_value" : "wrong_type",
                   needs_day ? "a date is needed here: \"2026-11-24\", \"today\", \"-30d\", "
                               "\"today+7d\""
                             : "a time is needed here: \"2026-11-24T09:00:00+09:00\", "
                               "\"2026-11-24\", \"now\", \"-36h\", \"today\", \"-30d\"");
        return false;
    }
    to_.moments.push_back(*parsed);
    show(to_json_text(value));
    return true;
}

bool leaf_value_reader::read_truth(const json::value& value, const std::string& pointer)
{
    if (!value.is_bool())
    {
        wrong_.add(pointer, "wrong_type", "true or false is needed here");
        return false;
    }
    to_.truth = value.get_bool();
    show(to_.truth ? "true" : "false");
    return true;
}

void leaf_value_reader::show(std::string_view json)
{
    to_.shown += to_.shown.empty() ? "" : ",";
    to_.shown += json;
}

} // namespace hikyaku::segment
