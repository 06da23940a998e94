#include "client_session.h"
#include "json_text.h"
#include "queue_print.h"

namespace hikyaku::cli
{
namespace
{

constexpr const char* page_size = "1000";

/// The first page whole, with the sites of the further ones behind its own.
result<json::value, call_failure> fetch_queue(client_session& session, const std::string& site)
{
    const std::string target = std::string("/platform/v1/queue?limit=") + page_size +
                               (site.empty() ? "" : "&site=" + encode_segment(site));
    auto all = session.get(target);
    if (all.has_error() || !all->is_object())
    {
        return all;
    }
    auto& out = all->get_object();
    std::string cursor = raw_text_of(out, "next_cursor");
    while (!cursor.empty())
    {
        const auto more = session.get(target + "&cursor=" + encode_segment(cursor));
        if (more.has_error())
        {
            return more.error();
        }
        if (!more->is_object())
        {
            return call_failure{exit_unreachable, "The answer is not a page of the queue."};
        }
        const auto& next = array_of(more->get_object(), "sites");
        auto& sites = out["sites"].as_array();
        sites.insert(sites.end(), next.begin(), next.end());
        const auto further = raw_text_of(more->get_object(), "next_cursor");
        cursor = further == cursor ? std::string() : further;
    }
    out.erase("next_cursor");
    return all;
}

int summary(command_context& ctx, const std::string& site)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = fetch_queue(*session, site);
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    if (ctx.json || !answer->is_object())
    {
        print_json(ctx, *answer);
        return exit_ok;
    }
    const auto& q = answer->get_object();
    if (!site.empty() && array_of(q, "sites").empty())
    {
        return print_failure(ctx, {exit_negative, "Nothing is known of this site: `hikyaku queue` "
                                                  "lists those that are."});
    }
    print_queue(ctx, q);
    return exit_ok;
}

int history(command_context& ctx)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto rows = session->list("/platform/v1/adaptations");
    if (rows.has_error())
    {
        return print_failure(ctx, rows.error());
    }
    if (ctx.json)
    {
        for (const auto& row : *rows)
        {
            print_json(ctx, row);
        }
        return exit_ok;
    }
    print_adaptations(ctx, json::array(rows->begin(), rows->end()), true);
    return exit_ok;
}

/// What an order says. Exactly one of the first three is given.
struct order_options
{
    std::string site;
    std::string tenant;
    std::string campaign;
    std::string duration;
    std::string reason;

    [[nodiscard]] std::string path() const
    {
        return !site.empty()     ? "sites/" + encode_segment(site)
               : !tenant.empty() ? "tenants/" + encode_segment(tenant)
                                 : "campaigns/" + encode_segment(campaign);
    }
};

std::string done_text(const std::string& verb, const json::object& answer)
{
    std::string name;
    for (const auto* noun : {"site", "tenant", "campaign"})
    {
        name = answer.contains(noun) ? text_of(answer, noun) : name;
    }
    const auto until = raw_text_of(answer, "until");
    if (verb == "suspend")
    {
        return name + " is suspended until " + until + ".";
    }
    if (verb == "resume")
    {
        return name + " is resumed.";
    }
    if (verb == "retry")
    {
        return name + ": what waits for a retry is tried now.";
    }
    return name + ": what waits is bounced" +
           (until.empty() ? std::string() : ", and what comes until " + until) + ".";
}

int give_order(command_context& ctx, const std::string& verb, const order_options& o)
{
    if (!o.duration.empty())
    {
        if (const auto length = parse_duration(o.duration); length.has_error())
        {
            return print_failure(ctx, {exit_usage, "--for: " + length.error().text});
        }
    }
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    json::object body;
    if (!o.duration.empty())
    {
        body["duration"] = o.duration;
    }
    if (!o.reason.empty())
    {
        body["reason"] = o.reason;
    }
    const auto answer =
        session->post("/platform/v1/queue/" + o.path() + ":" + verb,
                      body.empty() ? json::value(nullptr) : json::value(std::move(body)));
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    if (ctx.json || !answer->is_object())
    {
        print_json(ctx, *answer);
    }
    else
    {
        ctx.out() << done_text(verb, answer->get_object()) << '\n';
    }
    return exit_ok;
}

