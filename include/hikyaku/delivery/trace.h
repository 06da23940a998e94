#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/time.h>

namespace hikyaku::delivery
{

/// One thing that was said on a connection.
struct trace_event
{
    enum class kind
    {
        connecting,
        sent,
        received,
        /// A message's octets, counted, not shown.
        body,
        tls,
        closed,
    };
    wall_time at{};
    std::uint64_t session = 0;
    std::string site;
    std::string mx;
    std::string source;
    kind what = kind::sent;
    /// Without line ends; control characters are shown as "?". At most trace_text_max bytes.
    std::string text;
    std::uint64_t bytes = 0;
};
inline constexpr std::size_t trace_text_max = 1024;
/// "connecting", "sent", …
[[nodiscard]] std::string_view to_string(trace_event::kind k) noexcept;

/// What one listener has not read yet. Holds at most `events_max`: a listener that is too slow
/// loses the oldest and is told how many.
class trace_subscription
{
public:
    static constexpr std::size_t events_max = 4096;

    explicit trace_subscription(std::string site) : site_(std::move(site)) {}
    [[nodiscard]] const std::string& site() const noexcept { return site_; }
    /// Takes what is there; waits at most `timeout` for the first. Any thread but a session's.
    [[nodiscard]] std::vector<trace_event> take(milliseconds timeout);
    /// Events lost since the last call.
    [[nodiscard]] std::uint64_t take_lost();

private:
    friend class trace_hub;
    void push(const trace_event& e);

    const std::string site_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<trace_event> waiting_;
    std::uint64_t lost_ = 0;
};

/// Carries SMTP dialogues from sessions to whoever watches a site. Thread-safe; costs one relaxed
/// load per line while nobody listens.
class trace_hub
{
public:
    static constexpr std::size_t listeners_max = 16;

    /// Listens to a site (its key, or any one of its MX hosts) until the pointer is dropped;
    /// nullptr when there are listeners_max already.
    [[nodiscard]] std::shared_ptr<trace_subscription> subscribe(std::string site);
    [[nodiscard]] bool anybody() const noexcept
    {
        return listeners_.load(std::memory_order_relaxed) > 0;
    }
    void publish(const trace_event& e);

private:
    std::atomic<unsigned> listeners_{0};
    std::mutex mutex_;
    std::vector<std::weak_ptr<trace_subscription>> subscriptions_;
};

/// Cleans and cuts a line for a trace_event.
[[nodiscard]] std::string trace_text(std::string_view line);

} // namespace hikyaku::delivery
