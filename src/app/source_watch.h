#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/base/time.h>
#include <hikyaku/queue/usage_rows.h>
#include <hikyaku/resolver/source_check.h>
#include <hikyaku/shaping/source_table.h>

namespace hikyaku::app
{

/// What was found last about one source, and when.
struct source_check_result
{
    resolver::source_finding what;
    wall_time at{};
};

struct source_watch_options
{
    /// 0: never.
    milliseconds every = std::chrono::hours{1};
    std::vector<std::string> dnsbl;
};

/// Asks DNS about the sources in the background: now and then, and whenever sources or options have
/// changed. A finding that changes is an event in the log: `source_listed` (error) for an address
/// in a block list, `source_check_failed` (warning), `source_check_ok`, `source_check_unknown`.
/// Thread-safe.
class source_watch
{
public:
    using table_ptr = std::shared_ptr<const shaping::source_table>; // shared: it is replaced live

    /// @param clock_source, dns_servers  outlive the object; dns_servers: any thread
    source_watch(const clock& clock_source, std::function<std::vector<std::string>()> dns_servers);
    /// stop()
    ~source_watch();
    source_watch(const source_watch&) = delete;
    source_watch& operator=(const source_watch&) = delete;

    /// Other sources or options from now on; they are checked at once. What is known of sources and
    /// lists that stay is kept until then.
    void set(table_ptr sources, source_watch_options options);
    /// Starts the background thread.
    void run();
    /// Ends it, and checks under way. Idempotent.
    void stop();
    /// One round now, in the caller's thread.
    void check_all();

    /// Of every source in the table, in its order; none before the first round.
    [[nodiscard]] std::vector<source_check_result> findings() const;
    [[nodiscard]] table_ptr sources() const;

private:
    void loop();
    void keep(std::vector<resolver::source_finding> found, const table_ptr& of);
    [[nodiscard]] bool stopping() const;

    const clock& clock_;
    std::function<std::vector<std::string>()> dns_servers_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool due_ = false;
    table_ptr sources_;
    source_watch_options options_;
    std::vector<source_check_result> findings_;
    std::thread thread_;
};

/// A source of the pool is in warm-up on that day. An unknown pool is the default one.
[[nodiscard]] bool is_warming(const shaping::source_table& sources, const std::string& pool,
                              shaping::day_number today);

/// Sites of a source in warm-up that are shown, those that used most first.
inline constexpr std::size_t warm_up_sites_shown_max = 100;

/// `GET /platform/v1/sources`.
/// @param stored  what the queue's platform rows say of numbers and of what warm-ups have used
[[nodiscard]] json::array sources_to_json(const shaping::source_table& sources,
                                          const std::vector<source_check_result>& findings,
                                          const queue::platform_rows& stored,
                                          shaping::day_number today, int offset_minutes);
/// `GET /platform/v1/pools`.
[[nodiscard]] json::array pools_to_json(const shaping::source_table& sources,
                                        shaping::day_number today);

} // namespace hikyaku::app
