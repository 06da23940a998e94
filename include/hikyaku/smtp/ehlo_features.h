#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hikyaku::smtp
{

/// What a server offers in its EHLO reply (RFC 5321 section 4.1.1.1). Untrusted until TLS is up:
/// what was learnt before STARTTLS is forgotten after it (RFC 3207 section 4.2).
struct ehlo_features
{
    /// Further keywords of one reply are ignored.
    static constexpr std::size_t keywords_max = 64;

    bool pipelining = false;            ///< RFC 2920
    bool eight_bit_mime = false;        ///< RFC 6152
    bool starttls = false;              ///< RFC 3207
    bool smtputf8 = false;              ///< RFC 6531
    bool enhanced_status_codes = false; ///< RFC 2034
    bool chunking = false;              ///< RFC 3030; known, not used
    bool size = false;                  ///< RFC 1870: the SIZE parameter of MAIL is understood
    /// Bytes; 0 is "no fixed limit", also for a number that doesn't fit 64 bits or isn't one.
    std::uint64_t size_bytes_max = 0;
};

/// Reads the text of a 250 reply to EHLO: lines joined by LF, the first is the greeting. Keywords
/// are compared without case; unknown ones are ignored. Never fails.
[[nodiscard]] ehlo_features parse_ehlo(std::string_view text) noexcept;

} // namespace hikyaku::smtp
