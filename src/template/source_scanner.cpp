#include "source_scanner.h"

#include "markup_lexer.h"

#include <algorithm>

namespace hikyaku::tmpl
{
namespace
{

bool opens(std::string_view source, std::size_t at) noexcept
{
    return at + 1 < source.size() && source[at] == '{' &&
           (source[at + 1] == '{' || source[at + 1] == '%');
}

std::size_t find_opening(std::string_view source, std::size_t at) noexcept
{
    while (true)
    {
        at = source.find('{', at);
        if (at == std::string_view::npos)
        {
            return source.size();
        }
        if (opens(source, at))
        {
            return at;
        }
        ++at;
    }
}

std::string_view strip_front(std::string_view text) noexcept
{
    const auto at =
        std::find_if_not(text.begin(), text.end(), [](char c) { return is_space(c) || c == '\0'; });
    return text.substr(static_cast<std::size_t>(at - text.begin()));
}

std::string_view strip_back(std::string_view text) noexcept
{
    while (!text.empty() && (is_space(text.back()) || text.back() == '\0'))
    {
        text.remove_suffix(1);
    }
    return text;
}

/// The tag's name: word characters after white space; of a sign like '#', the sign.
std::string_view name_of(std::string_view inside) noexcept
{
    std::size_t start = 0;
    while (const auto space = space_size(inside.substr(start)))
    {
        start += space;
    }
    const auto rest = inside.substr(start);
    std::size_t size = identifier_size(rest);
    if (size == 0)
    {
        while (size < rest.size() && space_size(rest.substr(size)) == 0)
        {
            ++size;
        }
    }
    return rest.substr(0, size);
}

} // namespace

std::optional<piece> source_scanner::take()
{
    if (at_ >= source_.size())
    {
        return std::nullopt;
    }
    return opens(source_, at_) ? take_markup(source_[at_ + 1] == '%') : take_text();
}

piece source_scanner::take_text()
{
    const auto end = find_opening(source_, at_);
    piece p{piece_kind::text, source_.substr(at_, end - at_), at_, at_, {}};
    if (trim_next_)
    {
        p.inside = strip_front(p.inside);
    }
    if (end + 2 < source_.size() && source_[end + 2] == '-')
    {
        p.inside = strip_back(p.inside);
    }
    trim_next_ = false;
    at_ = end;
    return p;
}

piece source_scanner::take_markup(bool tag)
{
    const auto start = at_;
    const auto end = tag ? source_.find("%}", start + 2) : source_.find('}', start + 2);
    if (end == std::string_view::npos || (!tag && source_.substr(end, 2) != "}}"))
    {
        at_ = end == std::string_view::npos ? source_.size() : end + 1;
        trim_next_ = false;
        return {tag ? piece_kind::broken_tag : piece_kind::broken_output,
                source_.substr(start, at_ - start),
                start,
                start,
                {}};
    }
    at_ = end + 2;
    trim_next_ = end > start + 2 && source_[end - 1] == '-';
    auto from = start + 2;
    from += from < end && source_[from] == '-' ? 1 : 0;
    const auto to = trim_next_ && end - 1 >= from ? end - 1 : end;
    piece p{tag ? piece_kind::tag : piece_kind::output,
            source_.substr(from, to - from),
            from,
            start,
            {}};
    if (tag)
    {
        p.tag_name = name_of(p.inside);
        if (!p.tag_name.empty())
        {
            const auto past =
                static_cast<std::size_t>(p.tag_name.data() - p.inside.data()) + p.tag_name.size();
            p.inside.remove_prefix(past);
            p.inside_position += past;
        }
    }
    return p;
}

std::optional<std::string_view> source_scanner::take_raw()
{
    for (auto open = source_.find("{%", at_); open != std::string_view::npos;
         open = source_.find("{%", open + 1))
    {
        auto at = open + 2;
        at += at < source_.size() && source_[at] == '-' ? 1 : 0;
        while (at < source_.size() && is_space(source_[at]))
        {
            ++at;
        }
        if (identifier_size(source_.substr(at)) < 6 || source_.substr(at, 6) != "endraw" ||
            (identifier_size(source_.substr(at)) > 6 && source_[at + 6] != '-'))
        {
            continue;
        }
        const auto end = source_.find("%}", at);
        if (end == std::string_view::npos)
        {
            break;
        }
        const auto body = source_.substr(at_, open - at_);
        trim_next_ = source_[end - 1] == '-';
        at_ = end + 2;
        return body;
    }
    at_ = source_.size();
    return std::nullopt;
}

} // namespace hikyaku::tmpl
