#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include <hikyaku/base/duration_histogram.h>
#include <hikyaku/delivery/engine.h>
#include <hikyaku/feedback/dead_addresses.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/feedback/intake.h>
#include <hikyaku/smtpd/server.h>
#include <hikyaku/store/database.h>
#include <hikyaku/store/disk_guard.h>

namespace hikyaku::app
{

/// The Prometheus text of GET /metrics. Thread-safe. No label per domain or tenant: routes are the
/// fixed patterns of the API.
class metrics
{
public:
    struct sources
    {
        delivery::engine& engine;
        store::database& db;
        const store::disk_guard& disk;
        const duration_histogram& signing;
        const feedback::intake& intake;
        const feedback::effects& effects;
        const feedback::dead_addresses& dead;
    };
    explicit metrics(sources from) : from_(from) {}

    /// Its counters are shown too. `inbound` outlives every text() that follows; once, at the
    /// start.
    void watch(const smtpd::server& inbound)
    {
        const std::lock_guard lock(mutex_);
        inbound_ = &inbound;
    }
    void observe_request(std::string_view route, unsigned status, std::chrono::microseconds took);
    [[nodiscard]] std::string text();

private:
    sources from_;
    std::mutex mutex_;
    const smtpd::server* inbound_ = nullptr; // null: off
    std::map<std::string, duration_histogram, std::less<>> requests_;
    duration_histogram commits_;
};

} // namespace hikyaku::app
