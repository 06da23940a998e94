#include "client_session.h"
#include "figures.h"
#include "json_text.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

void print_summary(command_context& ctx, const json::object& q)
{
    if (flag_of(q, "held"))
    {
        ctx.out() << "Delivery is held: " << text_of(q, "held_because") << "\n\n";
    }
    ctx.out() << format_count(number_of(q, "sessions")) << " sessions, "
              << format_count(number_of(q, "in_flight")) << " recipients in flight\n";
    if (const auto damaged = number_of(q, "damaged_lanes"); damaged != 0)
    {
        ctx.out() << format_count(damaged) << " damaged lanes: see the operator's log\n";
    }
    ctx.out() << '\n';
    text_table campaigns({"CAMPAIGN", "TENANT", "STATE", "RECIPIENTS", "PENDING", "IN FLIGHT",
                          "DEFERRED", "DELIVERED", "BOUNCED"});
    for (const auto& v : array_of(q, "campaigns"))
    {
        const json::object o = v.is_object() ? v.get_object() : json::object{};
        const auto& counts = object_of(o, "counts");
        campaigns.add({text_of(o, "id"), text_of(o, "tenant"), text_of(o, "state"),
                       format_count(number_of(o, "recipients")),
                       format_count(number_of(o, "pending")),
                       format_count(number_of(o, "in_flight")),
                       format_count(number_of(counts, "deferred_now")),
                       format_count(number_of(counts, "delivered")),
                       format_count(number_of(counts, "bounced"))});
    }
    campaigns.print(ctx.out());
    ctx.out() << '\n';
    text_table sites(
        {"SITE", "PROVIDER", "HEALTH", "SESSIONS", "WINDOW", "READY", "RESUMES IN", "LAST REPLY"});
    for (const auto& v : array_of(q, "sites"))
    {
        const json::object o = v.is_object() ? v.get_object() : json::object{};
        const auto ms = number_of(o, "resumes_in_ms");
        sites.add({text_of(o, "site"), text_of(o, "provider"), text_of(o, "health"),
                   text_of(o, "sessions"), text_of(o, "window"), text_of(o, "lanes_ready"),
                   ms == 0 ? "-" : format_duration(milliseconds{static_cast<std::int64_t>(ms)}),
                   text_of(o, "last_reply")});
    }
    sites.print(ctx.out());
}

int summary(command_context& ctx)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->get("/platform/v1/queue");
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
        print_summary(ctx, answer->get_object());
    }
    return exit_ok;
}

int set_site(command_context& ctx, const std::string& site, const std::string& duration)
{
    const bool suspends = !duration.empty();
    if (suspends)
    {
        if (const auto length = parse_duration(duration); length.has_error())
        {
            return print_failure(ctx, {exit_usage, length.error().text});
        }
    }
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->post(
        "/platform/v1/queue/sites/" + encode_segment(site) + (suspends ? ":suspend" : ":resume"),
        suspends ? json::value(json::object{{"duration", duration}}) : json::value(nullptr));
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
        ctx.out() << text_of(answer->get_object(), "site")
                  << (suspends ? " is suspended for " + duration : std::string(" is resumed"))
                  << ".\n";
    }
    return exit_ok;
}

/// The tenant whose campaign the queue holds under this id; empty: it holds none.
result<std::string, call_failure> tenant_of(client_session& session, const std::string& campaign)
{
    const auto q = session.get("/platform/v1/queue");
    if (q.has_error())
    {
        return q.error();
    }
    const auto none = json::object{};
    for (const auto& v : array_of(q->is_object() ? q->get_object() : none, "campaigns"))
    {
        if (v.is_object() && raw_text_of(v.get_object(), "id") == campaign)
        {
            return raw_text_of(v.get_object(), "tenant");
        }
    }
    return std::string();
}

int retry(command_context& ctx, const std::string& campaign, const std::string& tenant)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    if (!tenant.empty())
    {
        // An id copied from the wrong line must not hurry somebody else's mail.
        const auto owner = tenant_of(*session, campaign);
        if (owner.has_error())
        {
            return print_failure(ctx, owner.error());
        }
        if (*owner != tenant)
        {
            return print_failure(ctx, {exit_negative,
                                       "This tenant has no such campaign in the queue: see "
                                       "`hikyaku queue summary`."});
        }
    }
    const auto answer = session->post(
        "/platform/v1/queue/campaigns/" + encode_segment(campaign) + ":retry", nullptr);
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    if (ctx.json || !answer->is_object())
    {
        print_json(ctx, *answer);
        return exit_ok;
    }
    const auto& o = answer->get_object();
    ctx.out() << text_of(o, "id") << ": "
              << format_count(number_of(object_of(o, "counts"), "deferred_now"))
              << " deferred recipients are tried now.\n";
    return exit_ok;
}

} // namespace

void add_queue_commands(CLI::App& root, command_context& ctx)
{
    auto* group = root.add_subcommand("queue", "What waits to be sent (operator)");
    group->require_subcommand(0, 1);
    add_platform_options(*group, ctx);
    group->footer("Examples:\n  hikyaku queue\n  hikyaku queue suspend mx.example.jp 30m");
    // The group's callback runs after its command's: it must not take over.
    group->callback(
        [&ctx, group]
        {
            if (group->get_subcommands().empty())
            {
                ctx.action = [&ctx] { return summary(ctx); };
            }
        });

    auto* show = group->add_subcommand("summary", "Campaigns and sites (the default)");
    add_platform_options(*show, ctx);
    on_chosen(*show, ctx, [&ctx] { return summary(ctx); });

    const auto site = std::make_shared<std::string>();
    const auto duration = std::make_shared<std::string>();
    auto* hold = group->add_subcommand("suspend", "Send nothing to a site for a while");
    hold->add_option("SITE", *site, "As `queue summary` shows it")->required();
    hold->add_option("DURATION", *duration, "90s, 15m, 2h, 1d")->required();
    add_platform_options(*hold, ctx);
    on_chosen(*hold, ctx, [&ctx, site, duration] { return set_site(ctx, *site, *duration); });

    auto* go = group->add_subcommand("resume", "Send to a suspended site again");
    go->add_option("SITE", *site, "As `queue summary` shows it")->required();
    add_platform_options(*go, ctx);
    on_chosen(*go, ctx, [&ctx, site] { return set_site(ctx, *site, {}); });

    const auto campaign = std::make_shared<std::string>();
    const auto tenant = std::make_shared<std::string>();
    auto* hurry = group->add_subcommand("retry", "Try a campaign's deferred recipients now");
    hurry->add_option("CAMPAIGN", *campaign, "cmp_…")->required();
    hurry->add_option("--tenant", *tenant, "tnt_…: only if it is this tenant's");
    add_platform_options(*hurry, ctx);
    on_chosen(*hurry, ctx, [&ctx, campaign, tenant] { return retry(ctx, *campaign, *tenant); });
}

} // namespace hikyaku::cli
