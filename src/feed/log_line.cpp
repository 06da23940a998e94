#include <hikyaku/feed/log_line.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace hikyaku::feed
{
namespace
{

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view replacement = "\\ufffd";

/// Bytes that go out as they are: printing ASCII but quote and backslash.
constexpr std::array<bool, 256> plain_bytes = []
{
    std::array<bool, 256> plain{};
    for (unsigned c = 0x20; c < 0x7f; ++c)
    {
        plain[c] = c != '"' && c != '\\';
    }
    return plain;
}();

void append_escape(std::string& out, unsigned code)
{
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
    {
        out += hex_digits[(code >> shift) & 0xfU];
    }
}

void append_ascii_escape(std::string& out, unsigned char c)
{
    switch (c)
    {
    case '"':
        out += "\\\"";
        return;
    case '\\':
        out += "\\\\";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\r':
        out += "\\r";
        return;
    case '\t':
        out += "\\t";
        return;
    default:
        append_escape(out, c);
    }
}

bool is_continuation(unsigned char c)
{
    return (c & 0xc0U) == 0x80U;
}

/// Length of the well-formed sequence at the front (RFC 3629 section 4), 0 when there is none.
/// @pre the first byte is not ASCII
std::size_t sequence_bytes(std::string_view text)
{
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    const std::size_t size = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : lead >= 0xe0 && lead <= 0xef ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
    if (size == 0 || text.size() < size)
    {
        return 0;
    }
    for (std::size_t i = 1; i < size; ++i)
    {
        if (!is_continuation(at(i)))
        {
            return 0;
        }
    }
    const bool overlong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xf0 && at(1) < 0x90);
    const bool out_of_range = (lead == 0xed && at(1) > 0x9f) || (lead == 0xf4 && at(1) > 0x8f);
    return overlong || out_of_range ? 0 : size;
}

/// Appends the sequence at the front of `text`; the number of bytes it took.
std::size_t append_beyond_ascii(std::string& out, std::string_view text)
{
    const auto size = sequence_bytes(text);
    if (size == 0)
    {
        out += replacement;
        return 1;
    }
    const auto sequence = text.substr(0, size);
    const auto second = static_cast<unsigned char>(sequence[1]);
    if (size == 2 && sequence[0] == '\xc2' && second < 0xa0)
    {
        append_escape(out, second); // C1 controls: some terminals obey them
    }
    else if (sequence == "\xe2\x80\xa8" || sequence == "\xe2\x80\xa9")
    {
        append_escape(out, 0x2000U | (static_cast<unsigned char>(sequence[2]) & 0x3fU));
    }
    else
    {
        out += sequence;
    }
    return size;
}

void append_number(std::string& out, std::uint64_t value)
{
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

void append_padded(std::string& out, unsigned value, unsigned width)
{
    char digits[8];
    for (unsigned i = width; i > 0; --i)
    {
        digits[i - 1] = static_cast<char>('0' + value % 10);
        value /= 10;
    }
    out.append(digits, width);
}

/// `,"key":"text"`; nothing for an empty text. @pre key needs no escape
void text_member(std::string& out, std::string_view key, std::string_view text)
{
    if (!text.empty())
    {
        out += ",\"";
        out += key;
        out += "\":";
        append_json_string(out, text);
    }
}

void number_member(std::string& out, std::string_view key, std::uint64_t value)
{
    out += ",\"";
    out += key;
    out += "\":";
    append_number(out, value);
}

void time_member(std::string& out, std::string_view key, wall_time t, int offset_minutes)
{
    out += ",\"";
    out += key;
    out += "\":\"";
    append_rfc3339(out, t, offset_minutes);
    out += '"';
}

void tls_member(std::string& out, const queue::fact& f)
{
    if (f.tls_version.empty())
    {
        return;
    }
    out += ",\"tls\":{\"version\":";
    append_json_string(out, f.tls_version);
    text_member(out, "cipher", f.tls_cipher);
    out += f.tls_verified ? ",\"verified\":true}" : ",\"verified\":false}";
}

std::string_view take_word(std::string_view& text)
{
    const auto end = text.find(' ');
    const auto word = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return word;
}

void dkim_member(std::string& out, const queue::fact& f)
{
    if (f.dkim.empty())
    {
        return;
    }
    out += ",\"dkim\":[";
    for (std::string_view rest : f.dkim)
    {
        out += "{\"d\":";
        append_json_string(out, take_word(rest));
        out += ",\"s\":";
        append_json_string(out, take_word(rest));
        out += ",\"a\":";
        append_json_string(out, rest);
        out += "},";
    }
    out.back() = ']';
}

/// What only the line of one recipient has.
void recipient_members(std::string& out, const queue::fact& f)
{
    if (!f.id_domain.empty())
    {
        text_member(out, "message_id", queue::message_id(f.campaign, f.who, f.id_domain));
    }
    out += ",\"recipient\":";
    append_json_string(out, f.recipient);
    out += ",\"domain\":";
    append_json_string(out, f.domain);
}

} // namespace

void append_json_string(std::string& out, std::string_view text)
{
    out += '"';
    std::size_t i = 0;
    while (i < text.size())
    {
        const auto start = i;
        while (i < text.size() && plain_bytes[static_cast<unsigned char>(text[i])])
        {
            ++i;
        }
        out.append(text, start, i - start);
        if (i == text.size())
        {
            break;
        }
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x80)
        {
            append_ascii_escape(out, c);
            ++i;
        }
        else
        {
            i += append_beyond_ascii(out, text.substr(i));
        }
    }
    out += '"';
}

