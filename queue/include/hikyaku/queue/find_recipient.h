#pragma once

#include <cstdint>
#include <optional>

#include <hikyaku/base/result.h>
#include <hikyaku/queue/types.h>
#include <hikyaku/store/reader.h>

namespace hikyaku::queue
{

/// Where a recipient stands on disk.
struct recipient_place
{
    /// It has its end, which is a fact; nothing of it is left in the queue.
    bool settled = false;
    /// When it is tried again; {} before its first attempt.
    wall_time due{};
    attempt_state state;
    /// Recipients of the lane that are handed out before it, at most.
    std::uint64_t ahead = 0;
};

/// Looks a recipient of a campaign up by its routing domain: in that domain's lane, then in the
/// tail lane the domain shares. Reads rows of the lane up to the recipient (a few ms a million);
/// any thread.
/// @returns nullopt when the campaign has no such recipient
/// @error the store can't be read
[[nodiscard]] result<std::optional<recipient_place>>
find_recipient(const store::reader& queue, const campaign_ref& c, domain_id domain, ordinal who);

} // namespace hikyaku::queue
