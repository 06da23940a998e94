#include "client_session.h"
#include "figures.h"
#include "json_text.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

using printer = void (*)(command_context&, const json::object&);

/// One request, its answer printed.
int ask(command_context& ctx, const std::string& method, const std::string& target, printer print)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = method == "GET" ? session->get(target) : session->post(target, nullptr);
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
        print(ctx, answer->get_object());
    }
    return exit_ok;
}

void print_delivery(text_table& t, const json::object& d)
{
    t.add({"delivery", flag_of(d, "held") ? "held: " + text_of(d, "held_because") : "running"});
    t.add({"sessions", format_count(number_of(d, "sessions"))});
    t.add({"in flight", format_count(number_of(d, "in_flight"))});
    t.add({"campaigns", format_count(number_of(d, "campaigns"))});
    t.add({"sites", format_count(number_of(d, "sites"))});
    for (const auto& total : object_of(d, "dispositions"))
    {
        t.add({std::string(total.key()), text_of(total.value())});
    }
}

void print_status(command_context& ctx, const json::object& s)
{
    text_table t;
    t.add({"version", text_of(s, "version")});
    t.add({"running since", text_of(s, "started_at")});
    t.add(
        {"up for", format_duration(seconds{static_cast<std::int64_t>(number_of(s, "uptime_s"))})});
    t.add({"tenants", format_count(number_of(s, "tenants"))});
    t.add({"jobs", format_count(number_of(s, "jobs_active"))});
    const auto& disk = object_of(s, "disk");
    t.add({"disk", format_bytes(number_of(disk, "free_bytes")) + " free" +
                       (flag_of(disk, "low") ? ": LOW, nothing is accepted or sent" : "")});
    const auto& store = object_of(s, "store");
    t.add({"store", format_bytes(number_of(store, "bytes"))});
    const auto& missing = object_of(store, "missing");
    if (!missing.empty())
    {
        t.add({"GAP", "acknowledged up to " + text_of(missing, "acknowledged") + ", found " +
                          text_of(missing, "found") + "; `hikyaku accept-gap` goes on"});
    }
    if (const auto& damaged = array_of(store, "damaged_tables"); !damaged.empty())
    {
        t.add({"DAMAGED", text_of(json::value(damaged))});
    }
    const auto& delivery = object_of(s, "delivery");
    if (delivery.empty())
    {
        t.add({"delivery", "off"});
    }
    else
    {
        print_delivery(t, delivery);
    }
    t.print(ctx.out());
}

/// {"count","per_ms","burst"} of a rate, "30000ms" of a duration, or the value itself.
std::string limit_text(const json::value& v)
{
    if (v.is_string())
    {
        const auto length = parse_duration(v.get_string());
        return length.has_value() && *length >= seconds{1} ? format_duration(*length) : text_of(v);
    }
    if (!v.is_object() || !v.get_object().contains("per_ms"))
    {
        return text_of(v);
    }
    const auto& o = v.get_object();
    return text_of(o, "count") + " per " +
           format_duration(milliseconds{static_cast<std::int64_t>(number_of(o, "per_ms"))}) +
           ", burst " + text_of(o, "burst");
}

void print_shaping(command_context& ctx, const json::object& s)
{
    text_table head;
    head.add({"domain", text_of(s, "domain")});
    head.add({"provider", text_of(s, "provider")});
    for (const auto& h : array_of(s, "mx"))
    {
        head.add({"mx", text_of(h)});
    }
    head.print(ctx.out());
    ctx.out() << '\n';
    text_table t({"LIMIT", "VALUE", "FROM"});
    for (const auto& limit : object_of(s, "limits"))
    {
        const json::object o =
            limit.value().is_object() ? limit.value().get_object() : json::object{};
        const auto* value = o.if_contains("value");
        t.add({std::string(limit.key()), value == nullptr ? "-" : limit_text(*value),
               text_of(o, "from")});
    }
    t.print(ctx.out());
}

void print_gap(command_context& ctx, const json::object&)
{
    ctx.out() << "The gap is accepted; delivery goes on.\n";
}

} // namespace

void add_status_commands(CLI::App& root, command_context& ctx)
{
    auto* status = root.add_subcommand("status", "How the daemon is (operator)");
    add_platform_options(*status, ctx);
    on_chosen(*status, ctx,
              [&ctx] { return ask(ctx, "GET", "/platform/v1/status", print_status); });

    const auto domain = std::make_shared<std::string>();
    auto* limits = root.add_subcommand("shaping", "Limits in force for a domain (operator)");
    limits->add_option("DOMAIN", *domain, "Domain of the recipients")->required();
    add_platform_options(*limits, ctx);
    on_chosen(*limits, ctx,
              [&ctx, domain]
              {
                  return ask(ctx, "GET", "/platform/v1/shaping?domain=" + encode_segment(*domain),
                             print_shaping);
              });

    auto* gap = root.add_subcommand(
        "accept-gap", "Deliver again although acknowledged data is missing (operator)");
    add_platform_options(*gap, ctx);
    gap->footer("After a damaged log the daemon holds delivery and names what is missing in\n"
                "`hikyaku status`. Accepting means that recipients of that gap may get their mail\n"
                "twice, or not at all.");
    on_chosen(*gap, ctx,
              [&ctx] { return ask(ctx, "POST", "/platform/v1/store:accept-gap", print_gap); });
}

} // namespace hikyaku::cli