enum class length
{
    none,
    optional,
    required,
};

struct order_command
{
    const char* verb;
    const char* text;
    const char* footer;
    length duration;
    const char* duration_text;
};

constexpr order_command orders[] = {
    {"suspend", "Send nothing to a site, of a tenant or of a campaign for a while",
     "Survives a restart. Transactions that have begun reach their end.\n\n"
     "Examples:\n  hikyaku queue suspend --site mx.example.jp --for 30m --reason 'ticket 123'\n"
     "  hikyaku queue suspend --tenant tnt_1 --for 2h",
     length::required, "How long: 90s, 15m, 2h, 1d"},
    {"resume", "End suspensions and, of a site, lowered limits",
     "Ends the suspensions of operators and of rules.\n\n"
     "Example:\n  hikyaku queue resume --site mx.example.jp",
     length::none, ""},
    {"retry", "Try now what waits for its next attempt",
     "Example:\n  hikyaku queue retry --campaign cmp_1", length::none, ""},
    {"bounce", "Give up what waits: it ends as bounced",
     "Can't be undone: the recipients are reported as bounced, with the reason.\n\n"
     "Example:\n  hikyaku queue bounce --site mx.example.jp --for 10m --reason 'host is gone'",
     length::optional, "Of a site: also what comes within this time"},
};

void add_order(CLI::App& group, command_context& ctx, const order_command& c)
{
    const auto o = std::make_shared<order_options>();
    auto* command = group.add_subcommand(c.verb, c.text);
    auto* scope = command->add_option_group("scope", "One of them");
    scope->add_option("--site", o->site, "As `hikyaku queue` shows it, or one of its MX hosts");
    scope->add_option("--tenant", o->tenant, "tnt_…");
    scope->add_option("--campaign", o->campaign, "cmp_…");
    scope->require_option(1);
    if (c.duration != length::none)
    {
        command->add_option("--for", o->duration, c.duration_text)
            ->required(c.duration == length::required);
        command->add_option("--reason", o->reason, "Shown to operators and kept in the log");
    }
    add_platform_options(*command, ctx);
    command->footer(c.footer);
    on_chosen(*command, ctx,
              [&ctx, o, verb = std::string(c.verb)] { return give_order(ctx, verb, *o); });
}

} // namespace

void add_queue_commands(CLI::App& root, command_context& ctx)
{
    auto* group = root.add_subcommand("queue", "What waits to be sent (operator)");
    group->require_subcommand(0, 1);
    const auto site = std::make_shared<std::string>();
    group->add_option("--site", *site, "Only this site: its name or one of its MX hosts");
    add_platform_options(*group, ctx);
    group->footer("Examples:\n  hikyaku queue\n  hikyaku queue --site mx.example.jp\n"
                  "  hikyaku queue suspend --site mx.example.jp --for 30m");
    // The group's callback runs after its command's: it must not take over.
    group->callback(
        [&ctx, group, site]
        {
            if (group->get_subcommands().empty())
            {
                ctx.action = [&ctx, site] { return summary(ctx, *site); };
            }
        });

    auto* show = group->add_subcommand("summary", "Sites, what limits them, campaigns (default)");
    show->add_option("--site", *site, "Only this site: its name or one of its MX hosts");
    add_platform_options(*show, ctx);
    show->footer("Example:\n  hikyaku queue summary --site mx.example.jp");
    on_chosen(*show, ctx, [&ctx, site] { return summary(ctx, *site); });

    for (const auto& c : orders)
    {
        add_order(*group, ctx, c);
    }

    auto* past = group->add_subcommand("history", "Limits lowered and suspensions, newest first");
    add_platform_options(*past, ctx);
    past->footer("Example:\n  hikyaku queue history --json");
    on_chosen(*past, ctx, [&ctx] { return history(ctx); });
}

} // namespace hikyaku::cli
