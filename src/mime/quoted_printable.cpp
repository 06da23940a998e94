#include <hikyaku/mime/encoding.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <hikyaku/base/assert.h>

#include "ascii.h"
#include "line_scan.h"

namespace hikyaku::mime
{

namespace
{

/// Room for the "=" of a soft line break.
constexpr std::size_t content_bytes_max = encoded_line_bytes_max - 1;
constexpr std::string_view from_line = "From ";

/// Stands for itself anywhere but at a line's end (blanks) or start (see needs_guard).
constexpr bool is_plain(char c) noexcept
{
    return c == '\t' || (c >= ' ' && c <= '~' && c != '=');
}

constexpr auto plain_table = []
{
    std::array<bool, 256> made{};
    for (std::size_t i = 0; i < made.size(); ++i)
    {
        made[i] = is_plain(static_cast<char>(i));
    }
    return made;
}();

/// How many plain bytes `s` starts with.
std::size_t plain_run(std::string_view s) noexcept
{
    std::size_t at = 0;
    while (s.size() - at >= 8)
    {
        const std::uint64_t word = swar_load(s.data() + at);
        const std::uint64_t odd = (word & swar_highs) | swar_below(word, ' ') |
                                  swar_equal(word, '=') | swar_equal(word, 0x7F);
        if (odd == 0)
        {
            at += 8;
            continue;
        }
        at += swar_first(odd);
        if (s[at] != '\t')
        {
            return at;
        }
        ++at;
    }
    while (at < s.size() && plain_table[to_byte(s[at])])
    {
        ++at;
    }
    return at;
}

/// Dots are doubled and "From " is rewritten on the way: not if they don't start a line.
bool needs_guard(std::string_view line) noexcept
{
    return !line.empty() && (line.front() == '.' || line.starts_with(from_line));
}

constexpr bool is_blank(char c) noexcept
{
    return c == ' ' || c == '\t';
}

/// Writes the lines of one logical line. The buffer is large enough for the worst case.
class line_writer
{
public:
    explicit line_writer(char* to) noexcept : to_(to), line_start_(to) {}

    void write(std::string_view line) noexcept
    {
        // Looked for once per run: soft breaks within it must not scan it again.
        std::size_t run = plain_run(line);
        if (run == line.size() && fits_whole(line))
        {
            put(line);
            return;
        }
        while (!line.empty())
        {
            if (to_ == line_start_ && needs_guard(line))
            {
                escape(line.front());
                line.remove_prefix(1);
                --run;
            }
            const std::size_t written = plain(line.substr(0, run), line.size() == run);
            line.remove_prefix(written);
            run -= written;
            if (run == 0 && !line.empty())
            {
                escape(line.front());
                line.remove_prefix(1);
                run = plain_run(line);
            }
        }
    }

    void end_line() noexcept
    {
        put(crlf);
        line_start_ = to_;
    }

    [[nodiscard]] char* at() const noexcept { return to_; }

private:
    [[nodiscard]] std::size_t column() const noexcept
    {
        return static_cast<std::size_t>(to_ - line_start_);
    }

    /// Most plain lines need nothing.
    static bool fits_whole(std::string_view line) noexcept
    {
        return line.size() <= encoded_line_bytes_max && !needs_guard(line) &&
               (line.empty() || !is_blank(line.back()));
    }

    void put(std::string_view s) noexcept
    {
        std::memcpy(to_, s.data(), s.size());
        to_ += s.size();
    }

    void soft_break() noexcept
    {
        put("=\r\n");
        line_start_ = to_;
    }

    void escape(char c) noexcept
    {
        if (column() + 3 > content_bytes_max)
        {
            soft_break();
        }
        *to_++ = '=';
        *to_++ = upper_hex[to_byte(c) >> 4];
        *to_++ = upper_hex[to_byte(c) & 0xFU];
    }

    /// Writes the front of `run`, all plain; returns how much. `last`: a line end follows the run.
    std::size_t plain(std::string_view run, bool last) noexcept
    {
        if (run.empty())
        {
            return 0;
        }
        if (last && run.size() == 1 && is_blank(run.front()))
        {
            escape(run.front());
            return 1;
        }
        const std::size_t whole = last && is_blank(run.back()) ? run.size() - 1 : run.size();
        if (column() + whole <= content_bytes_max)
        {
            put(run.substr(0, whole));
            return whole;
        }
        const std::size_t room = content_bytes_max - std::min(column(), content_bytes_max);
        put(run.substr(0, room));
        soft_break();
        return room;
    }

    char* to_;
    char* line_start_;
};

/// More than the encoding of the text can take.
std::size_t worst_case(std::string_view text) noexcept
{
    // Each output line is broken after 73 to 75 bytes, and beside the odd bytes at most one guard
    // and one blank are escaped in it.
    constexpr std::size_t broken_after_least = 60;
    constexpr std::size_t extra_per_line = 3 + 2 + 2 + crlf.size();
    const std::size_t odd = count_bytes(text, [](std::uint8_t byte)
                                        { return (byte < ' ') | (byte > '~') | (byte == '='); });
    const std::size_t line_ends =
        count_bytes(text, [](std::uint8_t byte) { return (byte == '\n') | (byte == '\r'); });
    const std::size_t content = text.size() + 2 * odd;
    return content + (content / broken_after_least + line_ends + 2) * extra_per_line;
}

} // namespace

void append_quoted_printable(std::string& out, std::string_view text)
{
    std::string stripped;
    text = without_nul(text, stripped);
    const std::size_t start = out.size();
    out.resize(start + worst_case(text));
    line_writer writer(out.data() + start);
    line_scanner lines(text);
    while (!lines.at_end())
    {
        const text_line line = lines.take();
        writer.write(line.bytes);
        if (line.ended)
        {
            writer.end_line();
        }
    }
    const auto end = static_cast<std::size_t>(writer.at() - out.data());
    HK_ASSERT(end <= out.size());
    out.resize(end);
}

std::string decode_quoted_printable(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (!text.empty())
    {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::size_t size = end;
        while (size > 0 && (is_blank(text[size - 1]) || text[size - 1] == '\r'))
        {
            --size;
        }
        const std::string_view line = text.substr(0, size);
        bool soft = false;
        for (std::size_t i = 0; i < line.size(); ++i)
        {
            const int high = i + 2 < line.size() && line[i] == '=' ? hex_value(line[i + 1]) : -1;
            const int low = high >= 0 ? hex_value(line[i + 2]) : -1;
            if (low >= 0)
            {
                out.push_back(static_cast<char>(high * 16 + low));
                i += 2;
            }
            else if (line[i] == '=' && i + 1 == line.size())
            {
                soft = true;
            }
            else
            {
                out.push_back(line[i]);
            }
        }
        if (!soft && end < text.size())
        {
            out.append(end > 0 && text[end - 1] == '\r' ? crlf : std::string_view("\n"));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace hikyaku::mime
