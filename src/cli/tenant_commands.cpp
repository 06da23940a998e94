#include "client_session.h"
#include "json_line.h"
#include "json_text.h"
#include "list_output.h"
#include "secret_file.h"
#include "text_table.h"

#include <optional>

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

    auto* show = group.add_subcommand("list", "List tenants");
    add_platform_options(*show, ctx);
    on_chosen(*show, ctx, [&ctx] { return list(ctx); });
}

} // namespace hikyaku::cli
