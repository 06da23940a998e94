#include <hikyaku/mime/header_block.h>

#include <algorithm>

#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/text/case.h>

#include "ascii.h"
#include "raw_line.h"

namespace hikyaku::mime
{

namespace
{

/// RFC 5322 section 2.2: printable but no colon. Blanks before the colon are obsolete (4.5.3).
/// @returns where the colon is, or npos
std::size_t colon_of(std::string_view line) noexcept
{
    std::size_t at = 0;
    while (at < line.size() && to_byte(line[at]) > 0x20 && to_byte(line[at]) < 0x7F &&
           line[at] != ':')
    {
        ++at;
    }
    if (at == 0 || line.starts_with("--")) // a boundary, even one with a colon
    {
        return std::string_view::npos;
    }
    while (at < line.size() && (line[at] == ' ' || line[at] == '\t'))
    {
        ++at;
    }
    return at < line.size() && line[at] == ':' ? at : std::string_view::npos;
}

constexpr bool is_folded(std::string_view line) noexcept
{
    return !line.empty() && (line.front() == ' ' || line.front() == '\t');
}

} // namespace

header_block header_block::take(std::string_view& bytes, std::size_t fields_max)
{
    header_block made;
    fields_max = std::min(fields_max, header_fields_max);
    const char* const start = bytes.data();
    const auto used = [&bytes, start] { return static_cast<std::size_t>(bytes.data() - start); };
    bool any = false;
    bool kept = false; // the field that a folded line would go on with
    while (!bytes.empty())
    {
        std::string_view rest = bytes;
        const std::string_view line = take_raw_line(rest);
        if (line.empty())
        {
            bytes = rest;
            break;
        }
        if (is_folded(line) && any)
        {
            // A line of blanks ends nothing: some hosts fold empty lines in.
            bytes = rest;
            if (kept && used() <= header_block_bytes_max)
            {
                auto& value = made.fields_.back().value;
                const char* const end = line.data() + line.size();
                value = {value.data(), static_cast<std::size_t>(end - value.data())};
            }
            continue;
        }
        const std::size_t colon = colon_of(line);
        if (colon == std::string_view::npos)
        {
            break;
        }
        any = true;
        bytes = rest;
        kept = made.fields_.size() < fields_max && used() <= header_block_bytes_max;
        if (kept)
        {
            const std::string_view name = trim_blanks(line.substr(0, colon));
            made.fields_.push_back({name, line.substr(colon + 1)});
        }
    }
    for (auto& field : made.fields_)
    {
        field.value = trim_blanks(field.value);
    }
    return made;
}

std::optional<std::string_view> header_block::find(std::string_view name) const noexcept
{
    const auto found = std::ranges::find_if(fields_, [name](const header_field& f)
                                            { return text::ascii_iequals(f.name, name); });
    return found == fields_.end() ? std::nullopt : std::optional(found->value);
}

std::string header_block::get(std::string_view name) const
{
    return unfold(find(name).value_or(std::string_view{}));
}

std::string header_block::get_text(std::string_view name) const
{
    return decode_encoded_words(find(name).value_or(std::string_view{}));
}

std::string unfold(std::string_view value)
{
    std::string out;
    value = trim_blanks(value);
    out.reserve(value.size());
    std::ranges::copy_if(value, std::back_inserter(out),
                         [](char c) { return c != '\r' && c != '\n'; });
    return out;
}

} // namespace hikyaku::mime
