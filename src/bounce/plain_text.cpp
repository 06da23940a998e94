#include "plain_text.h"

#include <algorithm>
#include <charconv>

#include <hikyaku/text/utf8.h>

namespace hikyaku::bounce
{
namespace
{

/// U+00C0 to U+017F without their accents.
constexpr std::array<std::string_view, 64> latin_1 = {
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",
    "d", "n", "o", "o", "o", "o", "o",  "x", "o", "u", "u", "u", "u", "y", "th", "ss",
    "a", "a", "a", "a", "a", "a", "ae", "c", "e", "e", "e", "e", "i", "i", "i",  "i",
    "d", "n", "o", "o", "o", "o", "o",  "/", "o", "u", "u", "u", "u", "y", "th", "y"};
constexpr std::string_view latin_extended =
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkklllllll"
    "lllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

constexpr bool is_space(char32_t c) noexcept
{
    return c <= 0x20 || c == 0x7F || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200B) ||
           c == 0x2028 || c == 0x2029 || c == 0xFEFF;
}

/// What may stand before the '@' of an address.
constexpr bool is_local(char c) noexcept
{
    return std::string_view("<>()[]\"',;:=|").find(c) == std::string_view::npos;
}

constexpr bool is_domain(char c) noexcept
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_' ||
           (static_cast<unsigned char>(c) & 0x80) != 0;
}

/// Vietnamese, by ranges of base letters.
char latin_additional(char32_t c) noexcept
{
    return c < 0x1EB8   ? 'a'
           : c < 0x1EC8 ? 'e'
           : c < 0x1ECC ? 'i'
           : c < 0x1EE4 ? 'o'
           : c < 0x1EF2 ? 'u'
                        : 'y';
}

char32_t lower_other(char32_t c) noexcept
{
    if (c >= 0x0391 && c <= 0x03A9)
    {
        return c + 0x20;
    }
    if (c >= 0x0410 && c <= 0x042F)
    {
        return c + 0x20;
    }
    if (c >= 0x0400 && c <= 0x040F)
    {
        c += 0x50;
    }
    return c == 0x0451 ? 0x0435 : c; // yo is often written ye
}

} // namespace

plain_text::plain_text(std::string_view text, int code,
                       const smtp::enhanced_code& enhanced) noexcept
{
    if (code >= 200 && code <= 599)
    {
        (void)std::to_chars(code_.data(), code_.data() + 3, code);
    }
    if (enhanced.present())
    {
        char* at = enhanced_.data();
        char* const end = at + enhanced_.size();
        for (const unsigned part :
             {unsigned{enhanced.cls}, unsigned{enhanced.subject}, unsigned{enhanced.detail}})
        {
            at = std::to_chars(at, end - 1, part).ptr;
            *at++ = '.';
        }
        enhanced_size_ = static_cast<std::size_t>(at - enhanced_.data()) - 1;
    }
    text = text.substr(0, classifier::text_bytes_max);
    while (!text.empty())
    {
        const char32_t c = text::take_code_point(text);
        if (is_space(c))
        {
            end_word();
        }
        else if (!put_folded(c))
        {
            break;
        }
    }
    end_word();
    size_ = word_ == 0 ? 0 : word_ - 1; // without the space behind the last word
}

bool plain_text::put(char c) noexcept
{
    // One place stays free for the space behind the word.
    if (size_ + 1 >= buffer_.size())
    {
        return false;
    }
    buffer_[size_++] = c;
    return true;
}

bool plain_text::put(std::string_view s) noexcept
{
    return std::ranges::all_of(s, [this](char c) { return put(c); });
}

