#include <algorithm>
#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/dns/name.h>

#include "spf_machine.h"

namespace hikyaku::dns
{

namespace
{

/// What the p macro is without a validated name (RFC 7208 section 7.3).
constexpr const char* unknown_client = "unknown";

bool is_explaining(spf_state state)
{
    return state == spf_state::explain || state == spf_state::explained;
}

} // namespace

/// True when the p macro is needed and not known yet: the search has then begun, and ends in
/// `back`, or the evaluation has ended.
bool spf_check::machine::need_client_name(const macro_string& macros, spf_state back)
{
    if (here().client_name || !macros.wants_client_name())
    {
        return false;
    }
    // Section 4.6.4 counts the PTR question of the macro; section 6.2 leaves explanations out.
    const std::string term =
        back == spf_state::term ? directive().text : here().record.redirect_text;
    if (client_hosts_ || is_explaining(back) || count_lookup(term))
    {
        client_back_ = back;
        find_client_names();
    }
    return true;
}

/// Section 5.5.
void spf_check::machine::find_client_names()
{
    if (client_hosts_)
    {
        state_ = spf_state::client_name;
        return;
    }
    ask(reverse_name(request_.ip), record_type::ptr, spf_state::client_names);
}

void spf_check::machine::on_client_names(const rrset& answer)
{
    // The client's owner, not the domain's, is to blame: an error only means that there is no name.
    client_hosts_.emplace();
    for (const record& r : answer.records)
    {
        const auto* ptr = std::get_if<ptr_data>(&r.data);
        if (ptr != nullptr && !ptr->target.empty() && client_hosts_->size() < spf_names_max)
        {
            client_hosts_->push_back({ptr->target});
        }
    }
    const bool of_term = !client_back_ && answer.status != rrset_status::failed;
    if (!of_term || count_void(answer))
    {
        state_ = spf_state::client_name;
    }
}

/// The name to use or to ask for next: the one that is `near`, then one below it, then, for the p
/// macro, any. nullptr when all that matter are known not to be the client's.
spf_check::machine::client_host* spf_check::machine::choose_client_host(const std::string& near)
{
    client_host* best = nullptr;
    int best_rank = 0;
    for (client_host& host : *client_hosts_)
    {
        const int rank = host.name == near                 ? 3
                         : is_at_or_below(host.name, near) ? 2
                         : client_back_                    ? 1
                                                           : 0;
        if (host.validated.value_or(true) && rank > best_rank)
        {
            best = &host;
            best_rank = rank;
        }
    }
    return best;
}

void spf_check::machine::next_client_name()
{
    client_host* const host = choose_client_host(client_back_ ? *here().canonical : target_);
    if (host == nullptr || host->validated)
    {
        return end_client_search(host);
    }
    client_host_ = host;
    ask(host->name, address_type(), spf_state::client_addresses);
}

void spf_check::machine::on_client_addresses(const rrset& answer)
{
    // An error skips the name.
    client_host_->validated = has_client_address(answer, {});
    state_ = spf_state::client_name;
}

void spf_check::machine::end_client_search(const client_host* found)
{
    if (!client_back_)
    {
        return found != nullptr ? match() : no_match();
    }
    here().client_name = found != nullptr ? found->name : unknown_client;
    state_ = *client_back_;
}

} // namespace hikyaku::dns
