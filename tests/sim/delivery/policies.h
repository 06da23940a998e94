#pragma once

#include "promises.h"

namespace hikyaku::sim
{

/// Sources, rules, a provider, quotas and warm-ups, as the seed wants them. Before sites are made.
void make_policies(world& w, bool calm, expectations& e);

/// What an operator does at some time: suspends, resumes, retries and bounces.
void plan_orders(world& w, const std::vector<std::string>& sites);

/// A backlog of broadcasts on few connections, and transactional mail that comes in between.
void make_urgent(world& w, expectations& e);

} // namespace hikyaku::sim
