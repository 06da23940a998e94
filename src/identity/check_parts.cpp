#include "check_parts.h"

#include <hikyaku/dns/dmarc.h>
#include <hikyaku/dns/name.h>

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

using dns::record_type;
using dns::rrset_status;

/// Nothing was learnt.
bool failed(const dns::rrset& answer)
{
    return answer.status == rrset_status::failed;
}

std::vector<std::string> texts_of(const dns::rrset& answer)
{
    std::vector<std::string> out;
    for (const auto& r : answer.records)
    {
        if (const auto* txt = std::get_if<dns::txt_data>(&r.data))
        {
            out.push_back(txt->text);
        }
    }
    return out;
}

check_finding start(check_kind kind, std::string about, std::string expected)
{
    check_finding f;
    f.what = kind;
    f.about = std::move(about);
    f.expected = std::move(expected);
    return f;
}

check_finding& end(check_finding& f, check_state state, std::string_view seen)
{
    f.state = state;
    f.seen = shown(seen);
    return f;
}

std::string list_hosts(const dns::rrset& mx)
{
    std::string out;
    for (const auto& r : mx.records)
    {
        if (const auto* data = std::get_if<dns::mx_data>(&r.data))
        {
            out += out.empty() ? "" : ", ";
            out += std::to_string(data->preference) + " " +
                   (data->exchange.empty() ? "." : data->exchange);
        }
    }
    return out;
}

/// RFC 7505.
bool is_null_mx(const dns::rrset& mx)
{
    return mx.records.size() == 1 &&
           std::get_if<dns::mx_data>(&mx.records.front().data) != nullptr &&
           std::get<dns::mx_data>(mx.records.front().data).exchange.empty();
}

/// The DMARC record that holds for a domain: its own, or its organisational domain's.
struct found_dmarc
{
    /// Of the DNS; empty: there was an answer.
    std::string trouble;
    std::vector<std::string> texts;
    std::string at;
};

std::optional<found_dmarc> find_dmarc(const std::string& domain, answer_book& book)
{
    const std::string parent = dns::organizational_domain(domain);
    for (const auto& at : {domain, parent})
    {
        const std::string name = "_dmarc." + at;
        const auto* answer = book.find(name, record_type::txt);
        if (answer == nullptr)
        {
            return std::nullopt;
        }
        if (failed(*answer))
        {
            return found_dmarc{answer->reason, {}, name};
        }
        auto texts = dns::find_dmarc_texts(answer->records);
        if (!texts.empty() || at == parent)
        {
            return found_dmarc{{}, std::move(texts), name};
        }
    }
    return found_dmarc{{}, {}, "_dmarc." + domain};
}

} // namespace

