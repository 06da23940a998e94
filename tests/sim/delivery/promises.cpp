#include "history.h"

#include <algorithm>
#include <map>

namespace hikyaku::sim
{
namespace
{

/// A session that is at work ends its transaction when the campaign expires meanwhile.
constexpr milliseconds after_expiry_max{60'000};

using facts_of_person = std::map<std::uint32_t, std::vector<queue::fact>>;

struct campaign_facts
{
    facts_of_person by_person;
    std::uint64_t by_disposition[queue::dispositions_max] = {};
};

bool ends(const queue::fact& f)
{
    return queue::is_final(f.what) ||
           (f.what == queue::disposition::unknown && f.next_try == wall_time{});
}

std::map<queue::campaign_ref, campaign_facts> read_facts(world& w)
{
    std::map<queue::campaign_ref, campaign_facts> all;
    for (const auto tenant : w.db().tenants())
    {
        const auto store = w.db().find_tenant(tenant);
        for (auto at = store->scan_prefix(std::string(1, queue::fact_kind)); at.valid(); at.next())
        {
            const auto facts = queue::decode_facts(at.value());
            if (!facts)
            {
                w.report("a fact block is damaged");
                continue;
            }
            for (const auto& f : *facts)
            {
                auto& of = all[{tenant, f.campaign}];
                of.by_disposition[static_cast<std::size_t>(f.what)] += ends(f) ? f.count : 0;
                if (f.who.value != 0)
                {
                    of.by_person[f.who.value].push_back(f);
                }
            }
        }
    }
    return all;
}

void check_end(world& w, const history& h)
{
    const auto endings = std::count_if(h.facts.begin(), h.facts.end(), ends);
    if (endings > 1)
    {
        w.report(h.name() + " ended " + std::to_string(endings) + " times");
    }
    const auto accepted = static_cast<std::size_t>(
        std::count_if(h.dots.begin(), h.dots.end(), [](const auto& d) { return d.accepted; }));
    const auto unknown =
        static_cast<std::size_t>(std::count_if(h.facts.begin(), h.facts.end(), [](const auto& f)
                                               { return f.what == queue::disposition::unknown; }));
    const bool delivered = std::any_of(h.facts.begin(), h.facts.end(), [](const auto& f)
                                       { return f.what == queue::disposition::delivered; });
    const bool was_unknown = unknown > 0 && h.facts.back().what != queue::disposition::unknown;
    if (was_unknown && (h.facts.back().what == queue::disposition::expired ||
                        h.facts.back().what == queue::disposition::cancelled))
    {
        w.report(h.name() + " may have got the message, but ends as " +
                 std::string(queue::to_string(h.facts.back().what)));
    }
    if (delivered && accepted == 0)
    {
        w.report(h.name() + " is delivered, but no server took it");
    }
    const auto in_doubt = h.in_doubt();
    if (accepted > 1 + unknown + in_doubt)
    {
        w.report(h.name() + " got " + std::to_string(accepted) + " messages, " +
                 std::to_string(unknown + in_doubt) + " could be repeats");
    }
    if (!delivered && accepted > unknown + in_doubt)
    {
        w.report(h.name() + " got the message, but is not delivered");
    }
    // An orderly restart forgets what an outage before it left in doubt (README.md).
    if (accepted > 1 && delivered && !w.restarted_after_cut() && !h.facts.back().dup_possible)
    {
        w.report(h.name() + " got the message twice and nobody says so");
    }
}

void check_times(world& w, const history& h, const expectations& e)
{
    for (const auto& d : h.dots)
    {
        if (d.sent > h.who.suppressed_at)
        {
            w.report(h.name() + " got a message after its suppression");
        }
        for (const auto& [from, to] : h.campaign.silent)
        {
            if (d.sent > from && d.sent < to)
            {
                w.report(h.name() + " got a message while its campaign was stopped");
            }
        }
        if (!e.clock_jumped && d.sent_wall > h.campaign.life.expires_at + after_expiry_max)
        {
            w.report(h.name() + " got a message after the expiry");
        }
    }
}

/// The retry of a message whose end is unknown is the same message.
void check_bytes(world& w, const history& h)
{
    std::size_t at = 0;
    for (const auto& f : h.facts)
    {
        if (f.stage != "final_dot")
        {
            continue;
        }
        if (h.in_doubt() == 0 && f.what == queue::disposition::unknown && at + 1 < h.dots.size() &&
            h.dots[at].message != h.dots[at + 1].message)
        {
            w.report(h.name() + ": the retry after an unknown end is another message");
        }
        ++at;
    }
}

/// At most one message of a connection may be in the air when the power is cut.
void check_in_doubt(world& w, const std::vector<history>& all)
{
    std::map<std::uint64_t, std::string> by_connection;
    for (const auto& h : all)
    {
        const auto in_doubt = h.in_doubt();
        std::map<unsigned, const dot_record*> last_of_life;
        for (const auto& d : h.dots)
        {
            last_of_life[d.life] = &d;
        }
        std::vector<const dot_record*> candidates;
        for (const auto life : w.cut_lives())
        {
            if (last_of_life.contains(life))
            {
                candidates.push_back(last_of_life[life]);
            }
        }
        if (in_doubt > candidates.size())
        {
            w.report(h.name() + ": an attempt was never written");
        }
        else if (in_doubt == candidates.size())
        {
            for (const auto* d : candidates)
            {
                const auto [at, fresh] = by_connection.try_emplace(d->connection, h.name());
                if (!fresh)
                {
                    w.report("connection " + std::to_string(d->connection) +
                             " had two messages in the air at a power cut: " + at->second +
                             " and " + h.name());
                }
            }
        }
    }
}

} // namespace

void check_promises(world& w, const expectations& e)
{
    const auto facts = read_facts(w);
    static const std::vector<queue::fact> no_facts;
    static const std::vector<dot_record> no_dots;
    std::vector<history> all;
    for (const auto& c : w.people().campaigns())
    {
        if (!c.finished)
        {
            w.report("campaign " + std::to_string(c.ref.campaign.value) + " never ends");
            return;
        }
        const auto of = facts.find(c.ref);
        for (std::size_t d = 0; d < queue::dispositions_max && of != facts.end(); ++d)
        {
            if (of->second.by_disposition[d] != c.counts.final_by[d])
            {
                w.report("campaign " + std::to_string(c.ref.campaign.value) + ": " +
                         std::to_string(c.counts.final_by[d]) + " " +
                         std::string(queue::to_string(static_cast<queue::disposition>(d))) +
                         ", its facts say " + std::to_string(of->second.by_disposition[d]));
            }
        }
        for (const auto& p : c.people)
        {
            const auto dots = w.wire().dots().find(p.address);
            const auto* mine = of == facts.end() ? nullptr : &of->second.by_person;
            const bool known = mine != nullptr && mine->contains(p.who.value);
            all.push_back({c, p, known ? mine->at(p.who.value) : no_facts,
                           dots == w.wire().dots().end() ? no_dots : dots->second});
        }
    }
    for (const auto& h : all)
    {
        check_end(w, h);
        check_times(w, h, e);
        check_bytes(w, h);
    }
    check_in_doubt(w, all);
    check_sites(w, e, all);
    check_policies(w, e, all);
}

} // namespace hikyaku::sim
