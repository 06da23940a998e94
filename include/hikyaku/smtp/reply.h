#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::smtp
{

/// Enhanced status code (RFC 3463): class.subject.detail, as in "2.1.5".
/// All zero means that the server sent none.
struct enhanced_code
{
    std::uint8_t cls = 0;
    std::uint16_t subject = 0;
    std::uint16_t detail = 0;

    [[nodiscard]] constexpr bool present() const noexcept { return cls != 0; }
    friend constexpr auto operator<=>(const enhanced_code&, const enhanced_code&) = default;
};

/// Parses the code at the front of a reply's text: class 2, 4 or 5, subject and detail up to three
/// digits, followed by a space or the end. Anything else is not an enhanced code.
[[nodiscard]] std::optional<enhanced_code> parse_enhanced_code(std::string_view text) noexcept;
/// "5.1.1", or "" for an absent code.
[[nodiscard]] std::string format_enhanced_code(const enhanced_code& code);

/// One reply of a server (RFC 5321 section 4.2).
struct reply
{
    /// 200..599.
    int code = 0;
    /// From the first line, when its class agrees with the first digit of `code`.
    enhanced_code enhanced;
    /// The lines without their codes, joined by LF. As the server sent them: hostile bytes. Pass
    /// through clean_text() before anybody logs, stores or shows it. Points into the parser: valid
    /// until its next consume().
    std::string_view text;

    [[nodiscard]] constexpr bool positive() const noexcept { return code / 100 == 2; }
    [[nodiscard]] constexpr bool intermediate() const noexcept { return code / 100 == 3; }
    [[nodiscard]] constexpr bool transient() const noexcept { return code / 100 == 4; }
    [[nodiscard]] constexpr bool permanent() const noexcept { return code / 100 == 5; }
};

/// What is kept of a reply's text.
inline constexpr std::size_t clean_text_bytes_max = 1024;

/// Makes text of a peer safe for logs and pages: one line of valid UTF-8. LF becomes a space; other
/// control characters (C0, DEL, C1), line and paragraph separators, bidirectional overrides and
/// bytes that aren't UTF-8 become '?'. Cut before `bytes_max`, never inside a character. Markup is
/// not escaped: that is the page's business. Replaces `out`, reusing its memory.
void clean_text(std::string_view raw, std::string& out,
                std::size_t bytes_max = clean_text_bytes_max);
[[nodiscard]] std::string clean_text(std::string_view raw,
                                     std::size_t bytes_max = clean_text_bytes_max);

} // namespace hikyaku::smtp
