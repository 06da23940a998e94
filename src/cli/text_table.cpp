#include "text_table.h"

#include <algorithm>
#include <cstdint>
#include <ostream>

namespace hikyaku::cli
{
namespace
{

struct range
{
    std::uint32_t first;
    std::uint32_t last;
};
/// Unicode's East_Asian_Width W and F, in the blocks that people write.
constexpr range wide[] = {
    {0x1100, 0x115f}, {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf}, {0x4e00, 0x9fff},
    {0xa000, 0xa4cf}, {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f}, {0xff00, 0xff60},
    {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd},
};
constexpr range combining[] = {
    {0x0300, 0x036f}, {0x3099, 0x309a}, {0x200b, 0x200f}, {0xfe00, 0xfe0f}, {0xe0100, 0xe01ef}};

template <std::size_t N> bool is_in(const range (&ranges)[N], std::uint32_t c)
{
    return std::any_of(std::begin(ranges), std::end(ranges),
                       [c](const range& r) { return c >= r.first && c <= r.last; });
}

/// The next code point; advances `at` by at least one byte.
std::uint32_t next_code_point(std::string_view text, std::size_t& at)
{
    const auto lead = static_cast<unsigned char>(text[at++]);
    const unsigned more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    std::uint32_t c = more == 0 ? lead : lead & (0x3fU >> more);
    for (unsigned i = 0; i < more && at < text.size(); ++i)
    {
        c = (c << 6) | (static_cast<unsigned char>(text[at++]) & 0x3fU);
    }
    return c;
}

} // namespace

std::size_t display_width(std::string_view text) noexcept
{
    std::size_t width = 0;
    for (std::size_t at = 0; at < text.size();)
    {
        const auto c = next_code_point(text, at);
        width += is_in(combining, c) ? 0 : is_in(wide, c) ? 2 : 1;
    }
    return width;
}

void text_table::print(std::ostream& out) const
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows_)
    {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
        {
            widths[i] = std::max(widths[i], display_width(row[i]));
        }
    }
    for (const auto& row : rows_)
    {
        for (std::size_t i = 0; i < row.size(); ++i)
        {
            out << row[i];
            if (i + 1 < row.size())
            {
                out << std::string(widths[i] - display_width(row[i]) + 2, ' ');
            }
        }
        out << '\n';
    }
}

} // namespace hikyaku::cli
