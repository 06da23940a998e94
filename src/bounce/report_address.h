#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::bounce
{

/// An address that stands in a text.
struct found_address
{
    std::string address;
    std::size_t begin = 0; ///< of it in the text, brackets and quotes included
    std::size_t end = 0;
    bool bracketed = false; ///< "<a@b>"
};

/// Longest address looked for, and how many a text is searched for.
inline constexpr std::size_t found_address_bytes_max = 320;
inline constexpr std::size_t found_addresses_max = 500;

/// All addresses of a text, in order. Linear.
[[nodiscard]] std::vector<found_address> find_addresses(std::string_view text);

/// The address of a report's field: "rfc822; <a@b>", "SMTP:a@b", "utf-8;\x{E9}t@b"; encoded
/// characters (RFC 3461 xtext, RFC 6533) read. When there is none the bare name, or "".
[[nodiscard]] std::string address_of_field(std::string_view value);

/// True when it has both sides.
[[nodiscard]] bool is_address(std::string_view text) noexcept;
/// Equal but for the case of ASCII letters.
[[nodiscard]] bool same_address(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool contains_address(const std::vector<std::string>& list,
                                    std::string_view address) noexcept;
/// Right side, or "".
[[nodiscard]] std::string_view domain_of(std::string_view address) noexcept;

/// Of a mail system, never of a person: mailer-daemon, postmaster ….
[[nodiscard]] bool is_daemon_address(std::string_view address) noexcept;

/// The address that a variable return path carries: "bounces+user=example.com@list.example"; or "".
[[nodiscard]] std::string address_in_return_path(std::string_view address);

} // namespace hikyaku::bounce
