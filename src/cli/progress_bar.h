#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include <hikyaku/base/json.h>
#include <hikyaku/base/time.h>

namespace hikyaku::cli
{

/// A campaign's counts as far as the bar shows them.
struct campaign_progress
{
    std::string state;
    /// Everybody it goes to; grows while the audience is being written out.
    std::uint64_t total = 0;
    bool total_known = false;
    std::uint64_t delivered = 0;
    /// Bounced, failed, expired, cancelled, suppressed, unknown: everybody who is done otherwise.
    std::uint64_t not_delivered = 0;
    std::uint64_t bounced = 0;
    /// Waiting for a retry.
    std::uint64_t deferred = 0;

    [[nodiscard]] std::uint64_t settled() const noexcept { return delivered + not_delivered; }
    friend bool operator==(const campaign_progress&, const campaign_progress&) = default;
};

/// From the answer of GET /v1/campaigns/{id}/report; absent members are 0.
[[nodiscard]] campaign_progress read_campaign_progress(const json::object& report);

/// "[#####.....]" of `width` characters in all; a fraction beyond 0 to 1 is clamped.
/// @pre width >= 3
[[nodiscard]] std::string draw_bar(double fraction, std::size_t width);

/// Turns reports into one line each. Keeps a few seconds of them for the rate. Pure but for that:
/// times are given.
class progress_bar
{
public:
    /// The rate is that of the last reports within this time.
    static constexpr milliseconds rate_window{10'000};
    static constexpr std::size_t samples_max = 64;

    /// Notes a report. Times don't go back.
    void add(const campaign_progress& now, mono_time at);
    /// Settled recipients per second; 0 until there are two reports.
    [[nodiscard]] double rate_per_s() const noexcept;
    /// Until everybody is settled, at this rate; nullopt while it can't be told.
    [[nodiscard]] std::optional<milliseconds> time_left() const noexcept;
    /// The bar and the figures in at most `columns` characters (what does not fit is left out from
    /// the right); 0: figures only, all of them.
    [[nodiscard]] std::string line(std::size_t columns) const;

private:
    struct sample
    {
        mono_time at;
        std::uint64_t settled = 0;
    };
    campaign_progress now_;
    std::deque<sample> samples_;
};

} // namespace hikyaku::cli
