#include <hikyaku/mime/header.h>

#include <algorithm>
#include <array>

#include <hikyaku/base/assert.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

constexpr std::string_view fold = "\r\n ";
/// A token longer than this can't be folded; with the space before it it fills a line.
constexpr std::size_t token_bytes_max = header_fold_column - 1;
/// Longer display names are folded between words, which quoted strings don't allow everywhere.
constexpr std::size_t plain_name_bytes_max = 60;

constexpr std::array<std::string_view, 20> reserved_names = {"from",
                                                             "to",
                                                             "cc",
                                                             "bcc",
                                                             "date",
                                                             "subject",
                                                             "sender",
                                                             "reply-to",
                                                             "message-id",
                                                             "mime-version",
                                                             "dkim-signature",
                                                             "domainkey-signature",
                                                             "received",
                                                             "received-spf",
                                                             "return-path",
                                                             "delivered-to",
                                                             "x-original-to",
                                                             "envelope-to",
                                                             "authentication-results",
                                                             "original-recipient"};
constexpr std::array<std::string_view, 4> reserved_prefixes = {"content-", "list-unsubscribe",
                                                               "resent-", "arc-"};

/// Bytes at the front of `s` that a header may not hold: 0 when there are none.
std::size_t breaking_bytes(std::string_view s) noexcept
{
    if (s.starts_with("\r\n") || s.starts_with("\xC2\x85"))
    {
        return 2;
    }
    if (is_control(s.front()))
    {
        return 1;
    }
    return s.starts_with("\xE2\x80\xA8") || s.starts_with("\xE2\x80\xA9") ? 3 : 0;
}

/// A quick look that may err on the side of cleaning.
bool may_break_line(std::string_view value) noexcept
{
    return std::ranges::any_of(
        value, [](char c) { return is_control(c) || to_byte(c) == 0xC2 || to_byte(c) == 0xE2; });
}

/// The value on one line; `cleaned` holds it when it had to be changed.
std::string_view single_line(std::string_view value, std::string& cleaned)
{
    if (!may_break_line(value))
    {
        return value;
    }
    cleaned = to_single_line(value);
    return cleaned;
}

/// Readers give back exactly these characters without encoding: ASCII, nothing like an encoded
/// word, no spaces that a reader might strip or join, and a place to fold often enough.
bool is_safe_as_is(std::string_view value) noexcept
{
    if (!text::is_ascii(value) || value.find("=?") != std::string_view::npos ||
        value.starts_with(' ') || value.ends_with(' ') ||
        value.find("  ") != std::string_view::npos)
    {
        return false;
    }
    std::size_t token = 0;
    for (const char c : value)
    {
        token = c == ' ' ? 0 : token + 1;
        if (token > token_bytes_max)
        {
            return false;
        }
    }
    return true;
}

/// Writes a space, or a fold when what follows would pass the fold column.
void append_space(std::string& out, std::size_t& column, std::size_t next_bytes)
{
    if (column > 1 && column + 1 + next_bytes > header_fold_column)
    {
        out.append(fold);
        column = 1;
        return;
    }
    out.push_back(' ');
    ++column;
}

void append_tokens(std::string& out, std::size_t& column, std::string_view value)
{
    while (!value.empty())
    {
        const std::size_t size = std::min(value.find(' '), value.size());
        append_space(out, column, size);
        out.append(value.substr(0, size));
        column += size;
        value.remove_prefix(std::min(size + 1, value.size()));
    }
}

/// Writes a space and the words; the first goes to a new line when it has no room.
void append_words(std::string& out, std::size_t& column, std::string_view value, word_place place)
{
    out.push_back(' ');
    ++column;
    append_encoded_words(out, value, place, column);
}

void start_header(std::string& out, std::string_view name)
{
    out.append(name);
    out.push_back(':');
}

bool is_atoms(std::string_view name) noexcept
{
    return std::ranges::all_of(name, [](char c) { return c == ' ' || is_atext(c); });
}

void append_quoted(std::string& out, std::string_view name)
{
    out.push_back('"');
    for (const char c : name)
    {
        if (c == '"' || c == '\\')
        {
            out.push_back('\\');
        }
        out.push_back(c);
    }
    out.push_back('"');
}

void append_display_name(std::string& out, std::size_t& column, std::string_view name)
{
    if (name.size() > plain_name_bytes_max || !is_safe_as_is(name))
    {
        append_words(out, column, name, word_place::phrase);
        return;
    }
    if (is_atoms(name))
    {
        append_tokens(out, column, name);
        return;
    }
    const auto escapes = static_cast<std::size_t>(
        std::ranges::count_if(name, [](char c) { return c == '"' || c == '\\'; }));
    const std::size_t size = name.size() + escapes + 2;
    if (size > token_bytes_max)
    {
        append_words(out, column, name, word_place::phrase);
        return;
    }
    append_space(out, column, size);
    append_quoted(out, name);
    column += size;
}

