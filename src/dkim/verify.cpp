#include "canonical.h"
#include "fields.h"
#include "key_record.h"
#include "opendkim_oracle.h"
#include "signature.h"
#include "tag_list.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/secret_text.h>
#include <hikyaku/dkim/verify.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include <openssl/err.h>
#include <openssl/rsa.h>

namespace hikyaku::dkim
{
namespace
{

constexpr std::string_view signature_name = "DKIM-Signature";

const unsigned char* bytes_of(std::string_view s)
{
    return reinterpret_cast<const unsigned char*>(s.data());
}

bool is_signed_by(const public_key& by, const crypto::digest& hash, std::string_view value)
{
    bool good = false;
    if (by.kind == algorithm::ed25519_sha256)
    {
        const md_context c(EVP_MD_CTX_new());
        good =
            c && EVP_DigestVerifyInit(c.get(), nullptr, nullptr, nullptr, by.key.get()) == 1 &&
            EVP_DigestVerify(c.get(), bytes_of(value), value.size(), hash.data(), hash.size()) == 1;
    }
    else
    {
        const pkey_context c(EVP_PKEY_CTX_new(by.key.get(), nullptr));
        good =
            c && EVP_PKEY_verify_init(c.get()) == 1 &&
            EVP_PKEY_CTX_set_rsa_padding(c.get(), RSA_PKCS1_PADDING) == 1 &&
            EVP_PKEY_CTX_set_signature_md(c.get(), EVP_sha256()) == 1 &&
            EVP_PKEY_verify(c.get(), bytes_of(value), value.size(), hash.data(), hash.size()) == 1;
    }
    ERR_clear_error();
    return good;
}

/// What the header part of a signature covers (section 3.7): the named fields, each name taking the
/// next one from below, then the signature field itself without its value.
crypto::digest hash_header(const signature& s, const std::vector<field>& fields, std::size_t self)
{
    std::string text;
    std::vector<bool> taken(fields.size(), false);
    taken[self] = true;
    for (const std::string_view name : s.signed_names)
    {
        for (std::size_t i = fields.size(); i-- > 0;)
        {
            if (!taken[i] && same_name(fields[i].name, name))
            {
                taken[i] = true;
                append_canonical_field(s.header, fields[i].text, text);
                text += "\r\n";
                break;
            }
        }
    }
    append_canonical_field(s.header, without_signature_value(fields[self].text), text);
    return crypto::sha256(text);
}

void check_hashes(const signature& s, const public_key& key, const std::vector<field>& fields,
                  std::size_t self, std::string_view body, verify_result& out)
{
    body_hasher hasher;
    const crypto::digest body_hash =
        hasher.hash(s.body, body, s.body_bytes.value_or(body_hasher::no_limit));
    if (s.body_bytes && *s.body_bytes > hasher.canonical_bytes())
    {
        out.reason = "l= is larger than the body";
        return;
    }
    out.result = verdict::fail;
    if (!crypto::constant_time_equal(crypto::as_bytes(body_hash), s.body_hash))
    {
        out.reason = "the body was changed: bh= does not match";
    }
    else if (!is_signed_by(key, hash_header(s, fields, self), s.value))
    {
        out.reason = "the header was changed, or another key signed it: b= does not match";
    }
    else
    {
        out.result = verdict::pass;
        if (s.body_bytes && *s.body_bytes < hasher.canonical_bytes())
        {
            out.reason = std::to_string(hasher.canonical_bytes() - *s.body_bytes) +
                         " bytes at the end of the body are not signed";
        }
    }
    if (key.testing)
    {
        out.reason +=
            out.reason.empty() ? "the domain is testing (t=y)" : "; the domain is testing (t=y)";
    }
}

/// One message being verified: its parts, and the keys found so far.
struct verification
{
    message_parts parts;
    std::vector<field> fields;
    wall_time now;
    const key_lookup& lookup;
    key_records records;
    std::map<std::string, lookup_error> missing;

