#include <hikyaku/crypto/base64.h>
#include <hikyaku/identity/domain_check.h>

#include <algorithm>
#include <map>

namespace hikyaku::identity
{
namespace
{

constexpr std::size_t record_bytes_max = 16'384;
constexpr std::size_t tags_max = 64;

bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string without_spaces(std::string_view text)
{
    std::string out(text);
    std::erase_if(out, is_space);
    return out;
}

using tag_list = std::map<std::string, std::string, std::less<>>;

/// RFC 6376 section 3.2, white space dropped everywhere. nullopt: not a tag list, or a tag twice.
std::optional<tag_list> read_tags(std::string_view text)
{
    tag_list out;
    if (text.size() > record_bytes_max)
    {
        return std::nullopt;
    }
    while (true)
    {
        const auto end = text.find(';');
        const std::string part = without_spaces(text.substr(0, end));
        const auto equals = part.find('=');
        const bool last = end == std::string_view::npos;
        if (!(last && part.empty()))
        {
            if (equals == std::string::npos || equals == 0 || out.size() == tags_max ||
                !out.emplace(part.substr(0, equals), part.substr(equals + 1)).second)
            {
                return std::nullopt;
            }
        }
        if (last)
        {
            return out;
        }
        text.remove_prefix(end + 1);
    }
}

std::string_view tag_or(const tag_list& tags, std::string_view name, std::string_view missing)
{
    const auto found = tags.find(name);
    return found == tags.end() ? missing : std::string_view(found->second);
}

/// Whether a colon-separated list holds `what`.
bool has_item(std::string_view list, std::string_view what)
{
    while (true)
    {
        const auto end = list.find(':');
        if (list.substr(0, end) == what)
        {
            return true;
        }
        if (end == std::string_view::npos)
        {
            return false;
        }
        list.remove_prefix(end + 1);
    }
}

} // namespace

key_comparison compare_key_record(std::string_view published, std::string_view ours)
{
    const auto tags = read_tags(published);
    const auto own = read_tags(ours);
    if (!tags || !own)
    {
        return {false, "it is not a DKIM key record"};
    }
    // Without v= it counts as DKIM1; with it, it comes first, which only the text tells.
    const auto start = std::find_if_not(published.begin(), published.end(), is_space);
    if (tags->contains("v") && (tag_or(*tags, "v", "") != "DKIM1" || *start != 'v'))
    {
        return {false, "its version is not DKIM1"};
    }
    if (tag_or(*tags, "k", "rsa") != tag_or(*own, "k", "rsa"))
    {
        return {false, "it is a key of another kind"};
    }
    const auto text = tag_or(*tags, "p", "");
    if (text.empty())
    {
        return {false, tags->contains("p") ? "the key is revoked (p= is empty)" : "p= is missing"};
    }
    const auto bytes = crypto::decode_base64(text);
    if (!bytes)
    {
        return {false, "p= is not base64: the record may have been cut or wrapped"};
    }
    if (bytes != crypto::decode_base64(tag_or(*own, "p", "")))
    {
        return {false, "it is another key"};
    }
    if (tags->contains("h") && !has_item(tag_or(*tags, "h", ""), "sha256"))
    {
        return {false, "h= does not allow sha256"};
    }
    const auto services = tag_or(*tags, "s", "*");
    if (!has_item(services, "*") && !has_item(services, "email"))
    {
        return {false, "s= does not allow email"};
    }
    return {true, {}};
}

} // namespace hikyaku::identity
