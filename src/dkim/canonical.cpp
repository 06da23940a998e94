#include "canonical.h"

#include "fields.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hikyaku::dkim
{
namespace
{

/// Pieces from this size are hashed where they lie.
constexpr std::size_t direct_bytes_min = 1024;

bool is_squeezed_at(std::string_view text, std::size_t i) noexcept
{
    if (text[i] != ' ')
    {
        return text[i] == '\t';
    }
    return i + 1 == text.size() || is_wsp(text[i + 1]) || text[i + 1] == '\r';
}

/// The first white space that the relaxed form may change: a tab, or a space before white space, a
/// line end or the end. A single space between words stays, and is most of them.
std::size_t find_squeezed(std::string_view text, std::size_t at) noexcept
{
#if defined(__SSE2__)
    constexpr std::size_t width = 16;
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i cr = _mm_set1_epi8('\r');
    for (; at + width < text.size(); at += width)
    {
        const char* const p = text.data() + at;
        const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 1));
        const __m128i next_matters =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab)),
                         _mm_cmpeq_epi8(next, cr));
        const __m128i found = _mm_or_si128(
            _mm_cmpeq_epi8(here, tab), _mm_and_si128(_mm_cmpeq_epi8(here, space), next_matters));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (mask != 0)
        {
            return at + static_cast<std::size_t>(std::countr_zero(mask));
        }
    }
#endif
    for (; at < text.size(); ++at)
    {
        if (is_squeezed_at(text, at))
        {
            return at;
        }
    }
    return text.size();
}

/// Without the last line end and the lines before it that are empty once white space is gone.
std::string_view without_empty_tail(std::string_view body) noexcept
{
    std::size_t end = body.size();
    while (true)
    {
        std::size_t line = end;
        while (line > 0 && is_wsp(body[line - 1]))
        {
            --line;
        }
        if (line == 0)
        {
            return {};
        }
        if (line < 2 || body[line - 1] != '\n' || body[line - 2] != '\r')
        {
            return body.substr(0, end);
        }
        end = line - 2;
    }
}

void append_relaxed_field(std::string_view text, std::string& out)
{
    const std::size_t colon = text.find(':');
    std::string_view name = text.substr(0, colon);
    while (!name.empty() && is_wsp(name.back()))
    {
        name.remove_suffix(1);
    }
    for (const char c : name)
    {
        out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    out += ':';
    const std::string_view value =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    const std::size_t value_start = out.size();
    std::size_t at = 0;
    while (at < value.size())
    {
        const std::size_t word = at;
        while (at < value.size() && !is_wsp(value[at]) && value.compare(at, 2, "\r\n") != 0)
        {
            ++at;
        }
        out.append(value.substr(word, at - word));
        bool space = false;
        while (at < value.size() && (is_wsp(value[at]) || value.compare(at, 2, "\r\n") == 0))
        {
            space |= is_wsp(value[at]);
            at += is_wsp(value[at]) ? 1 : 2;
        }
        if (space && at < value.size() && out.size() > value_start)
        {
            out += ' ';
        }
    }
}

} // namespace

void append_canonical_field(canonicalization c, std::string_view text, std::string& out)
{
    switch (c)
    {
    case canonicalization::simple:
        out.append(text);
        return;
    case canonicalization::relaxed:
        append_relaxed_field(text, out);
        return;
    }
}

crypto::digest body_hasher::hash(canonicalization c, std::string_view body,
                                 std::uint64_t limit) noexcept
{
    left_ = limit;
    total_ = 0;
    switch (c)
    {
    case canonicalization::simple:
        hash_simple(body);
        break;
    case canonicalization::relaxed:
        hash_relaxed(body);
        break;
    }
    flush();
    return stream_.finish();
}

void body_hasher::put(std::string_view piece) noexcept
{
    total_ += piece.size();
    piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size())));
    left_ -= piece.size();
    if (piece.size() >= direct_bytes_min)
    {
        flush();
        stream_.update(piece);
        return;
    }
    if (used_ + piece.size() > gathered_.size())
    {
        flush();
    }
    std::copy(piece.begin(), piece.end(), gathered_.data() + used_);
    used_ += piece.size();
}

void body_hasher::flush() noexcept
{
    stream_.update({gathered_.data(), used_});
    used_ = 0;
}

void body_hasher::hash_simple(std::string_view body) noexcept
{
    while (body.ends_with("\r\n"))
    {
        body.remove_suffix(2);
    }
    put(body);
    put("\r\n");
}

void body_hasher::hash_relaxed(std::string_view body) noexcept
{
    const std::string_view text = without_empty_tail(body);
    if (text.empty())
    {
        return;
    }
    std::size_t at = 0;
    while (at < text.size())
    {
        const std::size_t found = find_squeezed(text, at);
        put(text.substr(at, found - at));
        at = found;
        while (at < text.size() && is_wsp(text[at]))
        {
            ++at;
        }
        if (at > found && at < text.size() && text.compare(at, 2, "\r\n") != 0)
        {
            put(" ");
        }
    }
    put("\r\n");
}

} // namespace hikyaku::dkim
