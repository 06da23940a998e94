#pragma once

#include <string>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/identity/sender_domain.h>

namespace hikyaku::identity
{

/// Keys of one domain, of any state.
inline constexpr std::size_t keys_per_domain_max = 16;

/// What the servers say of a pending key's record.
struct key_sighting
{
    enum class kind : std::uint8_t
    {
        /// Every server shows it.
        seen,
        /// At least one shows something else, or nothing.
        missing,
        /// At least one gave no answer, and none shows anything else.
        unknown,
    };
    std::string selector;
    kind what = kind::unknown;
    /// The longest one among the servers.
    seconds ttl{0};
};

/// One step of a key.
struct key_event
{
    std::string selector;
    key_state from{};
    key_state to{};
    friend bool operator==(const key_event&, const key_event&) = default;
};

struct key_changes
{
    std::vector<key_event> events;
    /// The rows differ from before, with or without an event.
    bool changed = false;
};

/// Brings keys forward: pending keys become active together, once each has been seen without a gap
/// for at least its TTL (older "no such record" answers have then left the caches that saw it);
/// the active ones then retire; retired ones are gone after `retire_after`, and their private keys
/// are erased. A record that is missing starts the wait anew; no answer keeps it. Pure.
key_changes advance_keys(std::vector<dkim_key_row>& keys, const std::vector<key_sighting>& seen,
                         wall_time now, milliseconds retire_after);

/// Whether advance_keys() may have something to do without any sighting.
[[nodiscard]] bool has_expired_key(const std::vector<dkim_key_row>& keys, wall_time now,
                                   milliseconds retire_after);

} // namespace hikyaku::identity
