#include "canonical.h"

#include "fields.h"

#include <algorithm>
#include <bit>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hikyaku::dkim
{
namespace
{

/// Whether the relaxed form may change the white space at `i`: a tab, or a space before white
/// space, a line end or the end. A single space between words stays, and is most of them.
bool is_squeezed_at(std::string_view text, std::size_t i) noexcept
{
    if (text[i] != ' ')
    {
        return text[i] == '\t';
    }
    return i + 1 == text.size() || is_wsp(text[i + 1]) || text[i + 1] == '\r';
}

#if defined(__SSE2__)
/// Copies a block, and tells which of its bytes are squeezed: bit 0 is the first. Reads one byte
/// more than the block.
unsigned copy_and_find_squeezed(const char* from, char* to) noexcept
{
    const __m128i space = _mm_set1_epi8(' ');
    const __m128i tab = _mm_set1_epi8('\t');
    const __m128i cr = _mm_set1_epi8('\r');
    const __m128i here = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), here);
    const __m128i next_matters =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, space), _mm_cmpeq_epi8(next, tab)),
                     _mm_cmpeq_epi8(next, cr));
    const __m128i found = _mm_or_si128(_mm_cmpeq_epi8(here, tab),
                                       _mm_and_si128(_mm_cmpeq_epi8(here, space), next_matters));
    return static_cast<unsigned>(_mm_movemask_epi8(found));
}
#endif

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

constexpr bool may_fold(char c) noexcept
{
    return is_wsp(c) || c == '\r';
}

/// Past white space and line ends; a line end in a field always has white space behind it.
std::size_t skip_folding(std::string_view value, std::size_t at) noexcept
{
    while (at < value.size())
    {
        if (is_wsp(value[at]))
        {
            ++at;
        }
        else if (value.compare(at, 2, "\r\n") == 0)
        {
            at += 2;
        }
        else
        {
            break;
        }
    }
    return at;
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
        while (at < value.size() && !may_fold(value[at]))
        {
            ++at;
        }
        out.append(value.substr(word, at - word));
        const std::size_t gap = at;
        at = skip_folding(value, at);
        if (at == gap && at < value.size())
        {
            out += value[at++]; // A CR on its own.
        }
        else if (at < value.size() && out.size() > value_start)
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
    return stream_.finish();
}

void body_hasher::update(std::string_view piece) noexcept
{
    total_ += piece.size();
    piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, piece.size())));
    left_ -= piece.size();
    stream_.update(piece);
}

void body_hasher::flush() noexcept
{
    update({gathered_.data(), used_});
    used_ = 0;
}

void body_hasher::hash_simple(std::string_view body) noexcept
{
    while (body.ends_with("\r\n"))
    {
        body.remove_suffix(2);
    }
    update(body);
    update("\r\n");
}

std::size_t body_hasher::squeeze(std::string_view text, std::size_t at) noexcept
{
    while (at < text.size() && is_wsp(text[at]))
    {
        ++at;
    }
    if (at < text.size() && text.compare(at, 2, "\r\n") != 0)
    {
        gathered_[used_++] = ' ';
    }
    return at;
}

void body_hasher::hash_relaxed(std::string_view body) noexcept
{
    const std::string_view text = without_empty_tail(body);
    if (text.empty())
    {
        return;
    }
    std::size_t at = 0;
#if defined(__SSE2__)
    while (at + block_bytes < text.size())
    {
        if (used_ + block_bytes > gathered_.size())
        {
            flush();
        }
        const unsigned found = copy_and_find_squeezed(text.data() + at, gathered_.data() + used_);
        const std::size_t kept =
            found == 0 ? block_bytes : static_cast<std::size_t>(std::countr_zero(found));
        used_ += kept;
        // The byte of a found space lies in the block, so there is room for one.
        at = found == 0 ? at + kept : squeeze(text, at + kept);
    }
#endif
    while (at < text.size())
    {
        if (used_ == gathered_.size())
        {
            flush();
        }
        if (is_squeezed_at(text, at))
        {
            at = squeeze(text, at);
        }
        else
        {
            gathered_[used_++] = text[at++];
        }
    }
    flush();
    update("\r\n");
}

} // namespace hikyaku::dkim
