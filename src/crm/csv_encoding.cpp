#include "csv_encoding.h"

#include <hikyaku/mime/charset.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
/// A line without an end is looked at in pieces of this size.
constexpr std::size_t line_bytes_max = 64u << 10;
/// Of a hundred characters that are not ASCII: more of them unreadable, and it is another encoding.
constexpr std::uint64_t unreadable_percent_max = 5;

/// ISO-2022-JP switches to JIS X 0208 or to katakana.
bool has_escape(std::string_view text)
{
    for (std::size_t at = text.find('\x1b'); at != std::string_view::npos;
         at = text.find('\x1b', at + 1))
    {
        const auto next = text.substr(at + 1, 2);
        if (next == "$B" || next == "$@" || next == "(J" || next == "(I")
        {
            return true;
        }
    }
    return false;
}

bool is_halfwidth_kana(char32_t c)
{
    return c >= 0xFF61 && c <= 0xFF9F;
}

struct reading
{
    std::uint64_t characters = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t halfwidth = 0;

    [[nodiscard]] bool plausible() const
    {
        return characters > 0 && unreadable * 100 <= characters * unreadable_percent_max;
    }
    /// Less is better: text in EUC-JP read as CP932 is full of half-width katakana.
    [[nodiscard]] std::uint64_t penalty() const { return unreadable * 10 + halfwidth; }
};

reading read_as(std::string_view bytes, std::string_view charset)
{
    reading r;
    const auto converted = mime::to_utf8(bytes, charset);
    if (!converted)
    {
        return r;
    }
    std::string_view rest = *converted;
    while (!rest.empty())
    {
        const char32_t c = text::take_code_point(rest);
        r.characters += c >= 0x80 ? 1 : 0;
        r.unreadable += c == text::replacement_character ? 1 : 0;
        r.halfwidth += is_halfwidth_kana(c) ? 1 : 0;
    }
    return r;
}

} // namespace

std::string_view to_string(file_encoding e) noexcept
{
    switch (e)
    {
    case file_encoding::utf8:
        return "utf-8";
    case file_encoding::utf8_mark:
        return "utf-8-bom";
    case file_encoding::cp932:
        return "cp932";
    case file_encoding::euc_jp:
        return "euc-jp";
    case file_encoding::iso_2022_jp:
        return "iso-2022-jp";
    case file_encoding::unknown:
        return "unknown";
    }
    return "unknown";
}

void encoding_guess::take_line(std::string_view line)
{
    if (first_)
    {
        has_mark_ = line.starts_with(byte_order_mark);
        first_ = false;
    }
    if (text::is_ascii(line))
    {
        has_escapes_ = has_escapes_ || has_escape(line);
        return;
    }
    ++lines_;
    utf8_lines_ += text::is_valid_utf8(line) ? 1 : 0;
    if (sample_.size() + line.size() <= sample_max)
    {
        sample_ += line;
    }
}

void encoding_guess::feed(std::string_view chunk)
{
    while (!chunk.empty())
    {
        const std::size_t end = std::min(chunk.find('\n'), chunk.size() - 1) + 1;
        open_ += chunk.substr(0, end);
        const bool whole = chunk[end - 1] == '\n';
        chunk.remove_prefix(end);
        if (whole || open_.size() >= line_bytes_max)
        {
            take_line(open_);
            open_.clear();
        }
    }
}

file_encoding encoding_guess::finish()
{
    if (!open_.empty())
    {
        take_line(open_);
        open_.clear();
    }
    if (has_mark_)
    {
        return file_encoding::utf8_mark;
    }
    if (lines_ == 0)
    {
        return has_escapes_ ? file_encoding::iso_2022_jp : file_encoding::utf8;
    }
    if (utf8_lines_ * 2 >= lines_)
    {
        return file_encoding::utf8;
    }
    const reading shift_jis = read_as(sample_, "shift_jis");
    const reading euc = read_as(sample_, "euc-jp");
    if (!shift_jis.plausible() && !euc.plausible())
    {
        return file_encoding::unknown;
    }
    const bool prefer_euc =
        euc.plausible() && (!shift_jis.plausible() || euc.penalty() < shift_jis.penalty());
    return prefer_euc ? file_encoding::euc_jp : file_encoding::cp932;
}

} // namespace hikyaku::crm
