#include "server.h"

#include <algorithm>
#include <cstdio>
#include <stdexcept>
#include <sys/resource.h>

namespace hikyaku::sink
{

namespace
{

SSL_CTX* make_tls(const options& wanted)
{
    if (wanted.tls_certificate.empty())
    {
        return nullptr;
    }
    SSL_CTX* const made = SSL_CTX_new(TLS_server_method());
    if (made == nullptr ||
        SSL_CTX_use_certificate_chain_file(made, wanted.tls_certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(made, wanted.tls_key.c_str(), SSL_FILETYPE_PEM) != 1)
    {
        throw std::runtime_error("cannot load " + wanted.tls_certificate + " and its key");
    }
    SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                               SSL_MODE_RELEASE_BUFFERS);
    return made;
}

double cpu_seconds()
{
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t)
    { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class json_object
{
public:
    void add(std::string_view name, const std::string& raw)
    {
        text_ += text_.size() == 1 ? "\"" : ",\"";
        text_ += name;
        text_ += "\":" + raw;
    }
    void add(std::string_view name, std::uint64_t value) { add(name, std::to_string(value)); }
    void add(std::string_view name, double value)
    {
        char number[32];
        std::snprintf(number, sizeof number, "%.3f", value);
        add(name, std::string(number));
    }
    [[nodiscard]] std::string text() const { return text_ + "}"; }

private:
    std::string text_ = "{";
};

} // namespace

server::server(const options& wanted)
    : wanted_(wanted), record_(wanted.record), all_(wanted, record_), tls_(make_tls(wanted)),
      listeners_(make_listeners(wanted))
{
    for (unsigned i = 0; i != wanted.threads; ++i)
    {
        workers_.push_back(std::make_unique<worker>(all_, listeners_, tls_.get(), wanted.seed + i));
    }
    for (auto& each : workers_)
    {
        each->start();
    }
}

server::~server()
{
    stop();
}

void server::stop()
{
    for (auto& each : workers_)
    {
        each->stop();
    }
    record_.flush();
}

std::string server::listening_lines() const
{
    std::string lines;
    for (const auto& each : listeners_)
    {
        lines += "listening " + each->name + "\n";
    }
    return lines;
}

server::totals server::add_up() const
{
    totals sum;
    for (const auto& each : workers_)
    {
        for (std::size_t i = 0; i != tally_count; ++i)
        {
            sum.tallies[i] += each->count().get(static_cast<tally>(i));
        }
        for (std::size_t i = 0; i != violation_count; ++i)
        {
            sum.violations[i] += each->count().get(static_cast<violation>(i));
        }
    }
    sum.cpu_s = cpu_seconds();
    return sum;
}

double server::elapsed_s() const
{
    std::uint64_t first = UINT64_MAX;
    std::uint64_t last = 0;
    for (const auto& each : workers_)
    {
        const auto begun = each->count().first_message_ns.load();
        first = begun == 0 ? first : std::min(first, begun);
        last = std::max(last, each->count().last_message_ns.load());
    }
    return last > first ? static_cast<double>(last - first) / 1e9 : 0;
}

std::string server::summary()
{
    record_.flush();
    const totals now = add_up();
    json_object all;
    for (std::size_t i = 0; i != tally_count; ++i)
    {
        all.add(tally_names[i], now.tallies[i] - baseline_.tallies[i]);
    }
    all.add("sessions_open", all_.sessions_open.load());
    all.add("sessions_peak", all_.sessions_peak.load());
    if (wanted_.distinct)
    {
        all.add("distinct_recipients", all_.distinct.size());
    }
    if (wanted_.strict)
    {
        json_object kinds;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i != violation_count; ++i)
        {
            const auto count = now.violations[i] - baseline_.violations[i];
            sum += count;
            if (count != 0)
            {
                kinds.add(violation_names[i], count);
            }
        }
        all.add("violations", sum);
        all.add("violation_kinds", kinds.text());
    }
    json_object places;
    for (const auto& each : listeners_)
    {
        json_object place;
        place.add("messages", each->messages.load());
        place.add("sessions", each->sessions.load());
        place.add("sessions_open", each->sessions_open.load());
        place.add("sessions_peak", each->sessions_peak.load());
        places.add(each->name, place.text());
    }
    all.add("listeners", places.text());
    const auto messages = now.tallies[0] - baseline_.tallies[0];
    const auto cpu_s = now.cpu_s - baseline_.cpu_s;
    all.add("elapsed_s", elapsed_s());
    all.add("cpu_s", cpu_s);
    all.add("cpu_us_per_message", messages == 0 ? 0 : cpu_s * 1e6 / static_cast<double>(messages));
    return all.text() + "\n";
}

void server::reset()
{
    baseline_ = add_up();
    all_.distinct.clear();
    all_.tried.clear();
    all_.sessions_peak = all_.sessions_open.load();
    for (auto& each : listeners_)
    {
        each->messages = 0;
        each->sessions = 0;
        each->sessions_peak = each->sessions_open.load();
    }
    for (auto& each : workers_)
    {
        each->count().first_message_ns = 0;
        each->count().last_message_ns = 0;
    }
}

bool server::change_plan(std::string_view verb, std::string_view spec)
{
    if (verb == "clear")
    {
        all_.plan.publish(std::make_shared<const fault_plan>());
        return true;
    }
    auto plan = std::make_shared<fault_plan>(*all_.plan.get());
    const bool good = verb == "fault"      ? plan->add_reply(spec)
                      : verb == "close-at" ? plan->add_deed(deed::close, spec)
                      : verb == "reset-at" ? plan->add_deed(deed::reset, spec)
                      : verb == "stall-at" ? plan->add_deed(deed::stall, spec)
                      : verb == "delay"    ? plan->add_delay(spec)
                                           : false;
    if (good)
    {
        all_.plan.publish(std::move(plan));
    }
    return good;
}

std::string server::obey(std::string_view line)
{
    const auto space = line.find(' ');
    const auto verb = line.substr(0, space);
    const auto rest = space == std::string_view::npos ? "" : line.substr(space + 1);
    if (verb == "stats")
    {
        return summary();
    }
    if (verb == "reset")
    {
        reset();
        return "ok\n";
    }
    if (verb == "flush")
    {
        record_.flush();
        return "ok\n";
    }
    return change_plan(verb, rest) ? "ok\n" : "error\n";
}

} // namespace hikyaku::sink
