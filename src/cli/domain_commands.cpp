#include "client_session.h"
#include "domain_check.h"
#include "json_text.h"
#include "list_output.h"
#include "zone_lines.h"

namespace hikyaku::cli
{
namespace
{

int add(command_context& ctx, const std::string& domain)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->post("/v1/domains", json::object{{"domain", domain}});
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
    ctx.out() << "; Publish these records for " << text_of(o, "domain") << " (" << text_of(o, "id")
              << ").\n";
    for (const auto& r : array_of(o, "records"))
    {
        if (r.is_object())
        {
            ctx.out() << "; " << text_of(r.get_object(), "purpose") << '\n'
                      << zone_line(r.get_object()) << '\n';
        }
    }
    return exit_ok;
}

/// "ok" or "-" for one of the checks.
list_column check_column(std::string heading, std::string check)
{
    return {std::move(heading), [check = std::move(check)](const json::object& o)
            { return flag_of(object_of(o, "checks"), check) ? "ok" : "-"; }};
}

int list(command_context& ctx)
{
    const auto checked = [](const json::object& o)
    { return text_of(object_of(o, "checks"), "checked_at"); };
    return run_list(ctx, client_session::open_tenant(ctx), "/v1/domains",
                    {member_column("ID", "id"),
                     member_column("DOMAIN", "domain"),
                     check_column("DKIM", "dkim"),
                     check_column("SPF", "spf"),
                     check_column("RETURN PATH", "return_path"),
                     check_column("DMARC", "dmarc"),
                     {"CHECKED", checked}});
}

} // namespace

void add_domain_commands(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "domain", "Sender domains of a tenant");
    auto* make = group.add_subcommand("add", "Add a domain; prints the DNS records to publish");
    const auto domain = std::make_shared<std::string>();
    make->add_option("DOMAIN", *domain, "shop.example")->required();
    add_tenant_options(*make, ctx);
    make->footer("Example:\n  hikyaku domain add shop.example >> shop.example.zone");
    on_chosen(*make, ctx, [&ctx, domain] { return add(ctx, *domain); });

    auto* show = group.add_subcommand("list", "List domains and the state of their records");
    add_tenant_options(*show, ctx);
    on_chosen(*show, ctx, [&ctx] { return list(ctx); });
    add_domain_check_commands(group, ctx);
}

} // namespace hikyaku::cli
