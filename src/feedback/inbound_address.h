#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/bounce/recipient_token.h>

namespace hikyaku::feedback
{

/// What an address at our door is.
struct inbound_address
{
    enum class kind : std::uint8_t
    {
        /// A token that looks like one of ours, not checked yet.
        return_path,
        unsubscribe,
        /// Anything else.
        other,
    };
    kind what = kind::other;
    /// As the token says, unchecked.
    bounce::recipient_ref who;
    std::string local;
    /// Lower case.
    std::string domain;
};

/// Reads RCPT's address; an address that isn't one is `other` without parts. "postmaster" without
/// a domain is one (RFC 5321 section 4.5.1).
[[nodiscard]] inbound_address read_inbound_address(std::string_view text);

} // namespace hikyaku::feedback
