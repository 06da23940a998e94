#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/dns/ip_address.h>
#include <hikyaku/dns/spf.h>

#include "spf_macro.h"

namespace hikyaku::dns
{

/// RFC 7208 section 5.
enum class spf_mechanism : std::uint8_t
{
    all,
    include,
    a,
    mx,
    ptr,
    ip4,
    ip6,
    exists,
};

/// True for the mechanisms that count against spf_lookups_max (section 4.6.4).
[[nodiscard]] bool asks_dns(spf_mechanism mechanism) noexcept;

/// Network lengths as written, or those that mean one address (section 5.6).
struct cidr_lengths
{
    unsigned v4 = 32;
    unsigned v6 = 128;
};

struct spf_directive
{
    /// As written.
    std::string text;
    spf_mechanism mechanism = spf_mechanism::all;
    /// Of the qualifier (section 4.6.2).
    spf_result result = spf_result::pass;
    /// Of include, exists, and a, mx and ptr with a domain.
    std::optional<macro_string> target{};
    cidr_lengths lengths{};
    /// Of ip4 and ip6.
    ip_address network{};
};

/// A record that has no syntax error.
struct spf_record
{
    std::vector<spf_directive> directives;
    /// Absent also when there is an "all" (section 6.1).
    std::optional<macro_string> redirect;
    /// As written.
    std::string redirect_text;
    std::optional<macro_string> explanation;
};

/// True for TXT data that is a record: "v=spf1", then a space or the end (section 4.5).
[[nodiscard]] bool is_spf_record(std::string_view text) noexcept;

/// Reads a whole record; any mistake anywhere is an error (section 4.6).
/// @pre is_spf_record(text)
/// @error failure  names the term
[[nodiscard]] result<spf_record, failure> parse_spf_record(std::string_view text);

/// True when `ip` is in the network of `network` with that many bits; false when the families
/// differ.
[[nodiscard]] bool is_in_network(const ip_address& ip, const ip_address& network,
                                 const cidr_lengths& lengths) noexcept;

} // namespace hikyaku::dns
