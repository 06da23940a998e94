#include "domain_check.h"

#include "client_session.h"
#include "json_text.h"
#include "text_table.h"
#include "zone_lines.h"

#include <algorithm>

namespace hikyaku::cli
{
namespace
{

/// The domains of these names, all when there are none.
result<std::vector<json::value>, call_failure> choose(client_session& session,
                                                      const std::vector<std::string>& names)
{
    auto all = session.list("/v1/domains");
    if (all.has_error() || names.empty())
    {
        return all;
    }
    std::vector<json::value> out;
    for (const auto& name : names)
    {
        const auto found = std::find_if(all->begin(), all->end(),
                                        [&](const json::value& d)
                                        {
                                            return d.is_object() &&
                                                   (raw_text_of(d.get_object(), "domain") == name ||
                                                    raw_text_of(d.get_object(), "id") == name);
                                        });
        if (found == all->end())
        {
            return call_failure{exit_negative, name + " is not a sender domain of this tenant: see "
                                                      "hikyaku domain list"};
        }
        out.push_back(*found);
    }
    return out;
}

result<json::value, call_failure> post(client_session& session, const json::value& domain,
                                       const char* action)
{
    return session.post("/v1/domains/" + encode_segment(raw_text_of(domain.get_object(), "id")) +
                            action,
                        json::value());
}

/// Keys are long; a person wants to see which record it is.
std::string shorten(std::string text)
{
    constexpr std::size_t columns_max = 76;
    if (text.size() > columns_max)
    {
        text.resize(columns_max);
        text += "...";
    }
    return text;
}

/// One line per finding, then the records to publish.
void print_findings(command_context& ctx, const json::object& domain)
{
    const auto& checks = object_of(domain, "checks");
    ctx.out() << text_of(domain, "domain") << ": " << text_of(checks, "state") << '\n';
    text_table t({"STATE", "CHECK", "OF", "SEEN"});
    for (const auto& f : array_of(checks, "findings"))
    {
        if (!f.is_object())
        {
            continue;
        }
        const auto& o = f.get_object();
        const auto state = text_of(o, "state");
        const auto in_force = text_of(o, "in_force");
        t.add({state == in_force ? state : state + " (" + in_force + ")", text_of(o, "check"),
               text_of(o, "about"), shorten(text_of(o, "seen"))});
    }
    t.print(ctx.out());
    for (const auto& f : array_of(checks, "findings"))
    {
        if (f.is_object() && text_of(f.get_object(), "state") != "ok" &&
            f.get_object().contains("record") && f.get_object().at("record").is_object())
        {
            ctx.out() << "; publish for " << text_of(f.get_object(), "check") << '\n'
                      << zone_line(f.get_object().at("record").get_object()) << '\n';
        }
    }
}

int check(command_context& ctx, const std::vector<std::string>& names)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto domains = choose(*session, names);
    if (domains.has_error())
    {
        return print_failure(ctx, domains.error());
    }
    int status = exit_ok;
    for (const auto& d : *domains)
    {
        const auto answer = post(*session, d, ":check");
        if (answer.has_error())
        {
            return print_failure(ctx, answer.error());
        }
        if (!answer->is_object() || ctx.json)
        {
            print_json(ctx, *answer);
        }
        else
        {
            print_findings(ctx, answer->get_object());
        }
        if (answer->is_object() &&
            text_of(object_of(answer->get_object(), "checks"), "state") == "fail")
        {
            status = exit_negative;
        }
    }
    return status;
}

int rotate(command_context& ctx, const std::string& name)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto domains = choose(*session, {name});
    if (domains.has_error())
    {
        return print_failure(ctx, domains.error());
    }
    const auto answer = post(*session, domains->front(), ":rotate");
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
    ctx.out() << "; Publish these records; signing switches to the new keys once every name server "
                 "shows them.\n";
    for (const auto& key : array_of(o, "keys"))
    {
        if (!key.is_object() || text_of(key.get_object(), "state") != "pending")
        {
            continue;
        }
        for (const auto& r : array_of(o, "records"))
        {
            if (r.is_object() &&
                raw_text_of(r.get_object(), "name") == raw_text_of(key.get_object(), "record_name"))
            {
                ctx.out() << zone_line(r.get_object()) << '\n';
            }
        }
    }
    return exit_ok;
}

} // namespace

void add_domain_check_commands(CLI::App& group, command_context& ctx)
{
    auto* look = group.add_subcommand(
        "check", "Check the DNS records of domains now; status 1 when one fails");
    const auto names = std::make_shared<std::vector<std::string>>();
    look->add_option("DOMAIN", *names, "all when none is given");
    add_tenant_options(*look, ctx);
    on_chosen(*look, ctx, [&ctx, names] { return check(ctx, *names); });

    auto* turn = group.add_subcommand(
        "rotate", "Make new DKIM keys; prints the records to publish. Signing switches to them "
                  "once they are seen");
    const auto name = std::make_shared<std::string>();
    turn->add_option("DOMAIN", *name, "shop.example")->required();
    add_tenant_options(*turn, ctx);
    on_chosen(*turn, ctx, [&ctx, name] { return rotate(ctx, *name); });
}

} // namespace hikyaku::cli
