#include <hikyaku/shaping/limits.h>

#include <string>

namespace hikyaku::shaping
{

namespace
{

template <class E> struct named
{
    E value;
    std::string_view name;
};

constexpr named<tls_mode> mode_names[] = {
    {tls_mode::off, "off"},
    {tls_mode::opportunistic, "opportunistic"},
    {tls_mode::required, "required"},
    {tls_mode::verified, "verified"},
};

constexpr named<address_family> family_names[] = {
    {address_family::interleave, "interleave"},
    {address_family::prefer_ipv6, "prefer_ipv6"},
    {address_family::prefer_ipv4, "prefer_ipv4"},
    {address_family::ipv6, "ipv6"},
    {address_family::ipv4, "ipv4"},
};

template <class E, std::size_t N>
std::string_view name_of(const named<E> (&names)[N], E value) noexcept
{
    for (const auto& row : names)
    {
        if (row.value == value)
        {
            return row.name;
        }
    }
    return "?";
}

template <class E, std::size_t N>
std::optional<E> value_of(const named<E> (&names)[N], std::string_view text) noexcept
{
    for (const auto& row : names)
    {
        if (row.name == text)
        {
            return row.value;
        }
    }
    return std::nullopt;
}

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
std::string fault_of(std::string_view, address_family)
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
    return name_of(mode_names, mode);
}

std::optional<tls_mode> parse_tls_mode(std::string_view text) noexcept
{
    return value_of(mode_names, text);
}

std::string_view to_string(address_family family) noexcept
{
    return name_of(family_names, family);
}

std::optional<address_family> parse_address_family(std::string_view text) noexcept
{
    return value_of(family_names, text);
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
