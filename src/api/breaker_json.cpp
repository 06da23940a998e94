#include "breaker_json.h"

#include <cmath>

namespace hikyaku::api
{
namespace
{

constexpr std::int64_t after_max = 1'000'000'000;
constexpr double hundredths = 100;

std::optional<std::uint32_t> read_percent(http::object_reader& in, std::string_view name)
{
    const auto* value = in.optional_any(name);
    if (value == nullptr || value->is_null())
    {
        return std::nullopt;
    }
    double number = -1;
    if (value->is_double())
    {
        number = value->get_double();
    }
    else if (value->is_int64())
    {
        number = static_cast<double>(value->get_int64());
    }
    const double scaled = number * hundredths;
    const double whole = std::round(scaled);
    if (!(number >= 0 && number <= 100) || std::abs(scaled - whole) > 1e-6)
    {
        in.fail(name, "invalid", "must be a number from 0 to 100 with at most two decimals");
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(whole);
}

std::optional<std::uint64_t> read_after(http::object_reader& in, std::string_view name)
{
    const auto n = in.optional_int(name, 1, after_max);
    return n ? std::optional(static_cast<std::uint64_t>(*n)) : std::nullopt;
}

/// 30 → 0.3, 1000 → 10.
json::value percent(std::uint32_t rate)
{
    return rate % 100 == 0 ? json::value(rate / 100) : json::value(rate / hundredths);
}

} // namespace

std::optional<campaign::breaker_override> read_breaker(http::object_reader& in)
{
    auto given = in.optional_object("breaker");
    if (!given)
    {
        return std::nullopt;
    }
    campaign::breaker_override b;
    b.enabled = given->optional_bool("enabled");
    b.bounce_rate = read_percent(*given, "bounce_percent");
    b.bounce_after = read_after(*given, "bounce_after");
    b.complaint_rate = read_percent(*given, "complaint_percent");
    b.complaint_after = read_after(*given, "complaint_after");
    return b;
}

json::object breaker_to_json(const campaign::breaker_limits& b)
{
    return {{"enabled", b.enabled},
            {"bounce_percent", percent(b.bounce_rate)},
            {"bounce_after", b.bounce_after},
            {"complaint_percent", percent(b.complaint_rate)},
            {"complaint_after", b.complaint_after}};
}

json::object breaker_to_json(const campaign::breaker_override& b)
{
    json::object out;
    if (b.enabled)
    {
        out["enabled"] = *b.enabled;
    }
    if (b.bounce_rate)
    {
        out["bounce_percent"] = percent(*b.bounce_rate);
    }
    if (b.bounce_after)
    {
        out["bounce_after"] = *b.bounce_after;
    }
    if (b.complaint_rate)
    {
        out["complaint_percent"] = percent(*b.complaint_rate);
    }
    if (b.complaint_after)
    {
        out["complaint_after"] = *b.complaint_after;
    }
    return out;
}

} // namespace hikyaku::api
