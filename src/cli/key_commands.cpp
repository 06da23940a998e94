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
    std::vector<std::string> scopes;
    std::string key_out;
};

std::string joined(const json::array& words)
{
    std::string out;
    for (const auto& w : words)
    {
        out += (out.empty() ? "" : " ") + text_of(w);
    }
    return out;
}

int create(command_context& ctx, const create_options& o)
{
    auto session = client_session::open_tenant(ctx);
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
    json::array scopes;
    for (const auto& s : o.scopes)
    {
        scopes.push_back(json::value(s));
    }
    if (scopes.empty())
    {
        scopes.push_back("*");
    }
    auto answer = session->post("/v1/keys", json::object{{"name", o.name}, {"scopes", scopes}});
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    json::object key = answer->is_object() ? answer->get_object() : json::object{};
    int status = exit_ok;
    if (file)
    {
        const auto written = file->write(raw_text_of(key, "key"));
        if (written.has_error())
        {
            status = print_failure(ctx, {exit_negative, written.error().text +
                                                            "; the key follows on standard "
                                                            "output: keep it."});
        }
        else
        {
            key.erase("key");
        }
    }
    if (ctx.json)
    {
        print_json(ctx, key);
        return status;
    }
    text_table t;
    t.add({"id", text_of(key, "id")});
    t.add({"name", text_of(key, "name")});
    t.add({"scopes", joined(array_of(key, "scopes"))});
    t.add(key.contains("key") ? std::vector<std::string>{"key (shown once)", text_of(key, "key")}
                              : std::vector<std::string>{"key file", printable(o.key_out)});
    t.print(ctx.out());
    return status;
}

int list(command_context& ctx)
{
    const auto scopes = [](const json::object& o) { return joined(array_of(o, "scopes")); };
    return run_list(ctx, client_session::open_tenant(ctx), "/v1/keys",
                    {member_column("ID", "id"),
                     member_column("CREATED", "created_at"),
                     member_column("REVOKED", "revoked_at"),
                     member_column("NAME", "name"),
                     {"SCOPES", scopes}});
}

int revoke(command_context& ctx, const std::string& id)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    http::client_request r;
    r.method = "DELETE";
    r.target = "/v1/keys/" + encode_segment(id);
    const auto answer = session->send(r);
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    ctx.out() << (ctx.json ? json_line().text("id", id).flag("revoked", true).finish()
                           : printable(id) + " is revoked.\n");
    return exit_ok;
}

} // namespace

void add_key_commands(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "key", "API keys of a tenant");
    auto* make = group.add_subcommand("create", "Make a key");
    const auto o = std::make_shared<create_options>();
    make->add_option("NAME", o->name, "What it is for")->required();
    make->add_option("--scope", o->scopes, "What it may do (repeat); default: everything you may")
        ->type_size(1)
        ->allow_extra_args(false);
    make->add_option("--key-out", o->key_out, "New file for the key, readable by you only");
    add_tenant_options(*make, ctx);
    make->footer("Example:\n  hikyaku key create crm --scope contacts:read --scope "
                 "contacts:write --key-out crm.key");
    on_chosen(*make, ctx, [&ctx, o] { return create(ctx, *o); });

    auto* show = group.add_subcommand("list", "List keys, revoked ones included");
    add_tenant_options(*show, ctx);
    on_chosen(*show, ctx, [&ctx] { return list(ctx); });

    auto* end = group.add_subcommand("revoke", "Revoke a key, at once");
    const auto id = std::make_shared<std::string>();
    end->add_option("ID", *id, "key_…")->required();
    add_tenant_options(*end, ctx);
    on_chosen(*end, ctx, [&ctx, id] { return revoke(ctx, *id); });
}

} // namespace hikyaku::cli