/// `after` counts the comma that follows.
void append_mailbox(std::string& out, std::size_t& column, const mailbox& box, std::size_t after)
{
    HK_ASSERT(!box.smtp_path.empty() && box.smtp_path.size() <= address_path_bytes_max &&
              std::ranges::none_of(box.smtp_path, is_control));
    std::string cleaned;
    const std::string_view name = single_line(box.name, cleaned);
    if (name.empty())
    {
        append_space(out, column, box.smtp_path.size() + after);
        out.append(box.smtp_path);
        column += box.smtp_path.size();
        return;
    }
    append_display_name(out, column, name);
    append_space(out, column, box.smtp_path.size() + 2 + after);
    out.push_back('<');
    out.append(box.smtp_path);
    out.push_back('>');
    column += box.smtp_path.size() + 2;
}

/// RFC 5322 section 3.6.8, and our limit.
bool is_header_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= header_name_bytes_max &&
           std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~' && c != ':'; });
}

void append_two_digits(std::string& out, unsigned value)
{
    out.push_back(static_cast<char>('0' + value / 10 % 10));
    out.push_back(static_cast<char>('0' + value % 10));
}

} // namespace

result<void, failure> check_custom_header(std::string_view name)
{
    if (!is_header_name(name))
    {
        return failure{
            "A header name must be 1 to 64 printable ASCII characters without spaces and "
            "colons."};
    }
    const std::string lower = text::ascii_lower(name);
    const bool reserved = std::ranges::find(reserved_names, lower) != reserved_names.end() ||
                          std::ranges::any_of(reserved_prefixes, [&](std::string_view prefix)
                                              { return lower.starts_with(prefix); });
    if (reserved)
    {
        return failure{"The header " + std::string(name) +
                       " is written by the program or by other hosts and can't be set."};
    }
    return {};
}

std::string to_single_line(std::string_view value)
{
    std::string out;
    out.reserve(value.size());
    while (!value.empty())
    {
        const std::size_t breaking = breaking_bytes(value);
        out.push_back(breaking > 0 ? ' ' : value.front());
        value.remove_prefix(std::max<std::size_t>(breaking, 1));
    }
    return out;
}

void append_text_header(std::string& out, std::string_view name, std::string_view value)
{
    HK_ASSERT(is_header_name(name));
    std::string cleaned;
    value = single_line(value, cleaned);
    start_header(out, name);
    std::size_t column = name.size() + 1;
    if (is_safe_as_is(value))
    {
        append_tokens(out, column, value);
    }
    else
    {
        append_words(out, column, value, word_place::text);
    }
    out.append(crlf);
}

void append_mailbox_header(std::string& out, std::string_view name,
                           std::span<const mailbox> mailboxes)
{
    HK_ASSERT(!mailboxes.empty());
    start_header(out, name);
    std::size_t column = name.size() + 1;
    for (std::size_t i = 0; i < mailboxes.size(); ++i)
    {
        const bool last = i + 1 == mailboxes.size();
        append_mailbox(out, column, mailboxes[i], last ? 0 : 1);
        if (!last)
        {
            out.push_back(',');
            ++column;
        }
    }
    out.append(crlf);
}

void append_date_header(std::string& out, std::string_view name, wall_time t, int offset_minutes)
{
    constexpr int day_minutes = 24 * 60;
    HK_ASSERT(offset_minutes > -day_minutes && offset_minutes < day_minutes);
    constexpr std::string_view weekdays = "SunMonTueWedThuFriSat";
    constexpr std::string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const auto local = t + std::chrono::minutes(offset_minutes);
    const auto day = std::chrono::floor<std::chrono::days>(local);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(local - day));
    const auto year = static_cast<unsigned>(std::clamp(static_cast<int>(date.year()), 0, 9999));

    start_header(out, name);
    out.push_back(' ');
    out.append(weekdays.substr(std::chrono::weekday(day).c_encoding() * 3, 3));
    out.append(", ");
    append_two_digits(out, static_cast<unsigned>(date.day()));
    out.push_back(' ');
    out.append(months.substr((static_cast<unsigned>(date.month()) - 1) * 3, 3));
    out.push_back(' ');
    append_two_digits(out, year / 100);
    append_two_digits(out, year % 100);
    out.push_back(' ');
    append_two_digits(out, static_cast<unsigned>(time.hours().count()));
    out.push_back(':');
    append_two_digits(out, static_cast<unsigned>(time.minutes().count()));
    out.push_back(':');
    append_two_digits(out, static_cast<unsigned>(time.seconds().count()));
    out.append(offset_minutes < 0 ? " -" : " +");
    const auto offset =
        static_cast<unsigned>(offset_minutes < 0 ? -offset_minutes : offset_minutes);
    append_two_digits(out, offset / 60);
    append_two_digits(out, offset % 60);
    out.append(crlf);
}

} // namespace hikyaku::mime
