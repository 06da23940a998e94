#include "campaign_explain.h"
#include "campaign_follow.h"
#include "campaign_submit.h"
#include "client_session.h"
#include "figures.h"
#include "json_text.h"
#include "list_output.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t campaigns_listed = 50;

std::string target_of(const std::string& id, std::string_view rest)
{
    return "/v1/campaigns/" + encode_segment(id) + std::string(rest);
}

int list(command_context& ctx, std::size_t limit)
{
    return run_list(ctx, client_session::open_tenant(ctx), "/v1/campaigns",
                    {member_column("ID", "id"), member_column("STATE", "state"),
                     member_column("SEND AT", "send_at"), member_column("CREATED", "created_at"),
                     member_column("NAME", "name")},
                    limit);
}

int show(command_context& ctx, const std::string& id)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->get(target_of(id, ""));
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    if (ctx.json || !answer->is_object())
    {
        print_json(ctx, *answer);
        return exit_ok;
    }
    text_table t;
    for (const auto& member : answer->get_object())
    {
        t.add({text_of(json::value(member.key())), text_of(member.value())});
    }
    t.print(ctx.out());
    return exit_ok;
}

int report(command_context& ctx, const std::string& id, bool follow)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    if (follow)
    {
        return follow_campaign(ctx, *session, id);
    }
    const auto answer = session->get(target_of(id, "/report"));
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
        print_report(ctx, answer->get_object());
    }
    return exit_ok;
}

int act(command_context& ctx, const std::string& id, const std::string& verb)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->post(target_of(id, ":" + verb), nullptr);
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
        const auto& o = answer->get_object();
        ctx.out() << text_of(o, "id") << " is " << text_of(o, "state") << ".\n";
    }
    return exit_ok;
}

CLI::App& add_id_command(CLI::App& group, command_context& ctx, const char* name, const char* text,
                         const std::shared_ptr<std::string>& id)
{
    auto* command = group.add_subcommand(name, text);
    command->add_option("ID", *id, "cmp_…")->required();
    add_tenant_options(*command, ctx);
    return *command;
}

void add_submit(CLI::App& group, command_context& ctx)
{
    auto* command = group.add_subcommand("submit", "Create a campaign from a file and start it");
    const auto o = std::make_shared<submit_options>();
    command->add_option("FILE", o->file, "JSON as POST /v1/campaigns takes it; - is standard input")
        ->required();
    command->add_flag("--follow", o->follow, "Show the progress until it is finished");
    command->add_flag("--draft", o->draft, "Don't start it")->excludes("--follow");
    command->add_option("--idempotency-key", o->idempotency_key,
                        "Default: from the file's name and content, so that a repeated submit "
                        "within a day never sends twice");
    add_tenant_options(*command, ctx);
    command->footer("Example:\n  hikyaku campaign submit news.json --follow");
    on_chosen(*command, ctx, [&ctx, o] { return submit_campaign(ctx, *o); });
}

} // namespace

void add_campaign_commands(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "campaign", "Campaigns of a tenant");
    add_submit(group, ctx);

    auto* all = group.add_subcommand("list", "List campaigns, newest first");
    const auto limit = std::make_shared<std::size_t>(campaigns_listed);
    all->add_option("-n,--limit", *limit, "How many")->capture_default_str();
    add_tenant_options(*all, ctx);
    on_chosen(*all, ctx, [&ctx, limit] { return list(ctx, *limit); });

    const auto id = std::make_shared<std::string>();
    auto& one = add_id_command(group, ctx, "show", "Show a campaign", id);
    on_chosen(one, ctx, [&ctx, id] { return show(ctx, *id); });

    auto& counts = add_id_command(group, ctx, "report", "Exact counts of a campaign", id);
    const auto follow = std::make_shared<bool>(false);
    counts.add_flag("--follow", *follow, "Show the progress until it is finished");
    on_chosen(counts, ctx, [&ctx, id, follow] { return report(ctx, *id, *follow); });

    auto& why = add_id_command(group, ctx, "explain", "Why a recipient has no mail yet", id);
    const auto whom = std::make_shared<std::string>();
    why.add_option("RECIPIENT", *whom, "A contact's id (con_…), an address, or a number")
        ->required();
    on_chosen(why, ctx, [&ctx, id, whom] { return explain_recipient(ctx, *id, *whom); });

    auto* rehearse = group.add_subcommand(
        "dry-run", "Render every message and tell what would happen; send nothing");
    const auto what = std::make_shared<std::string>();
    rehearse->add_option("FILE|ID", *what, "A file as submit takes it (a draft is made), or cmp_…")
        ->required();
    add_tenant_options(*rehearse, ctx);
    on_chosen(*rehearse, ctx, [&ctx, what] { return dry_run_campaign(ctx, *what); });

    const std::pair<const char*, const char*> actions[] = {
        {"start", "Start a draft"},
        {"pause", "Send no further message for now"},
        {"resume", "Go on where it was paused"},
        {"cancel", "End what has not been sent"}};
    for (const auto& [verb, text] : actions)
    {
        auto& command = add_id_command(group, ctx, verb, text, id);
        on_chosen(command, ctx,
                  [&ctx, id, name = std::string(verb)] { return act(ctx, *id, name); });
    }
}

} // namespace hikyaku::cli
