#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/dns/ip_address.h>

namespace hikyaku::dns
{

/// Where a macro-string stands: what it may hold differs (RFC 7208 section 7).
enum class macro_place
{
    /// Target of a mechanism or of a known modifier: must end as section 7.1 says.
    domain_spec,
    /// Value of an unknown modifier: only the syntax counts.
    modifier,
    /// Text of an explanation: spaces, and the letters c, r and t.
    explanation,
};

/// One part of a macro-string.
struct macro_part
{
    /// Literal text, "%%", "%_" and "%-" resolved; used when letter is 0.
    std::string literal;
    /// Lower case; 0 for literal text.
    char letter = 0;
    /// Upper-case letters: the value is URL-escaped.
    bool escape = false;
    bool reverse = false;
    /// Right-hand parts to keep; 0 is all.
    std::size_t keep = 0;
    /// Where the value is split; empty is ".".
    std::string delimiters{};
};

/// A parsed macro-string (section 7.1).
struct macro_string
{
    std::vector<macro_part> parts;
    /// It has a p macro: expanding it needs the client's validated name.
    [[nodiscard]] bool wants_client_name() const noexcept;
};

/// nullopt: not of the grammar of that place.
[[nodiscard]] std::optional<macro_string> parse_macro_string(std::string_view text,
                                                             macro_place place);

/// The values that macros stand for (section 7.2).
struct macro_values
{
    std::string_view sender;
    std::string_view local_part;
    std::string_view sender_domain;
    std::string_view domain;
    std::string_view client_name;
    std::string_view helo;
    std::string_view receiver;
    ip_address ip;
    wall_time now{};
};

/// The expansion as text; nullopt when it is longer than `bytes_max`.
[[nodiscard]] std::optional<std::string>
expand_text(const macro_string& macros, const macro_values& values, std::size_t bytes_max);

/// The expansion as a domain: without a final dot, cut to 253 bytes by dropping labels on the left
/// (section 7.3). Any text: it may still be no domain name.
[[nodiscard]] std::string expand_domain(const macro_string& macros, const macro_values& values);

/// The name to ask for (canonical_query_name). nullopt when there is none: malformed, an address
/// literal, or a single label, which is nobody's name on the Internet (section 4.3).
[[nodiscard]] std::optional<std::string> name_to_ask(std::string_view domain);

/// name_to_ask of the expansion.
[[nodiscard]] std::optional<std::string> expand_name(const macro_string& macros,
                                                     const macro_values& values);

/// "4.3.2.1.in-addr.arpa" or the nibbles under ip6.arpa (RFC 1035 section 3.5, RFC 3596 section
/// 2.5).
[[nodiscard]] std::string reverse_name(const ip_address& ip);

} // namespace hikyaku::dns
