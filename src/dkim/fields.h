#pragma once

#include <string_view>
#include <vector>

namespace hikyaku::dkim
{

[[nodiscard]] constexpr bool is_wsp(char c) noexcept
{
    return c == ' ' || c == '\t';
}

/// A header field inside the message; both views point into it.
struct field
{
    /// Without white space before the colon. Empty when the line has no colon.
    std::string_view name;
    /// The field with its folding, without the last CRLF.
    std::string_view text;
};

/// Header and body of a message (RFC 5322 section 2.1). The body starts behind the empty line; it
/// is empty when there is none.
struct message_parts
{
    std::string_view header;
    std::string_view body;
};

[[nodiscard]] message_parts split_message(std::string_view message) noexcept;

/// Cuts a header block into its fields, folded lines included. Appends to `out`.
void split_fields(std::string_view header, std::vector<field>& out);

/// ASCII case folding only.
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

/// Letters, digits, '-', '_' and '.', no empty label, at most 253 bytes: what d= and s= may hold
/// and still be looked up.
[[nodiscard]] bool is_host_name(std::string_view name) noexcept;

} // namespace hikyaku::dkim
