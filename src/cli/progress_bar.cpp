#include "progress_bar.h"

#include "figures.h"
#include "json_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t bar_width = 24;
/// A narrower terminal gets the figures only.
constexpr std::size_t columns_for_bar_min = 60;

double fraction_of(const campaign_progress& p)
{
    return p.total == 0 ? 0 : static_cast<double>(p.settled()) / static_cast<double>(p.total);
}

std::string percent(double fraction)
{
    // Rounded down: 100% means done.
    const int tenths = static_cast<int>(std::floor(std::clamp(fraction, 0.0, 1.0) * 1000));
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

} // namespace

campaign_progress read_campaign_progress(const json::object& report)
{
    campaign_progress p;
    p.state = text_of(report, "state");
    p.total_known = flag_of(report, "expansion_complete");
    const auto recipients = number_of(report, "recipients");
    p.total = p.total_known ? recipients : std::max(recipients, number_of(report, "audience"));
    p.delivered = number_of(report, "delivered");
    p.bounced = number_of(report, "bounced");
    p.not_delivered = p.bounced;
    for (const auto* name : {"unknown", "expired", "cancelled", "suppressed", "failed"})
    {
        p.not_delivered += number_of(report, name);
    }
    p.deferred = number_of(report, "deferred");
    return p;
}

std::string draw_bar(double fraction, std::size_t width)
{
    const std::size_t inner = width - 2;
    const double f = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
    const auto full = static_cast<std::size_t>(f * static_cast<double>(inner));
    return "[" + std::string(full, '#') + std::string(inner - full, '.') + "]";
}

void progress_bar::add(const campaign_progress& now, mono_time at)
{
    now_ = now;
    samples_.push_back({at, now.settled()});
    while (samples_.size() > samples_max ||
           (samples_.size() > 2 && at - samples_.front().at > rate_window))
    {
        samples_.pop_front();
    }
}

double progress_bar::rate_per_s() const noexcept
{
    if (samples_.size() < 2 || samples_.back().at <= samples_.front().at ||
        samples_.back().settled < samples_.front().settled)
    {
        return 0;
    }
    const std::chrono::duration<double> took = samples_.back().at - samples_.front().at;
    return static_cast<double>(samples_.back().settled - samples_.front().settled) / took.count();
}

std::optional<milliseconds> progress_bar::time_left() const noexcept
{
    const double rate = rate_per_s();
    if (rate <= 0 || !now_.total_known || now_.state == "paused")
    {
        return std::nullopt;
    }
    const auto left = now_.total > now_.settled() ? now_.total - now_.settled() : 0;
    // A rate of nearly nothing gives no useful time, and one that fits no integer.
    constexpr double ms_max = 365.0 * 86'400'000;
    const double ms = 1000 * static_cast<double>(left) / rate;
    return ms > ms_max ? std::nullopt : std::optional(milliseconds{static_cast<std::int64_t>(ms)});
}

std::string progress_bar::line(std::size_t columns) const
{
    std::vector<std::string> parts;
    const double f = fraction_of(now_);
    if (columns >= columns_for_bar_min)
    {
        parts.push_back(draw_bar(f, bar_width));
    }
    parts.push_back(now_.total_known && now_.total > 0 ? percent(f) : now_.state);
    parts.push_back(format_count(now_.delivered) + "/" + format_count(now_.total) + " sent");
    parts.push_back(format_rate(rate_per_s()));
    parts.push_back("deferred " + format_count(now_.deferred));
    parts.push_back("bounced " + format_count(now_.bounced));
    const auto left = time_left();
    parts.push_back("left " + (left ? format_duration(*left) : std::string("-")));
    std::string out;
    for (const auto& part : parts)
    {
        const std::string next = (out.empty() ? "" : "  ") + part;
        if (columns != 0 && out.size() + next.size() > columns)
        {
            break;
        }
        out += next;
    }
    return out;
}

} // namespace hikyaku::cli
