#include "client_session.h"
#include "json_line.h"
#include "json_text.h"
#include "list_output.h"
#include "secret_file.h"
#include "text_table.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace hikyaku::cli
{
namespace
{

struct create_options
{
    std::string name;
    std::string admin_email;
    std::string key_out;
};

int create(command_context& ctx, const create_options& o)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    std::optional<secret_file> file;
    if (!o.key_out.empty())
    {
        auto made = secret_file::create(o.key_out);
        if (made.has_error())
        {
            return print_failure(ctx, {exit_usage, made.error().text});
        }
        file.emplace(std::move(*made));
    }
    auto answer = session->post("/platform/v1/tenants",
                                json::object{{"name", o.name}, {"admin_email", o.admin_email}});
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    json::object tenant = answer->is_object() ? answer->get_object() : json::object{};
    const auto key = raw_text_of(object_of(tenant, "key"), "key");
    bool kept = false;
    int status = exit_ok;
    if (file)
    {
        const auto written = file->write(key);
        kept = written.has_value();
        if (!kept)
        {
            status = print_failure(ctx, {exit_negative, written.error().text +
                                                            "; the key follows on standard "
                                                            "output: keep it."});
        }
    }
    if (kept)
    {
        tenant["key"].as_object().erase("key");
    }
    if (ctx.json)
    {
        print_json(ctx, tenant);
        return status;
    }
    text_table t;
    t.add({"tenant", text_of(tenant, "id")});
    t.add({"name", text_of(tenant, "name")});
    t.add({"admin", text_of(tenant, "admin_email")});
    t.add({kept ? "key file" : "key (shown once)", printable(kept ? o.key_out : key)});
    t.print(ctx.out());
    return status;
}

int list(command_context& ctx)
{
    return run_list(ctx, client_session::open_platform(ctx), "/platform/v1/tenants",
                    {member_column("ID", "id"), member_column("STATE", "state"),
                     member_column("CREATED", "created_at"), member_column("ADMIN", "admin_email"),
                     member_column("NAME", "name")});
}

struct quota_options
{
    std::string id;
    std::optional<std::uint64_t> per_day;
    std::optional<std::uint64_t> per_month;
    std::vector<std::uint64_t> ramp;
    bool none = false;

    [[nodiscard]] bool asks_only() const { return !per_day && !per_month && ramp.empty() && !none; }
};

json::value quota_body(const quota_options& o)
{
    if (o.none)
    {
        return json::object{{"quota", nullptr}};
    }
    json::object quota;
    if (o.per_day)
    {
        quota["per_day"] = *o.per_day;
    }
    if (o.per_month)
    {
        quota["per_month"] = *o.per_month;
    }
    if (!o.ramp.empty())
    {
        quota["ramp"] = json::array(o.ramp.begin(), o.ramp.end());
    }
    return json::object{{"quota", std::move(quota)}};
}

std::string limit_text(const json::object& quota, std::string_view name)
{
    const auto text = text_of(quota, name);
    return text == "-" ? "no limit" : text;
}

int quota(command_context& ctx, const quota_options& o)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const std::string target = "/platform/v1/tenants/" + o.id;
    const auto answer =
        o.asks_only() ? session->get(target) : session->patch(target, quota_body(o));
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    const json::object tenant = answer->is_object() ? answer->get_object() : json::object{};
    if (ctx.json)
    {
        print_json(ctx, tenant);
        return exit_ok;
    }
    const auto limits = object_of(tenant, "quota");
    const auto used = object_of(limits, "used");
    const auto* own = limits.if_contains("own");
    const auto* ramp = limits.if_contains("ramp");
    text_table t;
    t.add({"tenant", text_of(tenant, "id")});
    t.add({"quota",
           own != nullptr && own->is_bool() && own->get_bool() ? "its own" : "quotas.default"});
    t.add({"per day", limit_text(limits, "per_day")});
    t.add({"per month", limit_text(limits, "per_month")});
    t.add({"ramp", ramp != nullptr && ramp->is_array() && !ramp->get_array().empty()
                       ? std::to_string(ramp->get_array().size()) + " days"
                       : "none"});
    t.add({"sent today", text_of(used, "today")});
    t.add({"sent this month", text_of(used, "this_month")});
    t.print(ctx.out());
    return exit_ok;
}

void add_quota_command(CLI::App& group, command_context& ctx)
{
    auto* c = group.add_subcommand("quota", "Show or set what a tenant may send");
    const auto o = std::make_shared<quota_options>();
    c->add_option("ID", o->id, "The tenant: tnt_…")->required();
    auto* day = c->add_option("--per-day", o->per_day, "Messages per day of its calendar");
    auto* month = c->add_option("--per-month", o->per_month, "Messages per month of its calendar");
    auto* ramp = c->add_option("--ramp", o->ramp, "Messages on its first, second, … day")
                     ->delimiter(',')
                     ->allow_extra_args(false);
    c->add_flag("--none", o->none, "No quota of its own: quotas.default holds")
        ->excludes(day)
        ->excludes(month)
        ->excludes(ramp);
    add_platform_options(*c, ctx);
    c->footer("Without options it shows the limits and what is used. Limits that are not named are "
              "none.\nExample:\n  hikyaku tenant quota tnt_… --per-day 10000 --per-month 200000");
    on_chosen(*c, ctx, [&ctx, o] { return quota(ctx, *o); });
}

} // namespace

void add_tenant_commands(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "tenant", "Tenants of this host (operator)");
    auto* make = group.add_subcommand("create", "Make a tenant and its first key");
    const auto o = std::make_shared<create_options>();
    make->add_option("NAME", o->name, "The company's name")->required();
    make->add_option("--admin-email", o->admin_email, "Its administrator")->required();
    make->add_option("--key-out", o->key_out, "New file for the key, readable by you only");
    add_platform_options(*make, ctx);
    make->footer("Example:\n  hikyaku tenant create Shop --admin-email admin@shop.example "
                 "--key-out shop.key");
    on_chosen(*make, ctx, [&ctx, o] { return create(ctx, *o); });

    add_quota_command(group, ctx);
    auto* show = group.add_subcommand("list", "List tenants");
    add_platform_options(*show, ctx);
    on_chosen(*show, ctx, [&ctx] { return list(ctx); });
}

} // namespace hikyaku::cli
