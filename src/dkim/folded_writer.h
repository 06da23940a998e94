#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hikyaku::dkim
{

/// Writes one header field and breaks its lines where the caller allows it.
class folded_writer
{
public:
    /// RFC 5322 section 2.1.1, without the CRLF.
    static constexpr std::size_t columns_max = 78;

    /// Appends to `out`, which outlives the writer; starts at the first column.
    explicit folded_writer(std::string& out) noexcept : out_(out) {}

    /// Writes `word` unbroken, `gap` (a space or nothing) before it, or a new line instead when it
    /// does not fit. A new line always starts with one space.
    void put(std::string_view word, std::string_view gap = " ")
    {
        if (column_ > 1 && column_ + gap.size() + word.size() > columns_max)
        {
            new_line();
            gap = {};
        }
        out_.append(gap).append(word);
        column_ += gap.size() + word.size();
    }
    void new_line()
    {
        out_.append("\r\n ");
        column_ = 1;
    }
    /// Writes text that may be broken anywhere, filling the lines.
    void put_breakable(std::string_view text)
    {
        while (!text.empty())
        {
            if (column_ >= columns_max)
            {
                new_line();
            }
            const std::string_view piece = text.substr(0, columns_max - column_);
            out_.append(piece);
            column_ += piece.size();
            text.remove_prefix(piece.size());
        }
    }

private:
    std::string& out_;
    std::size_t column_ = 0;
};

} // namespace hikyaku::dkim
