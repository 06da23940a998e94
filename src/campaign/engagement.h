#pragma once

#include <cstdint>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/queue/chunk.h>
#include <hikyaku/store/database.h>

namespace hikyaku::campaign
{

/// The ranks (shaping::engagement_rank) of contacts that become recipients, one by one: by
/// engaged_at of their rows. A contact that is gone, or whose row can't be read, has the last one.
/// @error the store can't be read
[[nodiscard]] result<std::vector<std::uint8_t>, failure>
rank_by_engagement(const store::reader& tenant, const crm::schema& fields,
                   const std::vector<queue::chunk_entry>& recipients, wall_time now);

} // namespace hikyaku::campaign
