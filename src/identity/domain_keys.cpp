#include "domain_keys.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/secret_box.h>
#include <hikyaku/crypto/secret_text.h>
#include <hikyaku/dkim/verify.h>

#include <algorithm>
#include <charconv>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view seal_purpose = "dkim private key v1";

/// Where a sealed key belongs: it does not open as that of another tenant, domain or selector.
std::string seal_context(const sender_domain& d, std::string_view selector)
{
    std::string out;
    put_be(out, d.tenant.value);
    put_be(out, d.id);
    out += selector;
    return out;
}

constexpr std::string_view selector_prefix = "hk";
constexpr unsigned generations_max = 1'000'000;

} // namespace

std::string make_selector(unsigned generation, dkim::algorithm kind)
{
    return std::string(selector_prefix) + std::to_string(generation) +
           (kind == dkim::algorithm::rsa_sha256 ? "r" : "e");
}

unsigned next_generation(const sender_domain& d)
{
    unsigned last = 0;
    for (const auto& key : d.keys)
    {
        unsigned generation = 0;
        const char* begin = key.selector.data() + selector_prefix.size();
        const char* end = key.selector.data() + key.selector.size();
        if (key.selector.starts_with(selector_prefix) &&
            std::from_chars(begin, end, generation).ec == std::errc() &&
            generation < generations_max)
        {
            last = std::max(last, generation);
        }
    }
    return last + 1;
}

result<dkim_key_row, failure> make_domain_key(const crypto::master_key& master,
                                              const sender_domain& d, dkim::algorithm kind,
                                              unsigned generation)
{
    auto key = dkim::signing_key::generate(kind);
    if (key.has_error())
    {
        return key.error();
    }
    dkim_key_row row;
    row.selector = make_selector(generation, kind);
    row.kind = kind;
    row.dns_text = key->dns_record();
    std::string pem = key->to_pem();
    row.sealed_private_key = crypto::seal(master, seal_purpose, pem, seal_context(d, row.selector));
    crypto::wipe(pem);
    const auto proven = dkim::probe(
        {d.domain, row.selector, std::make_shared<const dkim::signing_key>(std::move(*key))});
    if (proven.has_error())
    {
        return proven.error();
    }
    return row;
}

result<std::vector<dkim::identity>, failure> open_domain_keys(const crypto::master_key& master,
                                                              const sender_domain& d)
{
    std::vector<dkim::identity> out;
    for (const auto& row : d.keys)
    {
        if (row.state != key_state::active)
        {
            continue;
        }
        const auto because = [&](const failure& f)
        { return failure{"DKIM key " + row.selector + " of " + d.domain + ": " + f.text}; };
        auto pem = crypto::open(master, seal_purpose, row.sealed_private_key,
                                seal_context(d, row.selector));
        if (pem.has_error())
        {
            return because(pem.error());
        }
        auto key = dkim::signing_key::from_pem(*pem);
        crypto::wipe(*pem);
        if (key.has_error())
        {
            return because(key.error());
        }
        if (key->dns_record() != row.dns_text)
        {
            return because(failure{"the stored record is that of another key"});
        }
        dkim::identity who{d.domain, row.selector,
                           std::make_shared<const dkim::signing_key>(std::move(*key))};
        const auto proven = dkim::probe(who);
        if (proven.has_error())
        {
            return because(proven.error());
        }
        out.push_back(std::move(who));
    }
    std::sort(
        out.begin(), out.end(), [](const auto& a, const auto& b)
        { return std::pair(a.key->kind(), a.selector) < std::pair(b.key->kind(), b.selector); });
    if (out.empty())
    {
        return failure{d.domain + " has no DKIM key"};
    }
    return out;
}

} // namespace hikyaku::identity
