#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/log.h>
#include <hikyaku/base/time.h>

// The forms that single values have in our files. Each form says what it expects, for error texts.
namespace hikyaku::config
{

struct host_port
{
    std::string host;
    std::optional<std::uint16_t> port;
};

/// Decimal digits only.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
/// "512", "64KB", "64MB", "2GB" (powers of 1024; also KiB, MiB, GiB).
[[nodiscard]] std::optional<std::uint64_t> parse_bytes(std::string_view text);
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);
/// "host", "host:25", "192.0.2.1:25", "[2001:db8::1]:25"; the host in lower case.
[[nodiscard]] std::optional<host_port> parse_host_port(std::string_view text);
/// Letters, digits, hyphens and dots, or an address; lower case (RFC 1123 section 2.1).
[[nodiscard]] bool is_host_name(std::string_view text);
[[nodiscard]] bool is_address_v4(std::string_view text);
[[nodiscard]] bool is_address_v6(std::string_view text);
[[nodiscard]] bool is_loopback(std::string_view address);
[[nodiscard]] std::string to_lower(std::string_view text);

/// A whole number.
struct number_form
{
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    [[nodiscard]] std::string expected() const;
    template <std::unsigned_integral T> [[nodiscard]] bool read(std::string_view text, T& out) const
    {
        const auto value = parse_number(text);
        if (!value || *value < min || *value > max)
        {
            return false;
        }
        out = static_cast<T>(*value);
        return true;
    }
};

/// A whole number, or "none".
struct limit_form
{
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    [[nodiscard]] std::string expected() const;
    [[nodiscard]] bool read(std::string_view text, std::optional<std::uint64_t>& out) const;
};

struct bytes_form
{
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    [[nodiscard]] std::string expected() const;
    [[nodiscard]] bool read(std::string_view text, std::uint64_t& out) const;
};

struct duration_form
{
    /// Zero allows "0".
    milliseconds min{0};
    milliseconds max{0};
    [[nodiscard]] std::string expected() const;
    [[nodiscard]] bool read(std::string_view text, milliseconds& out) const;
};

struct flag_form
{
    [[nodiscard]] static std::string expected() { return "true or false"; }
    [[nodiscard]] static bool read(std::string_view text, bool& out);
};

struct host_form
{
    bool may_be_empty = true;
    [[nodiscard]] static std::string expected() { return "a host name such as mail.example.com"; }
    [[nodiscard]] bool read(std::string_view text, std::string& out) const;
};

/// Where links lead to: https, or http on this host (tests); without query and fragment. A slash at
/// the end is dropped. May be empty.
struct url_form
{
    static constexpr std::size_t bytes_max = 500;
    [[nodiscard]] static std::string expected() { return "a URL such as https://m.example.jp"; }
    [[nodiscard]] static bool read(std::string_view text, std::string& out);
};

struct level_form
{
    [[nodiscard]] static std::string expected() { return "debug, info, warning or error"; }
    [[nodiscard]] static bool read(std::string_view text, log::level& out);
};

} // namespace hikyaku::config
