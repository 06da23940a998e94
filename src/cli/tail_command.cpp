#include "client_session.h"
#include "interruption.h"
#include "json_line.h"
#include "json_text.h"
#include "server_address.h"

#include <hikyaku/feed/tail.h>
#include <hikyaku/identity/tenants.h>

#include <ostream>
#include <stop_token>
#include <thread>

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t lines_default = 10;
constexpr milliseconds signal_interval{200};

struct tail_options
{
    bool follow = false;
    std::size_t lines = lines_default;
    std::string tenant;
    std::string campaign;
    std::string site;
    std::string disposition;
    std::string file;
};

result<feed::log_filter, call_failure> make_filter(const tail_options& o)
{
    feed::log_filter f;
    if (!o.tenant.empty())
    {
        f.tenant = identity::parse_tenant_id(o.tenant);
        if (!f.tenant)
        {
            return call_failure{exit_usage,
                                "--tenant: " + printable(o.tenant) + " is no tenant id (tnt_…)."};
        }
    }
    if (!o.campaign.empty())
    {
        const auto id = parse_id("cmp", o.campaign);
        if (!id)
        {
            return call_failure{exit_usage, "--campaign: " + printable(o.campaign) +
                                                " is no campaign id (cmp_…)."};
        }
        f.campaign = campaign_id{*id};
    }
    f.site = o.site;
    f.disposition = o.disposition;
    return f;
}

result<std::string, call_failure> find_log(const command_context& ctx, const tail_options& o)
{
    if (!o.file.empty())
    {
        return o.file;
    }
    const auto settings = find_settings(ctx);
    if (settings.has_error())
    {
        return settings.error();
    }
    if (!*settings)
    {
        return call_failure{exit_usage, "No configuration names the delivery log: give --file or "
                                        "--config."};
    }
    return (*settings)->log.delivery_file;
}

/// One line for a person; a line that is not the log's JSON as it is.
std::string for_people(std::string_view line)
{
    const auto v = parse_json(line);
    if (v.has_error() || !v->is_object())
    {
        return printable(line);
    }
    const auto& o = v->get_object();
    auto event = text_of(o, "event");
    event.resize(std::max<std::size_t>(event.size(), 10), ' ');
    std::string out = text_of(o, "ts") + "  " + event + "  " + text_of(o, "recipient");
    for (const auto* name : {"site", "mx", "code", "reply", "next_try"})
    {
        if (o.contains(name) && !o.at(name).is_null())
        {
            out += "  " + (std::string_view(name) == "next_try" ? "next try " : std::string()) +
                   text_of(o, name);
        }
    }
    return out;
}

/// Follows on this thread; another one waits for the signal that ends it.
result<void, failure> follow(command_context& ctx, feed::tail& log, const feed::line_callback& each)
{
    std::stop_source stop;
    // Before the thread: it inherits the blocked signals.
    poll_pause pause(ctx);
    std::jthread watcher(
        [&pause, &stop](const std::stop_token& ended)
        {
            while (!ended.stop_requested())
            {
                if (pause.wait(signal_interval))
                {
                    stop.request_stop();
                    return;
                }
            }
        });
    return log.follow(each, stop.get_token());
}

int tail(command_context& ctx, const tail_options& o)
{
    const auto filter = make_filter(o);
    if (filter.has_error())
    {
        return print_failure(ctx, filter.error());
    }
    const auto file = find_log(ctx, o);
    if (file.has_error())
    {
        return print_failure(ctx, file.error());
    }
    feed::tail log(*file, *filter);
    const auto print = [&ctx](std::string_view line)
    {
        ctx.out() << (ctx.json ? std::string(line) : for_people(line)) << '\n';
        return ctx.out().good();
    };
    const auto each = [&ctx, &print](std::string_view line)
    {
        const bool more = print(line);
        ctx.out().flush();
        return more && ctx.out().good();
    };
    auto done = log.read_last(o.lines, print, o.follow);
    ctx.out().flush();
    if (done.has_value() && o.follow)
    {
        done = follow(ctx, log, each);
    }
    return done.has_error() ? print_failure(ctx, {exit_negative, done.error().text}) : int{exit_ok};
}

} // namespace

void add_tail_command(CLI::App& root, command_context& ctx)
{
    auto* command = root.add_subcommand("tail", "Read the delivery log");
    const auto o = std::make_shared<tail_options>();
    command->add_flag("-f,--follow", o->follow, "Go on with what is appended");
    command->add_option("-n,--lines", o->lines, "How many lines first")->capture_default_str();
    command->add_option("--tenant", o->tenant, "tnt_…");
    command->add_option("--campaign", o->campaign, "cmp_…");
    command->add_option("--site", o->site, "Receiving site");
    command->add_option("--disposition", o->disposition, "The line's event")
        ->check(CLI::IsMember({"delivered", "deferred", "bounced", "unknown", "expired",
                               "cancelled", "suppressed", "failed", "oob_bounce", "complaint"}));
    command->add_option("--file", o->file, "The log; default: the configuration's");
    command->add_option("--config", ctx.connection.config_file, "hikyaku.yaml");
    add_json_option(*command, ctx);
    command->footer("Examples:\n  hikyaku tail -n 100 --disposition bounced\n"
                    "  hikyaku tail -f --site mx.example.jp --json");
    on_chosen(*command, ctx, [&ctx, o] { return tail(ctx, *o); });
}

} // namespace hikyaku::cli
