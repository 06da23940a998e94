#pragma once

#include "world.h"

namespace hikyaku::sim
{

/// Two campaigns with the same backlog at one site, from the same moment on.
struct fair_pair
{
    std::size_t first = 0;
    std::size_t second = 0;
    std::string site;
};

/// What a scenario says of itself.
struct expectations
{
    std::vector<fair_pair> pairs;
    /// The wall clock was set: expiry may come late.
    bool clock_jumped = false;
    /// Rules, quotas, caps or the operator may hold mail back while its site is well.
    bool held_on_purpose = false;
    /// Nothing fails and nobody interferes: what expires was kept back by the site's limits.
    bool calm = false;
    /// Transactional campaigns, each with the time within which its mail is at the server.
    std::vector<std::pair<std::size_t, milliseconds>> urgent;
};

/// So many sessions are never all in use.
inline constexpr unsigned sessions_plenty = 100;

/// Looks at a run that is over. Broken promises are reported to the world.
/// @pre the world is up and every campaign has ended, or the time was up
void check_promises(world& w, const expectations& e);

} // namespace hikyaku::sim