void append_rfc3339(std::string& out, wall_time t, int offset_minutes)
{
    // Years 0 to 9999 are what RFC 3339 can say; damaged times are shown as the nearest of them.
    using std::chrono::days;
    using std::chrono::sys_days;
    constexpr wall_time first = sys_days{std::chrono::year{0} / 1 / 2};
    constexpr wall_time last = sys_days{std::chrono::year{9999} / 12 / 30};
    const auto shown = std::clamp(t, first, last) + std::chrono::minutes{offset_minutes};
    const auto day = std::chrono::floor<days>(shown);
    const std::chrono::year_month_day date{day};
    const auto ms = static_cast<unsigned>((shown - day).count());
    append_padded(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.month()), 2);
    out += '-';
    append_padded(out, static_cast<unsigned>(date.day()), 2);
    out += 'T';
    append_padded(out, ms / 3'600'000, 2);
    out += ':';
    append_padded(out, ms / 60'000 % 60, 2);
    out += ':';
    append_padded(out, ms / 1'000 % 60, 2);
    out += '.';
    append_padded(out, ms % 1'000, 3);
    const auto offset =
        static_cast<unsigned>(offset_minutes < 0 ? -offset_minutes : offset_minutes);
    out += offset_minutes < 0 ? '-' : '+';
    append_padded(out, offset / 60, 2);
    out += ':';
    append_padded(out, offset % 60, 2);
}

void append_log_line(std::string& out, std::string_view tenant_text, const fact_place& place,
                     const queue::fact& f, int offset_minutes)
{
    const bool one = f.count == 1;
    out += "{\"seq\":\"";
    append_number(out, place.block);
    out += '.';
    append_number(out, place.index);
    out += '"';
    time_member(out, "ts", f.at, offset_minutes);
    text_member(out, "event", queue::to_string(f.what));
    text_member(out, "tenant", tenant_text);
    text_member(out, "campaign", format_id("cmp", f.campaign.value));
    if (one)
    {
        recipient_members(out, f);
    }
    text_member(out, "site", f.site);
    text_member(out, "mx", f.mx);
    text_member(out, "source", f.source);
    if (one)
    {
        number_member(out, "attempt", f.attempt);
    }
    if (f.code != 0)
    {
        number_member(out, "code", f.code);
    }
    text_member(out, "enhanced", f.enhanced);
    text_member(out, "reply", f.reply);
    text_member(out, "class", f.cls);
    text_member(out, "stage", f.stage);
    tls_member(out, f);
    if (one)
    {
        number_member(out, "bytes", f.bytes);
        number_member(out, "queued_ms", f.queued_ms);
        number_member(out, "connect_ms", f.connect_ms);
        number_member(out, "session_ms", f.session_ms);
    }
    if (f.next_try != wall_time{})
    {
        time_member(out, "next_try", f.next_try, offset_minutes);
    }
    dkim_member(out, f);
    out += f.dup_possible ? ",\"dup_possible\":true" : ",\"dup_possible\":false";
    if (!one)
    {
        number_member(out, "count", f.count);
    }
    out += "}\n";
}

} // namespace hikyaku::feed
