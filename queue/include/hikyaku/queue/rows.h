#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/queue/types.h>

namespace hikyaku::queue
{

/// States of a campaign as the queue sees it. Values are stored.
enum class campaign_state : std::uint8_t
{
    draft = 1,
    scheduled = 2,
    expanding = 3,
    sending = 4,
    paused = 5,
    finished = 6,
    cancelled = 7,
};
[[nodiscard]] std::string_view to_string(campaign_state s) noexcept;

/// The C row: written by the control plane, under the tenant's gate.
struct lifecycle
{
    campaign_state state = campaign_state::draft;
    /// Rises with every change of state or content: what a session compares before it sends.
    std::uint32_t generation = 0;
    std::uint32_t content_version = 0;
    wall_time send_at{};
    /// Nothing is tried after this; what is left is expired (or unknown).
    wall_time expires_at{};
    /// Paused while it was still expanding: resume goes on there.
    bool expansion_open = false;
    /// Ahead of broadcasts when a site has room for one only.
    bool transactional = false;
    /// It has ended and its lanes are gone: nothing is left to do, also after a restart.
    bool closed = false;
    friend bool operator==(const lifecycle&, const lifecycle&) = default;
};

/// The E row: written by expansion only, one batch per page.
struct expansion_state
{
    /// Where the next page starts: the audience's own cursor (an ordinal, a file offset).
    std::string cursor;
    /// Audience members counted so far; recipients are those that were not left out.
    std::uint64_t audience = 0;
    std::uint64_t recipients = 0;
    /// Left out before they became recipients, by reason.
    std::uint64_t duplicates = 0;
    std::uint64_t no_address = 0;
    std::uint64_t invalid_address = 0;
    bool complete = false;
    friend bool operator==(const expansion_state&, const expansion_state&) = default;
};

[[nodiscard]] std::string encode(const lifecycle& l);
[[nodiscard]] std::string encode(const expansion_state& e);
[[nodiscard]] std::string encode(const counters& c);
[[nodiscard]] std::optional<lifecycle> decode_lifecycle(std::string_view bytes);
[[nodiscard]] std::optional<expansion_state> decode_expansion(std::string_view bytes);
[[nodiscard]] std::optional<counters> decode_counters(std::string_view bytes);

/// The D row's value.
struct deferred_row
{
    attempt_state state;
    domain_id domain;
    /// Below ranks_max.
    std::uint8_t rank = 0;
};
[[nodiscard]] std::string encode(const deferred_row& d);
[[nodiscard]] std::optional<deferred_row> decode_deferred(std::string_view bytes);

} // namespace hikyaku::queue
