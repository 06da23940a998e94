#include <algorithm>
#include <utility>

#include <hikyaku/base/assert.h>

#include <hikyaku/dns/name.h>

#include "spf_machine.h"

namespace hikyaku::dns
{

void spf_check::machine::next_term()
{
    if (here().at >= here().record.directives.size())
    {
        state_ = spf_state::end_of_record;
        return;
    }
    const spf_directive& d = directive();
    if (d.target && need_client_name(*d.target, spf_state::term))
    {
        return;
    }
    if (!asks_dns(d.mechanism) || count_lookup(d.text))
    {
        evaluate(d);
    }
}

/// Sections 5.1 to 5.7.
void spf_check::machine::evaluate(const spf_directive& d)
{
    if (d.mechanism == spf_mechanism::all)
    {
        return match();
    }
    if (d.mechanism == spf_mechanism::ip4 || d.mechanism == spf_mechanism::ip6)
    {
        return is_in_network(request_.ip, d.network, d.lengths) ? match() : no_match();
    }
    if (d.mechanism == spf_mechanism::include)
    {
        return push_domain(expand_domain(*d.target, values(here())));
    }
    const auto name = target_of(d);
    if (!name)
    {
        // What can't be a name has no records (section 4.8 leaves it open).
        return no_match();
    }
    target_ = *name;
    switch (d.mechanism)
    {
    case spf_mechanism::a:
        return ask(target_, address_type(), spf_state::addresses);
    case spf_mechanism::exists:
        return ask(target_, record_type::a, spf_state::addresses);
    case spf_mechanism::mx:
        return ask(target_, record_type::mx, spf_state::mx);
    case spf_mechanism::ptr:
        client_back_.reset();
        return find_client_names();
    case spf_mechanism::all:
    case spf_mechanism::include:
    case spf_mechanism::ip4:
    case spf_mechanism::ip6:
        HK_ASSERT(false);
    }
}

/// The domain's own name without a domain-spec (section 4.8). That of "ptr" is only compared with,
/// so it may also be a single label.
std::optional<std::string> spf_check::machine::target_of(const spf_directive& d)
{
    if (!d.target)
    {
        return here().canonical;
    }
    const std::string domain = expand_domain(*d.target, values(here()));
    return d.mechanism == spf_mechanism::ptr ? canonical_query_name(domain) : name_to_ask(domain);
}

/// Section 4.6.2: the qualifier is the result. `here()` is the frame of the directive.
void spf_check::machine::match()
{
    const spf_directive& d = directive();
    finish_domain(d.result, d.text);
}

void spf_check::machine::no_match()
{
    ++here().at;
    state_ = spf_state::term;
}

/// False when it is one too many: the evaluation has then ended (section 4.6.4).
bool spf_check::machine::count_lookup(std::string_view term)
{
    if (verdict_.lookups == spf_lookups_max)
    {
        fail_with(spf_result::permerror, term,
                  "more than " + std::to_string(spf_lookups_max) + " terms ask the DNS");
        return false;
    }
    ++verdict_.lookups;
    return true;
}

/// The same for answers without records.
bool spf_check::machine::count_void(const rrset& answer)
{
    if (answer.status == rrset_status::found || ++voids_ <= spf_void_lookups_max)
    {
        return true;
    }
    fail_with(spf_result::permerror, directive().text,
              "more than " + std::to_string(spf_void_lookups_max) + " questions found nothing");
    return false;
}

/// False when the answer has ended the evaluation: a DNS error (section 5), or one void too many.
bool spf_check::machine::is_usable(const rrset& answer)
{
    if (answer.status == rrset_status::failed)
    {
        fail_with(spf_result::temperror, directive().text, answer.reason);
        return false;
    }
    return count_void(answer);
}

bool spf_check::machine::has_client_address(const rrset& answer, const cidr_lengths& lengths) const
{
    return std::any_of(answer.records.begin(), answer.records.end(),
                       [&](const record& r)
                       {
                           const auto* ip = std::get_if<ip_address>(&r.data);
                           return ip != nullptr && is_in_network(request_.ip, *ip, lengths);
                       });
}

/// Sections 5.3 and 5.7.
void spf_check::machine::on_addresses(const rrset& answer)
{
    if (!is_usable(answer))
    {
        return;
    }
    const spf_directive& d = directive();
    const bool matches = d.mechanism == spf_mechanism::exists
                             ? answer.status == rrset_status::found
                             : has_client_address(answer, d.lengths);
    return matches ? match() : no_match();
}

/// Section 5.4. Without MX records there is no match, the domain's own addresses don't count.
void spf_check::machine::on_mx(const rrset& answer)
{
    if (!is_usable(answer))
    {
        return;
    }
    std::vector<mx_data> hosts;
    for (const record& r : answer.records)
    {
        if (const auto* mx = std::get_if<mx_data>(&r.data))
        {
            hosts.push_back(*mx);
        }
    }
    if (hosts.size() > spf_names_max)
    {
        return fail_with(spf_result::permerror, directive().text,
                         "more than " + std::to_string(spf_names_max) + " MX hosts of " + target_);
    }
    std::sort(hosts.begin(), hosts.end(), [](const mx_data& x, const mx_data& y)
              { return std::tie(y.preference, y.exchange) < std::tie(x.preference, x.exchange); });
    mx_hosts_.clear();
    for (mx_data& host : hosts)
    {
        mx_hosts_.push_back(std::move(host.exchange));
    }
    state_ = spf_state::mx_host;
}

void spf_check::machine::next_mx_host()
{
    if (mx_hosts_.empty())
    {
        return no_match();
    }
    std::string host = std::move(mx_hosts_.back());
    mx_hosts_.pop_back();
    if (!host.empty())
    {
        // The root ("no mail", RFC 7505) has no addresses.
        ask(std::move(host), address_type(), spf_state::mx_addresses);
    }
}

void spf_check::machine::on_mx_addresses(const rrset& answer)
{
    if (!is_usable(answer))
    {
        return;
    }
    if (has_client_address(answer, directive().lengths))
    {
        return match();
    }
    state_ = spf_state::mx_host;
}

} // namespace hikyaku::dns
