#include "tag_list.h"

#include "fields.h"

#include <hikyaku/crypto/base64.h>

#include <algorithm>
#include <limits>

namespace hikyaku::dkim
{
namespace
{

constexpr bool is_space(char c) noexcept
{
    return is_wsp(c) || c == '\r' || c == '\n';
}

std::string_view trim(std::string_view text) noexcept
{
    while (!text.empty() && is_space(text.front()))
    {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_space(text.back()))
    {
        text.remove_suffix(1);
    }
    return text;
}

constexpr bool is_letter(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_tag_name(std::string_view name) noexcept
{
    return !name.empty() && is_letter(name[0]) &&
           std::all_of(name.begin(), name.end(),
                       [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

bool is_tag_value(std::string_view value) noexcept
{
    // Bytes above 0x7F: internationalised signatures (RFC 8616).
    return std::none_of(value.begin(), value.end(),
                        [](char c)
                        {
                            const auto byte = static_cast<unsigned char>(c);
                            return (byte < 0x20 && !is_space(c)) || byte == 0x7F;
                        });
}

/// Takes what is before the next `separator` off the front of `rest`.
std::string_view take_item(std::string_view& rest, char separator) noexcept
{
    const auto end = rest.find(separator);
    const std::string_view item = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return item;
}

} // namespace

std::optional<tag_list> tag_list::parse(std::string_view text)
{
    tag_list list;
    std::string_view rest = trim(text);
    while (!rest.empty())
    {
        const std::string_view spec = take_item(rest, ';');
        const auto equals = spec.find('=');
        if (equals == std::string_view::npos || list.tags_.size() == tags_max)
        {
            return std::nullopt;
        }
        const tag parsed{trim(spec.substr(0, equals)), trim(spec.substr(equals + 1))};
        if (!is_tag_name(parsed.name) || !is_tag_value(parsed.value) || list.find(parsed.name))
        {
            return std::nullopt;
        }
        list.tags_.push_back(parsed);
    }
    return list;
}

std::optional<std::string_view> tag_list::find(std::string_view name) const noexcept
{
    const auto found =
        std::find_if(tags_.begin(), tags_.end(), [name](const tag& t) { return t.name == name; });
    if (found == tags_.end())
    {
        return std::nullopt;
    }
    return found->value;
}

std::string without_white_space(std::string_view value)
{
    std::string out;
    out.reserve(value.size());
    std::copy_if(value.begin(), value.end(), std::back_inserter(out),
                 [](char c) { return !is_space(c); });
    return out;
}

std::optional<std::string> decode_base64_value(std::string_view value)
{
    std::string text = without_white_space(value);
    while (text.size() % 4 != 0 && !text.empty())
    {
        text += '=';
    }
    return crypto::decode_base64(text);
}

std::optional<std::uint64_t> parse_number(std::string_view value) noexcept
{
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    if (value.empty())
    {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    for (const char c : value)
    {
        if (c < '0' || c > '9')
        {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        number = number > (most - digit) / 10 ? most : number * 10 + digit;
    }
    return number;
}

bool list_names(std::string_view list, std::string_view item) noexcept
{
    while (!list.empty())
    {
        if (same_name(trim(take_item(list, ':')), item))
        {
            return true;
        }
    }
    return false;
}

std::vector<std::string_view> split_list(std::string_view list)
{
    std::vector<std::string_view> items;
    while (!list.empty())
    {
        items.push_back(trim(take_item(list, ':')));
    }
    return items;
}

std::string without_signature_value(std::string_view text)
{
    const auto colon = text.find(':');
    std::string out(text.substr(0, colon + 1));
    std::string_view rest = text.substr(colon + 1);
    while (true)
    {
        const auto end = rest.find(';');
        const std::string_view spec = rest.substr(0, end);
        const auto equals = spec.find('=');
        const bool is_signature =
            equals != std::string_view::npos && trim(spec.substr(0, equals)) == "b";
        out.append(is_signature ? spec.substr(0, equals + 1) : spec);
        if (end == std::string_view::npos)
        {
            return out;
        }
        out += ';';
        rest.remove_prefix(end + 1);
    }
}

} // namespace hikyaku::dkim
