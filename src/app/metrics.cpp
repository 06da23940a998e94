#include "metrics.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <tuple>
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
    add_histogram(out.family("hikyaku_delivery_seconds",
                             "Transactions, from MAIL to the last reply.", MetricType::Histogram),
                  v.transactions);
    out.gauge("hikyaku_delivery_held", "1 while no message may leave.", v.held ? 1 : 0);
    out.gauge("hikyaku_loop_lag_seconds", "How late the scheduler's ticks were lately.",
              v.loop_lag_ms / 1e3);
    out.gauge("hikyaku_damaged_lanes", "Lanes that can't be read.",
              static_cast<double>(v.damaged_lanes));
}

/// One gauge for each name, those without anything included.
void add_gauges(MetricFamily& f, const char* label, const std::map<std::string, double>& values)
{
    for (const auto& [name, n] : values)
    {
        auto& m = f.metric.emplace_back();
        m.label = {{label, name}};
        m.gauge.value = n;
    }
}

void add_sessions(page& out, const std::vector<delivery::session_view>& all)
{
    std::map<std::string, double> states{{"connecting", 0}, {"sending", 0}, {"idle", 0}};
    for (const auto& s : all)
    {
        ++states[s.state];
    }
    add_gauges(out.family("hikyaku_sessions", "SMTP sessions, by state.", MetricType::Gauge),
               "state", states);
}

/// Labels are kinds of limits and of suspensions: their number is fixed.
void add_adaptations(page& out, const delivery::engine_view& v)
{
    using shaping::adapted;
    using shaping::suspension_kind;
    std::map<std::string, double> limits;
    std::map<std::string, double> suspensions;
    for (const auto what : {adapted::message_rate, adapted::connections, adapted::connection_rate,
                            adapted::messages_per_connection})
    {
        limits[std::string(shaping::to_string(what))] = 0;
    }
    for (const auto scope :
         {suspension_kind::site, suspension_kind::source_site, suspension_kind::tenant_site,
          suspension_kind::campaign, suspension_kind::tenant})
    {
        suspensions[std::string(shaping::to_string(scope))] = 0;
    }
    const auto count = [&](const shaping::adaptation_event& e)
    {
        ++(e.what == adapted::suspended ? suspensions[std::string(shaping::to_string(e.scope))]
                                        : limits[std::string(shaping::to_string(e.what))]);
    };
    for (const auto& s : v.sites)
    {
        for (const auto& p : s.paths)
        {
            std::for_each(p.adaptations.begin(), p.adaptations.end(), count);
        }
    }
    std::for_each(v.suspensions.begin(), v.suspensions.end(), count);
    add_gauges(out.family("hikyaku_adapted_limits",
                          "Limits of a site and source that rules have lowered, by limit.",
                          MetricType::Gauge),
               "limit", limits);
    add_gauges(out.family("hikyaku_suspensions",
                          "Suspensions in force, by rules and operators, by scope.",
                          MetricType::Gauge),
               "scope", suspensions);
    out.counter("hikyaku_adaptations_total",
                "Limits lowered and suspensions that began since the start.",
                static_cast<double>(v.adaptations));
}

/// Labels are report kinds, classes of the rules and registered feedback types: all fixed.
void add_feedback(page& out, const metrics::sources& from)
{
    auto& f = out.family("hikyaku_feedback_total",
                         "What came back by mail since the start, by kind and class.",
                         MetricType::Counter);
    for (const auto& c : from.intake.counts())
    {
        auto& m = f.metric.emplace_back();
        m.label = {{"kind", std::string(c.kind)},
                   {"class", c.cls.empty() ? "none" : std::string(c.cls)}};
        m.counter.value = static_cast<double>(c.n);
    }
    const auto stats = from.effects.stats();
    auto& suppressed =
        out.family("hikyaku_suppressions_total",
                   "Addresses suppressed since the start for what came back.", MetricType::Counter);
    const std::pair<const char*, std::uint64_t> reasons[] = {
        {"bounce", stats.suppressed_by_bounce}, {"complaint", stats.suppressed_by_complaint}};
    for (const auto& [reason, n] : reasons)
    {
        auto& m = suppressed.metric.emplace_back();
        m.label = {{"reason", reason}};
        m.counter.value = static_cast<double>(n);
    }
    out.counter("hikyaku_campaigns_paused_total", "Campaigns that paused themselves.",
                static_cast<double>(stats.paused));
    out.gauge("hikyaku_dead_addresses", "Addresses proven not to exist.",
              static_cast<double>(from.dead.size()));
}

void add_inbound(page& out, const smtpd::counters& c)
{
    out.gauge("hikyaku_smtpd_sessions", "Inbound SMTP sessions.",
              static_cast<double>(c.open_sessions));
    auto& ends = out.family("hikyaku_smtpd_sessions_total",
                            "Inbound SMTP sessions since the start, by how they ended.",
                            MetricType::Counter);
    for (std::size_t i = 0; i < c.ends.size(); ++i)
    {
        auto& m = ends.metric.emplace_back();
        m.label = {{"end", std::string(smtp::to_string(static_cast<smtp::server_end>(i)))}};
        m.counter.value = static_cast<double>(c.ends[i]);
    }
    const std::tuple<const char*, const char*, std::uint64_t> totals[] = {
        {"hikyaku_smtpd_sessions_tls_total", "Of them with TLS.", c.sessions_tls},
        {"hikyaku_smtpd_sessions_refused_total", "Connections beyond the limits of sessions.",
         c.sessions_refused},
        {"hikyaku_smtpd_messages_total", "Inbound messages taken.", c.messages},
        {"hikyaku_smtpd_message_bytes_total", "Their bytes.", c.message_bytes},
        {"hikyaku_smtpd_refusals_total", "Replies 4xx and 5xx to inbound commands and messages.",
         c.refusals}};
    for (const auto& [name, help, n] : totals)
    {
        out.counter(name, help, static_cast<double>(n));
    }
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
    const auto v = from_.engine.view();
    add_queue(out, v);
    add_sessions(out, from_.engine.sessions());
    add_adaptations(out, v);
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
    add_feedback(out, from_);
    {
        const std::lock_guard lock(mutex_);
        if (inbound_ != nullptr)
        {
            add_inbound(out, inbound_->read_counters());
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