std::string shown(std::string_view bytes)
{
    std::string out;
    for (const char c : bytes.substr(0, domain_check::seen_bytes_max))
    {
        out.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
    if (bytes.size() > domain_check::seen_bytes_max)
    {
        out += "...";
    }
    return out;
}

maybe_finding check_dkim(const domain_check_input& in, const dkim_key_row& key, answer_book& book)
{
    const std::string name = key.selector + "._domainkey." + in.domain.domain;
    const auto* answer = book.find(name, record_type::txt);
    if (answer == nullptr)
    {
        return std::nullopt;
    }
    auto f = start(check_kind::dkim, name, key.dns_text);
    if (failed(*answer))
    {
        return end(f, check_state::unknown, answer->reason);
    }
    const auto texts = texts_of(*answer);
    std::string why = "no TXT record";
    bool same = false;
    for (const auto& text : texts)
    {
        const auto compared = compare_key_record(text, key.dns_text);
        same = same || compared.same;
        why = compared.same ? why : compared.why + ": " + text;
    }
    if (same)
    {
        // Which of several a verifier takes is not defined (RFC 6376 section 3.6.2.2).
        return texts.size() == 1 ? end(f, check_state::ok, texts.front())
                                 : end(f, check_state::warn,
                                       std::to_string(texts.size()) +
                                           " TXT records: verifiers may take a wrong one");
    }
    end(f, check_state::fail, why);
    f.record = dns_record{"TXT", name, key.dns_text, "dkim"};
    return f;
}

maybe_finding check_dmarc(const domain_check_input& in, answer_book& book)
{
    const auto found = find_dmarc(in.domain.domain, book);
    if (!found)
    {
        return std::nullopt;
    }
    auto f = start(check_kind::dmarc, found->at, "one record v=DMARC1 with p=");
    if (!found->trouble.empty())
    {
        return end(f, check_state::unknown, found->trouble);
    }
    const dns_record publish{"TXT", "_dmarc." + in.domain.domain, "v=DMARC1; p=none", "dmarc"};
    if (found->texts.size() != 1)
    {
        end(f, check_state::fail,
            found->texts.empty()
                ? "no DMARC record"
                : std::to_string(found->texts.size()) + " DMARC records: receivers use none");
        f.record = publish;
        return f;
    }
    const auto record = dns::parse_dmarc(found->texts.front());
    if (record.has_error())
    {
        end(f, check_state::fail, record.error().text + ": " + found->texts.front());
        f.record = publish;
        return f;
    }
    return end(f, check_state::ok, found->texts.front());
}

maybe_finding check_alignment(const domain_check_input& in, answer_book& book)
{
    const auto found = find_dmarc(in.domain.domain, book);
    if (!found)
    {
        return std::nullopt;
    }
    auto f = start(check_kind::alignment, in.envelope_domain,
                   "SPF and DKIM for the domain of From, " + in.domain.domain);
    if (!found->trouble.empty())
    {
        return end(f, check_state::unknown, found->trouble);
    }
    dns::dmarc_record rules;
    if (found->texts.size() == 1)
    {
        const auto record = dns::parse_dmarc(found->texts.front());
        rules = record.has_value() ? *record : rules;
    }
    // Signatures are made with d= the domain of From itself: aligned in either mode.
    if (dns::is_aligned(in.envelope_domain, in.domain.domain, rules.spf))
    {
        return end(f, check_state::ok,
                   "DKIM d=" + in.domain.domain + ", MAIL FROM " + in.envelope_domain);
    }
    return end(f, check_state::warn,
               "MAIL FROM " + in.envelope_domain +
                   (rules.spf == dns::alignment_mode::strict
                        ? " is not " + in.domain.domain + " itself, as aspf=s asks"
                        : " is of another organisation") +
                   ": only DKIM is aligned");
}

maybe_finding check_from_mx(const domain_check_input& in, answer_book& book)
{
    const auto& domain = in.domain.domain;
    auto f = start(check_kind::from_mx, domain, "an MX or address record, so that replies arrive");
    const auto* mx = book.find(domain, record_type::mx);
    if (mx == nullptr)
    {
        return std::nullopt;
    }
    if (is_null_mx(*mx))
    {
        return end(f, check_state::fail, "a null MX: the domain takes no mail");
    }
    if (!mx->records.empty())
    {
        return end(f, check_state::ok, "MX " + list_hosts(*mx));
    }
    const auto* a = book.find(domain, record_type::a);
    const auto* aaaa = book.find(domain, record_type::aaaa);
    if (a == nullptr || aaaa == nullptr)
    {
        return std::nullopt;
    }
    if (!a->records.empty() || !aaaa->records.empty())
    {
        return end(f, check_state::ok, "an address, no MX");
    }
    for (const auto* answer : {mx, a, aaaa})
    {
        if (failed(*answer))
        {
            return end(f, check_state::unknown, answer->reason);
        }
    }
    end(f, check_state::fail, "neither MX nor address");
    f.record = dns_record{"MX", domain, "10 " + in.hostname, "from_mx"};
    return f;
}

maybe_finding check_return_path_mx(const domain_check_input& in, answer_book& book)
{
    const auto& domain = in.domain.return_path_domain;
    const auto* mx = book.find(domain, record_type::mx);
    if (mx == nullptr)
    {
        return std::nullopt;
    }
    const std::string host = dns::canonical_name(in.hostname).value_or(in.hostname);
    auto f = start(check_kind::return_path_mx, domain, "MX " + host);
    if (failed(*mx))
    {
        return end(f, check_state::unknown, mx->reason);
    }
    const auto leads_here = [&](const dns::record& r)
    {
        const auto* data = std::get_if<dns::mx_data>(&r.data);
        return data != nullptr && data->exchange == host;
    };
    const auto ours = std::count_if(mx->records.begin(), mx->records.end(), leads_here);
    if (ours > 0 && static_cast<std::size_t>(ours) == mx->records.size())
    {
        return end(f, check_state::ok, "MX " + list_hosts(*mx));
    }
    end(f, ours > 0 ? check_state::warn : check_state::fail,
        mx->records.empty() ? "no MX record" : "MX " + list_hosts(*mx));
    f.record = dns_record{"MX", domain, "10 " + host, "return_path_mx"};
    return f;
}

maybe_finding check_ptr(const source_address& source, answer_book& book)
{
    const std::string address = dns::format_ip(source.ip);
    const auto* ptr = book.find(dns::reverse_name(source.ip), record_type::ptr);
    if (ptr == nullptr)
    {
        return std::nullopt;
    }
    auto f = start(check_kind::ptr, address, "a reverse name that leads back to " + address);
    if (failed(*ptr))
    {
        return end(f, check_state::unknown, ptr->reason);
    }
    constexpr std::size_t names_max = 5;
    bool complete = true;
    bool trouble = false;
    std::string names;
    for (std::size_t i = 0; i < std::min(names_max, ptr->records.size()); ++i)
    {
        const auto* data = std::get_if<dns::ptr_data>(&ptr->records[i].data);
        if (data == nullptr)
        {
            continue;
        }
        const auto* back =
            book.find(data->target, source.ip.is_v4() ? record_type::a : record_type::aaaa);
        complete = complete && back != nullptr;
        names += (names.empty() ? "" : ", ") + data->target;
        if (back == nullptr)
        {
            continue;
        }
        trouble = trouble || failed(*back);
        const bool leads_back = std::any_of(back->records.begin(), back->records.end(),
                                            [&](const dns::record& r)
                                            {
                                                const auto* ip =
                                                    std::get_if<dns::ip_address>(&r.data);
                                                return ip != nullptr && *ip == source.ip;
                                            });
        if (leads_back)
        {
            return end(f, check_state::ok, data->target);
        }
    }
    if (!complete)
    {
        return std::nullopt;
    }
    return end(f, trouble ? check_state::unknown : check_state::warn,
               names.empty() ? "no reverse name" : names + ", which does not lead back");
}

} // namespace hikyaku::identity
