#include "campaign_follow.h"

#include "figures.h"
#include "interruption.h"
#include "json_line.h"
#include "json_text.h"
#include "live_line.h"
#include "progress_bar.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

bool is_at_rest(const std::string& state)
{
    return state == "finished" || state == "cancelled" || state == "paused";
}

int tell_interrupted(command_context& ctx, const std::string& id)
{
    ctx.err() << "\nThe campaign goes on without this window.\n"
              << "  follow it  hikyaku campaign report " << printable(id) << " --follow\n"
              << "  pause it   hikyaku campaign pause " << printable(id) << '\n'
              << "  cancel it  hikyaku campaign cancel " << printable(id) << '\n';
    return exit_ok;
}

int tell_end(command_context& ctx, const json::object& report, const std::string& id)
{
    const auto state = raw_text_of(report, "state");
    if (!ctx.json)
    {
        ctx.out() << '\n';
        print_report(ctx, report);
    }
    if (state == "paused")
    {
        ctx.err() << "The campaign is paused: `hikyaku campaign resume " << printable(id)
                  << "` goes on.\n";
    }
    return state == "finished" ? int{exit_ok} : int{exit_negative};
}

} // namespace

void print_report(command_context& ctx, const json::object& report)
{
    text_table t;
    t.add({"campaign", text_of(report, "id")});
    t.add({"name", text_of(report, "name")});
    t.add({"state", text_of(report, "state")});
    t.add({"started", text_of(report, "started_at")});
    t.add({"expires", text_of(report, "expires_at")});
    for (const auto* name : {"audience", "recipients", "delivered", "bounced", "unknown", "expired",
                             "cancelled", "suppressed", "failed", "pending"})
    {
        t.add({name, format_count(number_of(report, name))});
    }
    t.add({"  in flight", format_count(number_of(report, "in_flight"))});
    t.add({"  deferred", format_count(number_of(report, "deferred"))});
    t.add({"attempts", format_count(number_of(report, "attempts"))});
    const auto& left_out = object_of(report, "left_out");
    t.add({"left out", format_count(number_of(left_out, "duplicates")) + " duplicates, " +
                           format_count(number_of(left_out, "no_address")) +
                           " without an address, " +
                           format_count(number_of(left_out, "invalid_address")) + " invalid"});
    t.print(ctx.out());
}

int follow_campaign(command_context& ctx, client_session& session, const std::string& id)
{
    const std::string target = "/v1/campaigns/" + encode_segment(id) + "/report";
    poll_pause pause(ctx);
    live_line line(ctx.where);
    progress_bar bar;
    std::string last_json;
    milliseconds silent{0};
    while (true)
    {
        const auto answer = session.get(target);
        if (answer.has_value() && answer->is_object())
        {
            silent = milliseconds{0};
            const auto& report = answer->get_object();
            bar.add(read_campaign_progress(report), system_clock().mono());
            if (!ctx.json)
            {
                line.show(bar.line(line.columns()));
            }
            else if (const auto text = to_json_text(*answer); text != last_json)
            {
                ctx.out() << text << '\n' << std::flush;
                last_json = text;
            }
            if (is_at_rest(raw_text_of(report, "state")))
            {
                line.end();
                return tell_end(ctx, report, id);
            }
        }
        else if (answer.has_value() || answer.error().exit != exit_unreachable ||
                 silent >= follow_patience)
        {
            line.end();
            return print_failure(
                ctx, answer.has_error()
                         ? answer.error()
                         : call_failure{exit_unreachable, "The answer is not a report."});
        }
        else
        {
            silent += follow_interval;
        }
        if (pause.wait(follow_interval))
        {
            line.end();
            return tell_interrupted(ctx, id);
        }
    }
}

} // namespace hikyaku::cli
