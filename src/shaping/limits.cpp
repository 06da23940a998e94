#include <hikyaku/shaping/limits.h>

#include <string>

namespace hikyaku::shaping
{

namespace
{

struct mode_name
{
    tls_mode mode;
    std::string_view name;
};

constexpr mode_name mode_names[] = {
    {tls_mode::off, "off"},
    {tls_mode::opportunistic, "opportunistic"},
    {tls_mode::required, "required"},
    {tls_mode::verified, "verified"},
};

std::uint32_t most_of(std::string_view key)
{
    if (key == "messages_per_connection")
    {
        return messages_per_connection_limit_max;
    }
    if (key == "recipients_per_transaction")
    {
        return recipients_per_transaction_limit_max;
    }
    return key == "connect_failures_max" ? connect_failures_limit_max : connections_limit_max;
}

std::string fault_of(std::string_view key, std::uint32_t value)
{
    return value >= 1 && value <= most_of(key) ? "" : "1 to " + std::to_string(most_of(key));
}
std::string fault_of(std::string_view, milliseconds value)
{
    return value > milliseconds{0} && value <= limits_duration_max ? "" : "more than 0, at most 7d";
}
std::string fault_of(std::string_view, const rate& r)
{
    const bool good = r.count >= 1 && r.count <= rate::count_max && r.burst >= 1 &&
                      r.burst <= rate::count_max && r.per > milliseconds{0} &&
                      r.per <= rate::per_max;
    return good ? "" : "a rate such as 100/s or 1000/h,50";
}
std::string fault_of(std::string_view, tls_mode)
{
    return "";
}
std::string fault_of(std::string_view, bool)
{
    return "";
}
template <class T> std::string fault_of(std::string_view key, const std::optional<T>& value)
{
    return value ? fault_of(key, *value) : "";
}

} // namespace

std::string_view to_string(tls_mode mode) noexcept
{
    for (const mode_name& row : mode_names)
    {
        if (row.mode == mode)
        {
            return row.name;
        }
    }
    return "?";
}

std::optional<tls_mode> parse_tls_mode(std::string_view text) noexcept
{
    for (const mode_name& row : mode_names)
    {
        if (row.name == text)
        {
            return row.mode;
        }
    }
    return std::nullopt;
}

result<void, failure> check_patch(const limits_patch& patch)
{
    std::string fault;
    for_each_limit(
        [&](std::string_view key, auto, auto member)
        {
            if (fault.empty() && patch.*member)
            {
                const std::string allowed = fault_of(key, *(patch.*member));
                fault = allowed.empty() ? "" : std::string(key) + ": allowed is " + allowed;
            }
        });
    if (!fault.empty())
    {
        return failure{fault};
    }
    return {};
}

} // namespace hikyaku::shaping
