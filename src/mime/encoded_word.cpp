#include <hikyaku/mime/encoded_word.h>

#include <algorithm>
#include <array>

#include <hikyaku/mime/encoding.h>
#include <hikyaku/mime/header.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

constexpr std::string_view b_open = "=?UTF-8?B?";
constexpr std::string_view q_open = "=?UTF-8?Q?";
constexpr std::string_view word_close = "?=";
constexpr std::size_t frame_bytes = b_open.size() + word_close.size();
constexpr std::string_view fold = "\r\n ";
/// A word starts on the same line as the one before it only with room for some characters.
constexpr std::size_t word_bytes_least = 40;

/// Characters that one byte costs in "Q": 1 or 3.
using cost_table = std::array<std::uint8_t, 256>;

constexpr cost_table make_costs(word_place place)
{
    cost_table made{};
    made.fill(3);
    for (std::size_t i = 0x21; i < 0x7F; ++i)
    {
        const char c = static_cast<char>(i);
        const bool in_phrase = is_letter(c) || is_digit(c) ||
                               std::string_view("!*+-/").find(c) != std::string_view::npos;
        const bool in_text = c != '=' && c != '?' && c != '_';
        made[i] = (place == word_place::phrase ? in_phrase : in_text) ? 1 : 3;
    }
    made[' '] = 1; // written "_"
    return made;
}

constexpr cost_table text_costs = make_costs(word_place::text);
constexpr cost_table phrase_costs = make_costs(word_place::phrase);

constexpr bool is_continuation(char c) noexcept
{
    return (to_byte(c) & 0xC0U) == 0x80U;
}

/// Where the code point starts that ends right before `at`. @pre utf8 well-formed, at > 0
std::size_t code_point_border_before(std::string_view utf8, std::size_t at) noexcept
{
    --at;
    while (at > 0 && is_continuation(utf8[at]))
    {
        --at;
    }
    return at;
}

/// Never joins what stands beside it, if that is of these too: Latin, kana, Han, full-width forms.
constexpr bool stands_alone(char32_t c) noexcept
{
    return c < 0x300 || (c >= 0x3000 && c < 0x302A) || (c >= 0x3041 && c < 0x3097) ||
           (c >= 0x30A1 && c < 0x3100) || (c >= 0x4E00 && c < 0xA000) ||
           (c >= 0xFF01 && c < 0xFF61);
}

/// At most `size` bytes, cut between characters as people see them; 0 when there is no such place.
/// @pre size is a border between code points
std::size_t cut_between_graphemes(std::string_view utf8, std::size_t size)
{
    if (size == 0 || size >= utf8.size())
    {
        return std::min(size, utf8.size());
    }
    if (stands_alone(
            text::first_code_point(utf8.substr(code_point_border_before(utf8, size))).value) &&
        stands_alone(text::first_code_point(utf8.substr(size)).value))
    {
        return size;
    }
    return text::truncate_graphemes(utf8, size).size();
}

/// Writes the words of one text.
class word_writer
{
public:
    word_writer(std::string& out, std::string_view utf8, word_place place, std::size_t& column)
        : out_(out), rest_(utf8), costs_(place == word_place::phrase ? phrase_costs : text_costs),
          column_(column)
    {
        std::size_t q_bytes = 0;
        for (const char c : utf8)
        {
            q_bytes += costs_[to_byte(c)];
        }
        q_ = q_bytes <= (utf8.size() + 2) / 3 * 4;
    }

    void write()
    {
        while (!rest_.empty())
        {
            const cut next = q_ ? choose_q() : choose_b();
            if (next.size == 0)
            {
                new_line();
                continue;
            }
            write_word(next);
        }
    }

private:
    /// The next word; size 0 when a new line must come first.
    struct cut
    {
        std::size_t size = 0;
        bool q = false;
    };

    [[nodiscard]] bool on_fresh_line() const noexcept { return column_ <= 1; }

    [[nodiscard]] cut choose_q() const
    {
        const std::size_t fitting = count_fitting_q(room());
        const std::size_t clean = cut_between_graphemes(rest_, fitting);
        return {clean == 0 && on_fresh_line() ? fitting : clean, true};
    }

