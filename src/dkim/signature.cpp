#include "signature.h"

#include "fields.h"
#include "tag_list.h"

#include <algorithm>

namespace hikyaku::dkim
{
namespace
{

/// h= longer than this is no real message's.
constexpr std::size_t signed_names_max = 500;

std::string lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c)
                   { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::optional<std::string> read_algorithm(const tag_list& tags, signature& s)
{
    const std::string_view a = *tags.find("a");
    if (same_name(a, "rsa-sha256"))
    {
        s.kind = algorithm::rsa_sha256;
        return std::nullopt;
    }
    if (same_name(a, "ed25519-sha256"))
    {
        s.kind = algorithm::ed25519_sha256;
        return std::nullopt;
    }
    return same_name(a, "rsa-sha1") ? "rsa-sha1 is refused (RFC 8301)" : "a= is unknown";
}

std::optional<canonicalization> read_canonicalization(std::string_view text)
{
    if (same_name(text, "simple"))
    {
        return canonicalization::simple;
    }
    if (same_name(text, "relaxed"))
    {
        return canonicalization::relaxed;
    }
    return std::nullopt;
}

std::optional<std::string> read_canonicalizations(const tag_list& tags, signature& s)
{
    const std::string c = without_white_space(tags.find("c").value_or("simple/simple"));
    const auto slash = c.find('/');
    const auto header = read_canonicalization(std::string_view(c).substr(0, slash));
    const auto body = slash == std::string::npos
                          ? canonicalization::simple
                          : read_canonicalization(std::string_view(c).substr(slash + 1));
    if (!header || !body)
    {
        return "c= is unknown";
    }
    s.header = *header;
    s.body = *body;
    return std::nullopt;
}

/// d=, s= and i= (section 3.5: i= is d= or below it).
std::optional<std::string> read_names(const tag_list& tags, signature& s)
{
    s.domain = lower(*tags.find("d"));
    s.selector = lower(*tags.find("s"));
    if (!is_host_name(s.domain) || !is_host_name(s.selector))
    {
        return "d= or s= is no host name";
    }
    s.identity_domain = s.domain;
    if (const auto i = tags.find("i"))
    {
        const auto at = i->rfind('@');
        if (at == std::string_view::npos)
        {
            return "i= has no @";
        }
        s.identity_domain = lower(i->substr(at + 1));
        if (s.identity_domain != s.domain && !s.identity_domain.ends_with("." + s.domain))
        {
            return "i= is not within d=";
        }
    }
    return std::nullopt;
}

/// t=, x= and l=.
std::optional<std::string> read_numbers(const tag_list& tags, wall_time now, signature& s)
{
    std::optional<std::uint64_t> t;
    std::optional<std::uint64_t> x;
    for (const auto& [name, target] :
         {std::pair("t", &t), std::pair("x", &x), std::pair("l", &s.body_bytes)})
    {
        const auto value = tags.find(name);
        *target = value ? parse_number(*value) : std::nullopt;
        if (value && !*target)
        {
            return std::string(name) + "= is no number";
        }
    }
    const auto seconds_now =
        static_cast<std::uint64_t>(std::max<std::int64_t>(to_unix_ms(now), 0) / 1000);
    if (t && x && *x < *t)
    {
        return "x= is before t=";
    }
    if (x && *x < seconds_now)
    {
        return "the signature has expired";
    }
    if (t && *t > seconds_now + static_cast<std::uint64_t>(clock_drift_max.count()))
    {
        return "t= lies in the future";
    }
    return std::nullopt;
}

std::optional<std::string> read_values(const tag_list& tags, signature& s)
{
    const auto value = decode_base64_value(*tags.find("b"));
    const auto body_hash = decode_base64_value(*tags.find("bh"));
    if (!value || value->empty())
    {
        return "b= is not base64";
    }
    if (!body_hash || body_hash->size() != crypto::digest_bytes)
    {
        return "bh= is not the base64 of a SHA-256 digest";
    }
    s.value = *value;
    s.body_hash = *body_hash;
    s.signed_names = split_list(*tags.find("h"));
    if (s.signed_names.size() > signed_names_max ||
        std::any_of(s.signed_names.begin(), s.signed_names.end(),
                    [](std::string_view name) { return name.empty(); }))
    {
        return "h= is not a list of field names";
    }
    if (std::none_of(s.signed_names.begin(), s.signed_names.end(),
                     [](std::string_view name) { return same_name(name, "from"); }))
    {
        return "From is not signed";
    }
    return std::nullopt;
}

/// The reason to refuse, in the order of section 6.1.1.
std::optional<std::string> read_tags(const tag_list& tags, wall_time now, signature& s)
{
    for (const char* name : {"v", "a", "b", "bh", "d", "h", "s"})
    {
        if (!tags.find(name))
        {
            return std::string(name) + "= is missing";
        }
    }
    if (*tags.find("v") != "1")
    {
        return "v= is unknown";
    }
    if (const auto q = tags.find("q"); q && !list_names(*q, "dns/txt"))
    {
        return "q= names no lookup we know";
    }
    auto refused = read_algorithm(tags, s);
    if (!refused)
    {
        refused = read_canonicalizations(tags, s);
    }
    if (!refused)
    {
        refused = read_names(tags, s);
    }
    if (!refused)
    {
        refused = read_values(tags, s);
    }
    return refused ? refused : read_numbers(tags, now, s);
}

} // namespace

std::string key_name(const signature& s)
{
    return s.selector + "._domainkey." + s.domain;
}

std::optional<signature> read_signature(std::string_view text, wall_time now, verify_result& out)
{
    const auto tags = tag_list::parse(text.substr(text.find(':') + 1));
    if (!tags)
    {
        out.result = verdict::neutral;
        out.reason = "the field is not a tag list";
        return std::nullopt;
    }
    out.domain = tags->find("d").value_or("");
    out.selector = tags->find("s").value_or("");
    out.algorithm = tags->find("a").value_or("");
    signature s;
    if (auto refused = read_tags(*tags, now, s))
    {
        out.result = verdict::permerror;
        out.reason = std::move(*refused);
        return std::nullopt;
    }
    return s;
}

} // namespace hikyaku::dkim
