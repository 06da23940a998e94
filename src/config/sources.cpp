#include "sources.h"

#include <hikyaku/config/options.h>

namespace hikyaku::config
{

result<shaping::source_table, shaping::source_errors> build_source_table(const settings& s)
{
    std::vector<shaping::source_rule> sources;
    for (const auto& from : s.sources)
    {
        sources.push_back({from.name, from.address_v4, from.address_v6, from.ehlo_name,
                           from.ptr_names, from.warm_up});
    }
    std::vector<shaping::pool_request> pools;
    for (const auto& [name, members] : s.pools)
    {
        auto& pool = pools.emplace_back();
        pool.name = name;
        for (const auto& m : members)
        {
            pool.members.push_back({m.source, m.weight});
        }
    }
    // The host name is filled in after the check; until then any will do.
    return shaping::source_table::make(std::move(sources), pools,
                                       s.hostname.empty() ? "localhost" : s.hostname);
}

shaping::source_table make_source_table(const settings& s)
{
    return build_source_table(s).value();
}

} // namespace hikyaku::config
