#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/queue/types.h>
#include <hikyaku/store/reader.h>

namespace hikyaku::campaign
{

struct waiting_page
{
    std::vector<ordinal> who;
    /// Where to go on; empty at the end.
    std::string next;
};

/// Recipients that had no first attempt yet (or whose first is under way), lane by lane.
/// @param from  empty, or `next` of the page before
/// @error the text is no such cursor, or the store can't be read
[[nodiscard]] result<waiting_page, failure> find_waiting(const store::reader& queue,
                                                         const queue::campaign_ref& c,
                                                         const std::string& from,
                                                         std::size_t limit);

} // namespace hikyaku::campaign
