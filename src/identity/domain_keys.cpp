#include "domain_keys.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/secret_box.h>
#include <hikyaku/crypto/secret_text.h>
#include <hikyaku/dkim/verify.h>

#include <algorithm>

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

} // namespace

result<dkim_key_row, failure> make_domain_key(const crypto::master_key& master,
                                              const sender_domain& d, dkim::algorithm kind)
{
    auto key = dkim::signing_key::generate(kind);
    if (key.has_error())
    {
        return key.error();
    }
    dkim_key_row row;
    row.selector = kind == dkim::algorithm::rsa_sha256 ? rsa_selector : ed25519_selector;
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