    /// Many readers join neighbouring "B" words before they decode them, and stop at padding: only
    /// the last word may have some. Where no border is a multiple of three bytes away, a short "Q"
    /// word shifts the rest.
    [[nodiscard]] cut choose_b() const
    {
        std::size_t size = cut_between_graphemes(rest_, count_fitting_b(room()));
        if (size == rest_.size())
        {
            return {size, false};
        }
        while (size % 3 != 0)
        {
            size = cut_between_graphemes(rest_, code_point_border_before(rest_, size));
        }
        if (size > 0 || !on_fresh_line())
        {
            return {size, false};
        }
        return {choose_shift(), true};
    }

    /// The shortest front that ends between characters and isn't a multiple of three bytes long;
    /// what fits when there is none.
    [[nodiscard]] std::size_t choose_shift() const
    {
        const std::size_t fitting = count_fitting_q(room());
        for (std::size_t size = 0; size < fitting;)
        {
            size += text::first_code_point(rest_.substr(size)).size;
            if (size % 3 != 0 && size <= fitting && cut_between_graphemes(rest_, size) == size)
            {
                return size;
            }
        }
        return fitting;
    }

    /// Characters for the payload of one word on this line.
    [[nodiscard]] std::size_t room() const noexcept
    {
        const std::size_t left = header_fold_column - std::min(column_, header_fold_column);
        const std::size_t most = std::min(encoded_word_bytes_max, left);
        return most - std::min(most, frame_bytes);
    }

    /// Bytes of the rest that a word of `room` can hold, ending between code points.
    [[nodiscard]] std::size_t count_fitting_b(std::size_t room) const noexcept
    {
        std::size_t size = room / 4 * 3;
        if (size >= rest_.size())
        {
            return rest_.size();
        }
        while (size > 0 && is_continuation(rest_[size]))
        {
            --size;
        }
        return size;
    }

    [[nodiscard]] std::size_t count_fitting_q(std::size_t room) const noexcept
    {
        std::size_t border = 0;
        std::size_t cost = 0;
        for (std::size_t i = 0; i < rest_.size(); ++i)
        {
            if (!is_continuation(rest_[i]))
            {
                border = i;
            }
            cost += costs_[to_byte(rest_[i])];
            if (cost > room)
            {
                return border;
            }
        }
        return rest_.size();
    }

    void new_line()
    {
        if (!out_.empty() && out_.back() == ' ')
        {
            out_.pop_back();
        }
        out_.append(fold);
        column_ = 1;
    }

    void write_word(cut next)
    {
        const std::size_t start = out_.size();
        const std::string_view bytes = rest_.substr(0, next.size);
        rest_.remove_prefix(next.size);
        out_.append(next.q ? q_open : b_open);
        if (next.q)
        {
            append_q(bytes);
        }
        else
        {
            append_base64_word(out_, bytes);
        }
        out_.append(word_close);
        column_ += out_.size() - start;
        if (rest_.empty())
        {
            return;
        }
        if (column_ + word_bytes_least > header_fold_column)
        {
            new_line();
            return;
        }
        out_.push_back(' ');
        ++column_;
    }

    void append_q(std::string_view bytes)
    {
        for (const char c : bytes)
        {
            if (c == ' ')
            {
                out_.push_back('_');
            }
            else if (costs_[to_byte(c)] == 1)
            {
                out_.push_back(c);
            }
            else
            {
                out_.push_back('=');
                out_.push_back(upper_hex[to_byte(c) >> 4]);
                out_.push_back(upper_hex[to_byte(c) & 0xFU]);
            }
        }
    }

    std::string& out_;
    std::string_view rest_;
    const cost_table& costs_;
    std::size_t& column_;
    bool q_ = false;
};

} // namespace

void append_encoded_words(std::string& out, std::string_view utf8, word_place place,
                          std::size_t& column)
{
    std::string repaired;
    if (!text::is_valid_utf8(utf8))
    {
        repaired = text::to_valid_utf8(utf8);
        utf8 = repaired;
    }
    word_writer(out, utf8, place, column).write();
}

} // namespace hikyaku::mime
