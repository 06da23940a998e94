#pragma once

#include <string_view>

#include "shard.h"

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/queue/fact.h>

namespace hikyaku::delivery
{

// What a failure means, put into its fact: `cls` is the word of bounce::reply_class, or one of
// ours where no peer spoke: lost_after_dot, not_sendable, refused_address.

/// A recipient whose replies are permanent, but passing by their class, is tried so often at most
/// (about eight hours by the default schedule): a site that says no is not asked for days.
inline constexpr std::uint32_t permanent_attempts_max = 8;

/// Of a transaction. A permanent reply that the classifier takes for a passing matter becomes a
/// deferral. @pre f.what, f.mx, f.domain and f.attempt are set
void classify(queue::fact& f, const bounce::classifier& c, const smtp::transaction_result& result);

/// Of a connection that never came to a message.
void classify_end(queue::fact& f, const bounce::classifier& c, const session_report& report);

/// Of a domain that mail can't go to: one that does not exist, or wants none, is no address.
[[nodiscard]] bounce::contact_effect effect_of_lookup(dns::lookup_status status) noexcept;

/// Of an expiry, by the class of the last attempt: counts when the recipient was the reason.
[[nodiscard]] std::uint8_t effect_of_expiry(std::string_view cls) noexcept;

} // namespace hikyaku::delivery
