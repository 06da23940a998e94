#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::mime
{

/// RFC 5321 section 4.5.3.1, in bytes. The local part is counted as typed and as sent, quotes and
/// all; the path without its angle brackets.
inline constexpr std::size_t local_part_bytes_max = 64;
inline constexpr std::size_t address_domain_bytes_max = 255;
inline constexpr std::size_t address_path_bytes_max = 254;

/// What parse_address lets pass beyond ordinary addresses of the public Internet.
struct address_options
{
    /// "user@[192.0.2.1]", "user@[IPv6:2001:db8::1]".
    bool allow_address_literal = false;
    /// "user@localhost".
    bool allow_single_label = false;
    /// "user@192.0.2.1", "user@example.123": no such top-level domain exists.
    bool allow_numeric_tld = false;
    /// Dots at the start, at the end or in a row, at the Japanese carriers that once handed out
    /// such addresses (see is_dot_carrier).
    bool allow_carrier_dots = true;
    /// Local parts beyond ASCII (RFC 6531).
    bool allow_smtputf8 = true;
};

/// A mailbox that mail can be sent to. Made by parse_address only: its parts are checked.
struct address
{
    /// Without quotes and backslashes, else as typed. May hold any printable character, also "@".
    std::string local;
    /// Lower case, A-labels; or an address literal with its brackets.
    std::string domain_ascii;
    /// The local part is not ASCII: the next host must offer SMTPUTF8 (RFC 6531).
    bool needs_smtputf8 = false;

    /// The key of "one mail per address": A-label domain, local part with ASCII letters in lower
    /// case (no host that matters tells them apart) and in NFC. Quoted only where it must be, so
    /// `"Taro"@EXAMPLE.jp` is `taro@example.jp`; a carrier's dots stay unquoted, as people type
    /// them. parse_address reads it back (with allow_carrier_dots).
    [[nodiscard]] std::string normalized() const;

    /// What MAIL, RCPT and the header take: local part quoted when it isn't a dot-string (RFC 5321
    /// section 4.1.2), the case kept. At most address_path_bytes_max bytes, no control characters.
    [[nodiscard]] std::string smtp_path() const;

    friend bool operator==(const address&, const address&) = default;
};

/// True for the domains of Japanese carriers whose subscribers still have addresses like
/// "a..b@docomo.ne.jp" (handed out until 2009). @pre lower case, A-labels.
[[nodiscard]] bool is_dot_carrier(std::string_view domain_ascii) noexcept;

/// Reads one RFC 5321 Mailbox (section 4.1.2; RFC 6531 section 3.3 for UTF-8): dot-string or
/// quoted-string, "@", domain. No display name, comment, folding white space, source route or
/// surrounding blank: an SMTP mailbox has none. Domains beyond ASCII become A-labels (UTS 46).
///
/// @error one sentence that says what is wrong, without the address in it
/// Pure, any thread.
[[nodiscard]] result<address, failure> parse_address(std::string_view text,
                                                     const address_options& options = {});

/// What `hikyaku address` prints of one address.
struct address_report
{
    bool valid = false;
    /// The three are empty, and false, when the address isn't valid.
    std::string normalized;
    std::string domain_ascii;
    bool needs_smtputf8 = false;
    /// Empty when valid, else parse_address's sentence.
    std::string reason;
};

/// parse_address, told as a report.
[[nodiscard]] address_report report_address(std::string_view text,
                                            const address_options& options = {});

} // namespace hikyaku::mime
