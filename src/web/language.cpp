#include "page.h"

#include <algorithm>
#include <optional>

namespace hikyaku::web
{
namespace
{

/// Of a header that goes on for longer only the beginning counts.
constexpr std::size_t languages_max = 32;
/// Quality values are thousandths.
constexpr unsigned full_quality = 1000;

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// "0.8" → 800; 0 for anything that is no quality value.
unsigned parse_quality(std::string_view text) noexcept
{
    if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1') ||
        (text.size() > 1 && text[1] != '.'))
    {
        return 0;
    }
    unsigned value = text[0] == '1' ? full_quality : 0;
    unsigned weight = full_quality / 10;
    for (const char c : text.substr(std::min<std::size_t>(2, text.size())))
    {
        if (c < '0' || c > '9')
        {
            return 0;
        }
        value += weight * static_cast<unsigned>(c - '0');
        weight /= 10;
    }
    return std::min(value, full_quality);
}

/// One member: "en-GB;q=0.8".
struct preference
{
    std::string_view range;
    unsigned quality = full_quality;
};

preference parse_member(std::string_view member) noexcept
{
    const auto semicolon = member.find(';');
    preference out{trim(member.substr(0, semicolon))};
    if (semicolon != std::string_view::npos)
    {
        const auto weight = trim(member.substr(semicolon + 1));
        out.quality = weight.starts_with("q=") || weight.starts_with("Q=")
                          ? parse_quality(weight.substr(2))
                          : 0;
    }
    return out;
}

bool is_in(std::string_view range, std::string_view tag) noexcept
{
    return range.size() >= tag.size() &&
           http::equal_ignoring_case(range.substr(0, tag.size()), tag) &&
           (range.size() == tag.size() || range[tag.size()] == '-');
}

} // namespace

language choose_language(const http::request& r)
{
    const auto asked = r.query.find("lang");
    if (asked && (*asked == "ja" || *asked == "en"))
    {
        return *asked == "ja" ? language::ja : language::en;
    }
    std::string_view rest = r.header("Accept-Language").value_or("");
    if (trim(rest).empty())
    {
        return language::ja;
    }
    unsigned ja = 0;
    unsigned en = 0;
    for (std::size_t i = 0; i < languages_max && !rest.empty(); ++i)
    {
        const auto end = std::min(rest.find(','), rest.size());
        const auto p = parse_member(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        ja = is_in(p.range, "ja") || p.range == "*" ? std::max(ja, p.quality) : ja;
        en = is_in(p.range, "en") ? std::max(en, p.quality) : en;
    }
    return ja > 0 && ja >= en ? language::ja : language::en;
}

} // namespace hikyaku::web
