#include <hikyaku/mime/encoded_word.h>

#include <optional>

#include <hikyaku/mime/charset.h>
#include <hikyaku/mime/encoding.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

struct raw_word
{
    std::string_view charset;
    char encoding = 'q'; ///< 'b' or 'q'
    std::string_view payload;
    std::size_t size = 0; ///< of the whole word
};

constexpr bool is_white(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// The encoded word that `s` starts with. Longer ones than RFC 2047 allows are read too.
std::optional<raw_word> match_word(std::string_view s)
{
    if (!s.starts_with("=?"))
    {
        return std::nullopt;
    }
    const std::size_t charset_end = s.find('?', 2);
    if (charset_end == std::string_view::npos || charset_end + 2 >= s.size() ||
        s[charset_end + 2] != '?' || charset_end - 2 > 2 * charset_name_bytes_max)
    {
        return std::nullopt;
    }
    const std::string encoding = text::ascii_lower(s.substr(charset_end + 1, 1));
    if (encoding != "b" && encoding != "q")
    {
        return std::nullopt;
    }
    const std::size_t payload = charset_end + 3;
    const std::size_t end = s.find_first_of("? \t\r\n", payload);
    if (end == std::string_view::npos || !s.substr(end).starts_with("?="))
    {
        return std::nullopt;
    }
    raw_word word;
    word.charset = s.substr(2, charset_end - 2);
    word.charset = word.charset.substr(0, word.charset.find('*')); // RFC 2231 section 5: language
    word.encoding = encoding.front();
    word.payload = s.substr(payload, end - payload);
    word.size = end + 2;
    return word;
}

std::string decode_payload(const raw_word& word)
{
    if (word.encoding == 'b')
    {
        return decode_base64(word.payload);
    }
    std::string out;
    const std::string_view s = word.payload;
    for (std::size_t i = 0; i < s.size(); ++i)
    {
        const int high = s[i] == '=' && i + 2 < s.size() ? hex_value(s[i + 1]) : -1;
        const int low = high >= 0 ? hex_value(s[i + 2]) : -1;
        if (low >= 0)
        {
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        }
        else
        {
            out.push_back(s[i] == '_' ? ' ' : s[i]);
        }
    }
    return out;
}

/// Bytes of neighbouring words in one charset and encoding, converted together.
class word_run
{
public:
    [[nodiscard]] bool empty() const noexcept { return source_.empty(); }

    /// False when the word must start a run of its own.
    [[nodiscard]] bool takes(const raw_word& word) const
    {
        return empty() ||
               (text::ascii_iequals(charset_, word.charset) && encoding_ == word.encoding);
    }

    void add(const raw_word& word, std::string_view source)
    {
        charset_ = word.charset;
        encoding_ = word.encoding;
        bytes_ += decode_payload(word);
        source_ += source;
    }

    void flush(std::string& out)
    {
        if (!empty())
        {
            out += to_utf8(bytes_, charset_).value_or(source_);
        }
        *this = {};
    }

private:
    std::string charset_;
    char encoding_ = 0;
    std::string bytes_;
    std::string source_;
};

std::string unfold(std::string_view value)
{
    std::string out;
    out.reserve(value.size());
    for (const char c : value)
    {
        if (c != '\r' && c != '\n')
        {
            out.push_back(c);
        }
    }
    return out;
}

} // namespace

std::string decode_encoded_words(std::string_view value)
{
    const std::string line = unfold(value);
    std::string_view rest = line;
    std::string out;
    word_run run;
    while (!rest.empty())
    {
        std::size_t white = 0;
        while (!run.empty() && white < rest.size() && is_white(rest[white]))
        {
            ++white;
        }
        const auto word = match_word(rest.substr(white));
        if (word)
        {
            if (!run.takes(*word))
            {
                run.flush(out);
            }
            // White space between two words counts only if they can't be decoded.
            const std::size_t skipped = run.empty() ? white : 0;
            run.add(*word, rest.substr(skipped, white + word->size - skipped));
            rest.remove_prefix(white + word->size);
            continue;
        }
        run.flush(out);
        const std::size_t size = std::min(rest.find("=?", white + 1), rest.size());
        out.append(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    run.flush(out);
    return text::is_valid_utf8(out) ? out : text::to_valid_utf8(out);
}

} // namespace hikyaku::mime
