#include <hikyaku/mime/charset.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <iconv.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include "ascii.h"
#include "iso2022jp.h"

namespace hikyaku::mime
{

namespace
{

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// How senders label text, and what they mean (WHATWG Encoding does the same).
struct charset_alias
{
    std::string_view label;
    const char* iconv_name;
};
constexpr std::array<charset_alias, 8> aliases = {{
    {"shift_jis", "CP932"},
    {"shift-jis", "CP932"},
    {"sjis", "CP932"},
    {"x-sjis", "CP932"},
    {"euc-jp", "EUC-JP-MS"},
    {"x-euc-jp", "EUC-JP-MS"},
    {"iso-8859-1", "CP1252"},
    {"ks_c_5601-1987", "CP949"},
}};

/// Only such names reach iconv_open: no "//IGNORE", no path.
bool is_charset_name(std::string_view name) noexcept
{
    return !name.empty() && name.size() <= charset_name_bytes_max &&
           std::ranges::all_of(name,
                               [](char c)
                               {
                                   return is_letter(c) || is_digit(c) || c == '-' || c == '_' ||
                                          c == '.' || c == ':' || c == '+';
                               });
}

/// Owns one iconv descriptor.
class converter
{
public:
    explicit converter(const char* from) noexcept : descriptor_(iconv_open("UTF-8", from)) {}
    ~converter()
    {
        if (ok())
        {
            iconv_close(descriptor_);
        }
    }
    converter(const converter&) = delete;
    converter& operator=(const converter&) = delete;

    [[nodiscard]] bool ok() const noexcept
    {
        return descriptor_ != reinterpret_cast<iconv_t>(-1); // NOLINT: iconv's own convention
    }

    /// Converts all of it; returns how many bytes had to be replaced.
    std::size_t convert(std::string& out, std::string_view bytes)
    {
        // iconv doesn't write through its input.
        char* in = const_cast<char*>(bytes.data());
        std::size_t left = bytes.size();
        std::size_t replaced = 0;
        while (left > 0)
        {
            std::array<char, 4096> buffer;
            char* to = buffer.data();
            std::size_t room = buffer.size();
            const std::size_t done = iconv(descriptor_, &in, &left, &to, &room);
            const int why = errno;
            out.append(buffer.data(), buffer.size() - room);
            if (done != static_cast<std::size_t>(-1) || why == E2BIG)
            {
                continue;
            }
            out.append(replacement);
            ++replaced;
            const std::size_t skipped = why == EILSEQ ? 1 : left;
            in += skipped;
            left -= skipped;
        }
        flush(out);
        return replaced;
    }

private:
    void flush(std::string& out)
    {
        std::array<char, 64> buffer;
        char* to = buffer.data();
        std::size_t room = buffer.size();
        iconv(descriptor_, nullptr, nullptr, &to, &room);
        out.append(buffer.data(), buffer.size() - room);
    }

    iconv_t descriptor_;
};

/// As labelled where that works, else with the machine-dependent rows of Windows.
std::string from_iso2022jp(std::string_view bytes)
{
    std::string out;
    converter strict("ISO-2022-JP");
    // An escape it doesn't know is passed through, not refused.
    if (strict.ok() && strict.convert(out, bytes) == 0 && out.find('\x1B') == std::string::npos)
    {
        return out;
    }
    converter windows("CP932");
    HK_ASSERT(windows.ok());
    out.clear();
    windows.convert(out, iso2022jp_to_cp932(bytes));
    return out;
}

} // namespace

std::optional<std::string> to_utf8(std::string_view bytes, std::string_view charset)
{
    const std::string name = text::ascii_lower(charset);
    if (!is_charset_name(name))
    {
        return std::nullopt;
    }
    if (name == "utf-8" || name == "utf8" || name == "us-ascii" || name == "ascii")
    {
        return text::to_valid_utf8(bytes);
    }
    if (name == "iso-2022-jp" || name == "cp50220" || name == "cp50221")
    {
        return from_iso2022jp(bytes);
    }
    const auto* const alias = std::ranges::find(aliases, name, &charset_alias::label);
    converter from(alias == aliases.end() ? name.c_str() : alias->iconv_name);
    if (!from.ok())
    {
        return std::nullopt;
    }
    std::string out;
    from.convert(out, bytes);
    return text::is_valid_utf8(out) ? out : text::to_valid_utf8(out);
}

} // namespace hikyaku::mime
