#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace hikyaku::mime
{

/// Eight bytes at a time: the tests below set the high bit of each byte that matches. A borrow may
/// also mark a byte above a match, so only "none" and the lowest mark are exact.
inline constexpr std::uint64_t swar_ones = 0x0101010101010101U;
inline constexpr std::uint64_t swar_highs = 0x8080808080808080U;

[[nodiscard]] inline std::uint64_t swar_load(const char* at) noexcept
{
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

[[nodiscard]] constexpr std::uint64_t swar_below(std::uint64_t word, std::uint8_t n) noexcept
{
    return (word - swar_ones * n) & ~word & swar_highs;
}

[[nodiscard]] constexpr std::uint64_t swar_equal(std::uint64_t word, std::uint8_t n) noexcept
{
    const std::uint64_t x = word ^ (swar_ones * n);
    return (x - swar_ones) & ~x & swar_highs;
}

/// Which byte, counted from 0 in memory order, has the lowest mark. @pre marks != 0
[[nodiscard]] constexpr std::size_t swar_first(std::uint64_t marks) noexcept
{
    static_assert(std::endian::native == std::endian::little);
    return static_cast<std::size_t>(std::countr_zero(marks)) / 8;
}

/// How many bytes the branch-free `is` is true for. Counts of a block fit a byte, so compilers
/// turn the inner loop into byte-wide vector instructions.
template <class Predicate>
[[nodiscard]] std::size_t count_bytes(std::string_view s, Predicate is) noexcept
{
    constexpr std::size_t block_bytes = 240;
    std::size_t total = 0;
    while (!s.empty())
    {
        const std::size_t size = std::min(s.size(), block_bytes);
        std::uint8_t count = 0;
        for (std::size_t i = 0; i < size; ++i)
        {
            count = static_cast<std::uint8_t>(count + is(static_cast<std::uint8_t>(s[i])));
        }
        total += count;
        s.remove_prefix(size);
    }
    return total;
}

/// The text without its NULs; `stripped` holds it when there were any.
[[nodiscard]] inline std::string_view without_nul(std::string_view text, std::string& stripped)
{
    if (text.find('\0') == std::string_view::npos)
    {
        return text;
    }
    stripped = text;
    std::erase(stripped, '\0');
    return stripped;
}

/// One line of a text and what ended it.
struct text_line
{
    std::string_view bytes; ///< without its line end
    bool ended = false;     ///< false for what follows the last line end
};

/// Cuts a text into lines at CR LF, CR CR LF, lone CR and lone LF. Linear for any input: each LF
/// is looked for once.
class line_scanner
{
public:
    explicit line_scanner(std::string_view text) noexcept
        : text_(text), has_cr_(text.find('\r') != std::string_view::npos)
    {
        find_line_feed();
    }

    [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }

    /// @pre !at_end()
    [[nodiscard]] text_line take() noexcept
    {
        const std::string_view until_feed = text_.substr(at_, line_feed_ - at_);
        const std::size_t size =
            has_cr_ ? std::min(until_feed.find('\r'), until_feed.size()) : until_feed.size();
        const text_line line{until_feed.substr(0, size), at_ + size < text_.size()};
        at_ += size;
        if (line.ended)
        {
            at_ += end_bytes(text_.substr(at_));
        }
        if (at_ > line_feed_)
        {
            find_line_feed();
        }
        return line;
    }

private:
    /// `end` starts with CR or LF.
    static std::size_t end_bytes(std::string_view end) noexcept
    {
        if (end.starts_with("\r\r\n"))
        {
            return 3;
        }
        return end.starts_with("\r\n") ? 2 : 1;
    }

    void find_line_feed() noexcept { line_feed_ = std::min(text_.find('\n', at_), text_.size()); }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t line_feed_ = 0; ///< of the next LF at or after at_, or the text's size
    bool has_cr_;
};

} // namespace hikyaku::mime