bool plain_text::put_folded(char32_t c) noexcept
{
    if (c < 0x80)
    {
        const char ascii = static_cast<char>(c);
        return put(ascii >= 'A' && ascii <= 'Z' ? static_cast<char>(ascii + 0x20) : ascii);
    }
    if (c == text::replacement_character)
    {
        return put('?');
    }
    if (c >= 0xC0 && c < 0x100)
    {
        return put(latin_1[c - 0xC0]);
    }
    if (c >= 0x100 && c < 0x180)
    {
        return put(latin_extended[c - 0x100]);
    }
    if (c >= 0x300 && c < 0x370)
    {
        return true; // a combining accent
    }
    if (c >= 0x1EA0 && c < 0x1EFA)
    {
        return put(latin_additional(c));
    }
    if (c == 0x2018 || c == 0x2019 || c == 0xB4)
    {
        return put('\'');
    }
    if (c == 0xAB || c == 0xBB || (c >= 0x201C && c <= 0x201E))
    {
        return put('"');
    }
    if (c >= 0x2010 && c <= 0x2015)
    {
        return put('-');
    }
    if (c >= 0xFF01 && c <= 0xFF5E)
    {
        return put_folded(c - 0xFEE0);
    }
    c = lower_other(c);
    char bytes[4];
    std::size_t n = 0;
    if (c < 0x800)
    {
        bytes[n++] = static_cast<char>(0xC0 | (c >> 6));
    }
    else
    {
        if (c < 0x10000)
        {
            bytes[n++] = static_cast<char>(0xE0 | (c >> 12));
        }
        else
        {
            bytes[n++] = static_cast<char>(0xF0 | (c >> 18));
            bytes[n++] = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
        }
        bytes[n++] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    }
    bytes[n++] = static_cast<char>(0x80 | (c & 0x3F));
    return put(std::string_view(bytes, n));
}

/// The word that began at word_ is complete.
void plain_text::end_word() noexcept
{
    drop_codes();
    shorten_addresses();
    if (size_ > word_)
    {
        buffer_[size_++] = ' ';
        word_ = size_;
    }
}

/// "550-5.1.1" and "5.1.1" at the front of every line.
void plain_text::drop_codes() noexcept
{
    auto word = view().substr(word_);
    const std::string_view code(code_.data(), 3);
    if (code_[0] != 0 && word.size() > 3 && word.starts_with(code) && word[3] == '-')
    {
        erase(word_, word_ + 4);
        word = view().substr(word_);
    }
    const std::string_view enhanced(enhanced_.data(), enhanced_size_);
    if (!enhanced.empty() && (word == enhanced || (word.size() == enhanced.size() + 1 &&
                                                   word[0] == '#' && word.ends_with(enhanced))))
    {
        size_ = word_;
    }
}

void plain_text::shorten_addresses() noexcept
{
    std::size_t from = word_;
    while (true)
    {
        const auto at = view().find('@', from);
        if (at == std::string_view::npos)
        {
            return;
        }
        std::size_t begin = at;
        while (begin > from && is_local(buffer_[begin - 1]))
        {
            --begin;
        }
        std::size_t end = at + 1;
        while (end < size_ && is_domain(buffer_[end]))
        {
            ++end;
        }
        while (end > at + 1 && (buffer_[end - 1] == '.' || buffer_[end - 1] == '-'))
        {
            --end; // the end of a sentence
        }
        if (begin == at || end == at + 1)
        {
            from = at + 1;
            continue;
        }
        if (domain_size_ == 0 && end - at - 1 <= domain_.size())
        {
            domain_size_ = end - at - 1;
            std::copy_n(buffer_.data() + at + 1, domain_size_, domain_.data());
        }
        if (begin > word_ && buffer_[begin - 1] == '<' && end < size_ && buffer_[end] == '>')
        {
            --begin;
            ++end;
        }
        buffer_[begin] = '@';
        erase(begin + 1, end);
        from = begin + 1;
    }
}

void plain_text::erase(std::size_t from, std::size_t to) noexcept
{
    std::copy(buffer_.data() + to, buffer_.data() + size_, buffer_.data() + from);
    size_ -= to - from;
}

} // namespace hikyaku::bounce
