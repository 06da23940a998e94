// outcome DIRECTORY [outcomes]: CPU microseconds per recipient from taking the lease to the outcome
// being durable (queue rows, fact block, journal, group commit with fsync), in groups of 50. The
// store is made in DIRECTORY/outcome-bench and left there. Prints JSON.
#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/resource.h>

namespace
{

using namespace hikyaku;

constexpr std::size_t group = 50;
constexpr std::size_t page = 32'768;
const queue::campaign_ref ref{tenant_id{1}, campaign_id{1}};

double cpu_us()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto us = [](const timeval& t)
    { return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec); };
    return us(used.ru_utime) + us(used.ru_stime);
}

void expand(store::database& db, queue::active_queue& q, std::size_t recipients)
{
    queue::lifecycle life;
    life.state = queue::campaign_state::sending;
    life.expires_at = system_clock().wall() + std::chrono::hours{72};
    q.open_campaign(ref, life, {});
    queue::expander pages(db.queue(), ref);
    queue::expansion_state state;
    while (state.recipients < recipients)
    {
        std::vector<queue::chunk_entry> entries;
        for (std::size_t i = std::min<std::size_t>(page, recipients - state.recipients); i > 0; --i)
        {
            state.recipients += 1;
            entries.push_back(
                {ordinal{static_cast<std::uint32_t>(state.recipients)}, domain_id{1}});
        }
        state.complete = state.recipients == recipients;
        store::record rows(ref.tenant);
        const auto grown = pages.add_page(entries, state, rows).value();
        db.commit(std::move(rows), store::commit_class::bulk);
        (void)q.grow(ref, state, grown);
    }
}

/// What a delivered message records, as a session fills it in.
queue::fact make_fact(ordinal who)
{
    queue::fact f;
    f.at = system_clock().wall();
    f.recipient = "recipient." + std::to_string(who.value) + "@one.test";
    f.domain = "one.test";
    f.site = "mx.one.test";
    f.mx = "mx.one.test";
    f.source = "default";
    f.attempt = 1;
    f.code = 250;
    f.enhanced = "2.0.0";
    f.reply = "Ok: queued";
    f.stage = "final_dot";
    f.bytes = 12'345;
    f.connect_ms = 1;
    f.session_ms = 12;
    f.dkim = {"sender.test hk1r rsa-sha256"};
    f.id_domain = "sender.test";
    return f;
}

} // namespace

int main(int argc, char** argv)
{
    const long wanted = argc == 3 ? std::atol(argv[2]) : 50'000;
    if (argc < 2 || argc > 3 || wanted < 1)
    {
        std::fputs("usage: outcome DIRECTORY [outcomes]\n", stderr);
        return 2;
    }
    store::options options;
    options.path = std::string(argv[1]) + "/outcome-bench";
    const auto db = store::database::open(options).value();
    store::record family(platform_tenant);
    family.create_family(ref.tenant);
    db->commit(std::move(family), store::commit_class::control);
    queue::active_queue q(*db);
    const auto recipients = static_cast<std::size_t>(wanted);
    expand(*db, q, recipients);
    const auto lanes = q.take_new_lanes();
    const auto now = system_clock().wall();
    std::size_t settled = 0;
    const double begun = cpu_us();
    while (settled < recipients)
    {
        std::vector<queue::lease> leases;
        for (const auto lane : lanes)
        {
            (void)q.take(lane, group - leases.size(), now, leases);
        }
        std::vector<queue::outcome> outcomes;
        outcomes.reserve(leases.size());
        for (const auto& l : leases)
        {
            outcomes.push_back({l, make_fact(l.who), {}});
        }
        settled += leases.size();
        for (auto& s : q.settle(outcomes))
        {
            db->commit(std::move(s.rows), store::commit_class::outcome);
        }
        if (leases.empty())
        {
            std::fputs("outcome: the queue handed out too little\n", stderr);
            return 1;
        }
    }
    std::printf("{\"outcomes\":%zu,\"outcome_us\":%.2f}\n", settled,
                (cpu_us() - begun) / static_cast<double>(settled));
    return q.pending(ref) == 0 ? 0 : 1;
}