    void find_record(const std::string& name);
    [[nodiscard]] verify_result check(std::size_t self);
};

void verification::find_record(const std::string& name)
{
    if (records.contains(name) || missing.contains(name))
    {
        return;
    }
    auto found = lookup(name);
    if (found.has_error())
    {
        missing.emplace(name, found.error());
    }
    else
    {
        records.emplace(name, std::move(*found));
    }
}

verify_result verification::check(std::size_t self)
{
    verify_result out;
    const auto s = read_signature(fields[self].text, now, out);
    if (!s)
    {
        return out;
    }
    if (fields.size() > verify_header_fields_max)
    {
        out.result = verdict::permerror;
        out.reason = "the header has too many fields";
        return out;
    }
    const std::string name = key_name(*s);
    find_record(name);
    if (const auto absent = missing.find(name); absent != missing.end())
    {
        const bool later = absent->second == lookup_error::temporary;
        out.result = later ? verdict::temperror : verdict::permerror;
        out.reason = later ? "the key could not be looked up now" : "there is no key in DNS";
        return out;
    }
    auto key = read_key_record(records.at(name), s->kind);
    if (key.has_error())
    {
        out.reason = key.error().text;
        return out;
    }
    if (key->same_domain_only && s->identity_domain != s->domain)
    {
        out.reason = "i= is a subdomain, which the key does not allow (t=s)";
        return out;
    }
    check_hashes(*s, *key, fields, self, parts.body, out);
    return out;
}

} // namespace

std::string_view to_text(verdict v) noexcept
{
    switch (v)
    {
    case verdict::pass:
        return "pass";
    case verdict::fail:
        return "fail";
    case verdict::neutral:
        return "neutral";
    case verdict::temperror:
        return "temperror";
    case verdict::permerror:
        return "permerror";
    }
    HK_ASSERT(false);
}

void throw_exception_from_error(lookup_error e, const boost::source_location&)
{
    throw std::runtime_error(e == lookup_error::not_found ? "no key record" : "no DNS answer");
}

std::vector<verify_result> verify(std::string_view message, wall_time now, const key_lookup& lookup)
{
    verification v{split_message(message), {}, now, lookup, {}, {}};
    split_fields(v.parts.header, v.fields);
    std::vector<verify_result> results;
    for (std::size_t i = 0; i < v.fields.size() && results.size() < verify_signatures_max; ++i)
    {
        if (same_name(v.fields[i].name, signature_name))
        {
            results.push_back(v.check(i));
        }
    }
    if (v.records.empty())
    {
        return results;
    }
    const auto opinions = ask_opendkim(message, v.records);
    for (std::size_t i = 0; i < std::min(opinions.size(), results.size()); ++i)
    {
        results[i].opendkim = opinions[i];
    }
    return results;
}

std::vector<std::string> key_names(std::string_view message)
{
    std::vector<field> fields;
    split_fields(split_message(message).header, fields);
    std::set<std::string> names;
    std::size_t signatures = 0;
    for (const field& f : fields)
    {
        if (!same_name(f.name, signature_name) || ++signatures > verify_signatures_max)
        {
            continue;
        }
        const auto tags = tag_list::parse(f.text.substr(f.text.find(':') + 1));
        signature s;
        s.domain = tags ? tags->find("d").value_or("") : "";
        s.selector = tags ? tags->find("s").value_or("") : "";
        if (is_host_name(s.domain) && is_host_name(s.selector))
        {
            names.insert(key_name(s));
        }
    }
    return {names.begin(), names.end()};
}

std::string with_wire_line_ends(std::string_view message)
{
    if (message.find("\r\n") != std::string_view::npos)
    {
        return std::string(message);
    }
    std::string out;
    out.reserve(message.size() + message.size() / 32);
    for (const char c : message)
    {
        out += c == '\n' ? "\r\n" : std::string_view(&c, 1);
    }
    return out;
}

} // namespace hikyaku::dkim
