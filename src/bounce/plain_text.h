#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/smtp/reply.h>

namespace hikyaku::bounce
{

/// A reply's text as rules see it, so that one expression meets many spellings: lower case; Latin
/// letters without accents; full-width letters as ASCII; typographic quotes and dashes as ' " -;
/// white space run together; addresses as "@", since names of people and domains are no reason; the
/// codes that servers repeat on every line left out. What is not UTF-8 becomes '?'. On the stack.
class plain_text
{
public:
    plain_text(std::string_view text, int code, const smtp::enhanced_code& enhanced) noexcept;
    plain_text(const plain_text&) = delete;
    plain_text& operator=(const plain_text&) = delete;

    [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), size_}; }
    /// Domain of the first address in the text; "" when there is none.
    [[nodiscard]] std::string_view domain() const noexcept
    {
        return {domain_.data(), domain_size_};
    }

private:
    [[nodiscard]] bool put(char c) noexcept;
    [[nodiscard]] bool put(std::string_view s) noexcept;
    [[nodiscard]] bool put_folded(char32_t c) noexcept;
    void end_word() noexcept;
    void drop_codes() noexcept;
    void shorten_addresses() noexcept;
    void erase(std::size_t from, std::size_t to) noexcept;

    std::array<char, classifier::text_bytes_max> buffer_;
    std::size_t size_ = 0;
    std::size_t word_ = 0;
    std::array<char, 4> code_{};
    std::array<char, 20> enhanced_{};
    std::size_t enhanced_size_ = 0;
    std::array<char, 255> domain_;
    std::size_t domain_size_ = 0;
};

} // namespace hikyaku::bounce
