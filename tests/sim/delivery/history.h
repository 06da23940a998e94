#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "promises.h"

namespace hikyaku::sim
{

/// What was sent to one recipient and what was written about it.
struct history
{
    const campaign_model& campaign;
    const person& who;
    const std::vector<queue::fact>& facts;
    const std::vector<dot_record>& dots;

    [[nodiscard]] std::string name() const { return who.address; }
    /// Dots of which nothing was written: the power was cut while they were in the air.
    [[nodiscard]] std::size_t in_doubt() const
    {
        const auto written = std::count_if(facts.begin(), facts.end(),
                                           [](const auto& f) { return f.stage == "final_dot"; });
        return dots.size() - std::min<std::size_t>(dots.size(), static_cast<std::size_t>(written));
    }
};

/// Sources, quotas, caps, the operator's orders, transactional mail.
void check_policies(world& w, const expectations& e, const std::vector<history>& all);

/// Limits, fairness and recovery of every site.
void check_sites(world& w, const expectations& e, const std::vector<history>& all);

} // namespace hikyaku::sim
