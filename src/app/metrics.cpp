#include "metrics.h"

#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace hikyaku::app
{
namespace
{

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Families in the order they are added.
class page
{
public:
    MetricFamily& family(const char* name, const char* help, MetricType type)
    {
        families_.push_back({name, help, type, {}});
        return families_.back();
    }
    void gauge(const char* name, const char* help, double value)
    {
        auto& f = family(name, help, MetricType::Gauge);
        f.metric.emplace_back();
        f.metric.back().gauge.value = value;
    }
    void counter(const char* name, const char* help, double value)
    {
        auto& f = family(name, help, MetricType::Counter);
        f.metric.emplace_back();
        f.metric.back().counter.value = value;
    }
    [[nodiscard]] std::string text() const
    {
        return prometheus::TextSerializer().Serialize(families_);
    }

private:
    std::vector<MetricFamily> families_;
};

ClientMetric::Histogram to_histogram(const duration_histogram::view& v)
{
    ClientMetric::Histogram h;
    h.sample_count = v.count;
    h.sample_sum = v.sum_s;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < v.counts.size(); ++i)
    {
        below += v.counts[i];
        const double bound = i < duration_histogram::bounds_us.size()
                                 ? static_cast<double>(duration_histogram::bounds_us[i]) / 1e6
                                 : std::numeric_limits<double>::infinity();
        h.bucket.push_back({below, bound});
    }
    return h;
}

void add_histogram(MetricFamily& f, const duration_histogram::view& v)
{
    f.metric.emplace_back();
    f.metric.back().histogram = to_histogram(v);
}

/// Resident bytes of this process.
double resident_bytes()
{
    std::ifstream in("/proc/self/statm");
    double total = 0;
    double resident = 0;
    in >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

void add_queue(page& out, const delivery::engine_view& v)
{
    auto& dispositions = out.family("hikyaku_dispositions_total",
                                    "Attempts and ends of recipients since the start, by event.",
                                    MetricType::Counter);
    for (std::uint8_t i = 1; i < queue::dispositions_max; ++i)
    {
        auto& m = dispositions.metric.emplace_back();
        m.label = {{"event", std::string(queue::to_string(static_cast<queue::disposition>(i)))},
                   {"site_class", "all"}};
        m.counter.value = static_cast<double>(v.dispositions[i]);
    }
    double deferred = 0;
    double pending = 0;
    for (const auto& c : v.campaigns)
    {
        deferred += static_cast<double>(c.counts.deferred_now);
        pending += static_cast<double>(c.pending);
    }
    const auto flying = static_cast<double>(v.in_flight);
    auto& recipients = out.family("hikyaku_queue_recipients",
                                  "Recipients without an end, by state.", MetricType::Gauge);
    const std::pair<const char*, double> states[] = {
        {"deferred", deferred},
        {"in_flight", flying},
        {"scheduled", std::max(0.0, pending - deferred - flying)}};
    for (const auto& [state, n] : states)
    {
        auto& m = recipients.metric.emplace_back();
        m.label = {{"state", state}};
        m.gauge.value = n;
    }
    auto& sessions = out.family("hikyaku_sessions", "SMTP sessions, by state.", MetricType::Gauge);
    auto& open = sessions.metric.emplace_back();
    open.label = {{"state", "open"}};
    open.gauge.value = static_cast<double>(v.sessions);
    add_histogram(out.family("hikyaku_delivery_seconds",
                             "Transactions, from MAIL to the last reply.", MetricType::Histogram),
                  v.transactions);
    out.gauge("hikyaku_delivery_held", "1 while no message may leave.", v.held ? 1 : 0);
    out.gauge("hikyaku_loop_lag_seconds", "How late the scheduler's ticks were lately.",
              v.loop_lag_ms / 1e3);
    out.gauge("hikyaku_damaged_lanes", "Lanes that can't be read.",
              static_cast<double>(v.damaged_lanes));
}

} // namespace

void metrics::observe_request(std::string_view route, unsigned, std::chrono::microseconds took)
{
    const std::lock_guard lock(mutex_);
    auto found = requests_.find(route);
    if (found == requests_.end())
    {
        found = requests_.try_emplace(std::string(route)).first;
    }
    found->second.add(took);
}

std::string metrics::text()
{
    page out;
    add_queue(out, from_.engine.view());
    for (const auto us : from_.db.take_commit_durations())
    {
        commits_.add(std::chrono::microseconds{us});
    }
    add_histogram(out.family("hikyaku_commit_seconds",
                             "Group commits, from the first wait to durable.",
                             MetricType::Histogram),
                  commits_.read());
    add_histogram(
        out.family("hikyaku_sign_seconds", "DKIM signing of a message.", MetricType::Histogram),
        from_.signing.read());
    {
        auto& f = out.family("hikyaku_http_request_seconds", "HTTP requests, by route.",
                             MetricType::Histogram);
        const std::lock_guard lock(mutex_);
        for (const auto& [route, durations] : requests_)
        {
            add_histogram(f, durations.read());
            f.metric.back().label = {{"route", route.empty() ? "none" : route}};
        }
    }
    const auto commits = from_.db.stats();
    out.counter("hikyaku_commit_groups_total", "Group commits.",
                static_cast<double>(commits.groups));
    out.counter("hikyaku_commit_records_total", "Records in them.",
                static_cast<double>(commits.records));
    out.gauge("hikyaku_commit_backlog_bytes", "Handed over and not yet durable.",
              static_cast<double>(from_.db.backlog_bytes()));
    out.gauge("hikyaku_disk_free_bytes", "Free bytes of the data directory's file system.",
              static_cast<double>(from_.disk.free_bytes()));
    out.gauge("hikyaku_store_bytes", "Tables and logs of the store.",
              static_cast<double>(from_.db.disk_bytes()));
    out.gauge("process_resident_memory_bytes", "Resident memory.", resident_bytes());
    return out.text();
}

} // namespace hikyaku::app
