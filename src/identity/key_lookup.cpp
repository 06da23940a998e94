#include "key_lookup.h"

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

/// What one server says of one record.
key_sighting::kind judge(const dns::rrset& answer, const std::string& ours)
{
    if (answer.status == dns::rrset_status::failed)
    {
        return key_sighting::kind::unknown;
    }
    // A second record beside ours would make verifiers choose: not good enough to switch.
    const auto is_ours = [&](const dns::record& r)
    {
        const auto* txt = std::get_if<dns::txt_data>(&r.data);
        return txt != nullptr && compare_key_record(txt->text, ours).same;
    };
    return answer.records.size() == 1 && is_ours(answer.records.front())
               ? key_sighting::kind::seen
               : key_sighting::kind::missing;
}

key_sighting::kind join(key_sighting::kind a, key_sighting::kind b)
{
    using enum key_sighting::kind;
    if (a == missing || b == missing)
    {
        return missing;
    }
    return a == unknown || b == unknown ? unknown : seen;
}

} // namespace

std::vector<key_sighting> look_for_keys(const sender_domain& d, const dns_access& dns,
                                        milliseconds timeout,
                                        const dns_access::stop_predicate& stop)
{
    std::vector<key_sighting> out;
    std::vector<const dkim_key_row*> keys;
    dns_access::questions questions;
    for (const auto& key : d.keys)
    {
        if (key.state == key_state::pending)
        {
            keys.push_back(&key);
            out.push_back({key.selector, key_sighting::kind::seen, seconds{0}});
            questions.push_back({key.selector + "._domainkey." + d.domain, dns::record_type::txt});
        }
    }
    if (keys.empty())
    {
        return out;
    }
    const auto servers = dns.ask_each_server(questions, timeout, stop);
    for (std::size_t i = 0; i < keys.size(); ++i)
    {
        out[i].what = servers.empty() ? key_sighting::kind::unknown : out[i].what;
        for (const auto& answers : servers)
        {
            out[i].what = join(out[i].what, judge(answers.at(i), keys[i]->dns_text));
            out[i].ttl = std::max(out[i].ttl, answers.at(i).ttl);
        }
    }
    return out;
}

} // namespace hikyaku::identity
