#include "campaign_explain.h"

#include "campaign_submit.h"
#include "client_session.h"
#include "figures.h"
#include "input.h"
#include "job_wait.h"
#include "json_line.h"
#include "json_text.h"
#include "text_table.h"

#include <hikyaku/base/id.h>

namespace hikyaku::cli
{
namespace
{

constexpr int exit_findings = 1;

void print_last(command_context& ctx, const json::object& last)
{
    ctx.out() << (text_of(last, "event") == "deferred" ? "Last attempt: " : "Last: ")
              << text_of(last, "event") << " at " << text_of(last, "time") << ", attempt "
              << text_of(last, "attempt") << ": " << text_of(last, "code") << ' '
              << text_of(last, "reply") << '\n';
}

void print_explanation(command_context& ctx, const json::object& o)
{
    ctx.out() << text_of(o, "address") << " (" << text_of(o, "recipient")
              << "): " << text_of(o, "state") << '\n';
    for (const auto& r : array_of(o, "reasons"))
    {
        if (!r.is_object())
        {
            continue;
        }
        const auto& reason = r.get_object();
        const auto until = raw_text_of(reason, "until");
        ctx.out() << "  " << text_of(reason, "detail")
                  << (until.empty() ? std::string() : " Until " + text_of(reason, "until") + ".")
                  << " [" << text_of(reason, "what") << "]\n";
    }
    if (const auto ahead = number_of(o, "ahead"); ahead != 0)
    {
        ctx.out() << "  At most " << ahead << " others of the campaign go out before.\n";
    }
    if (const auto* last = o.if_contains("last"); last != nullptr && last->is_object())
    {
        print_last(ctx, last->get_object());
    }
}

void print_errors(command_context& ctx, const json::object& o)
{
    const auto& errors = array_of(o, "errors");
    if (errors.empty())
    {
        return;
    }
    ctx.out() << "\nRender errors (the first " << errors.size() << "):\n";
    text_table t({"RECIPIENT", "PART", "PLACE", "REASON"});
    for (const auto& e : errors)
    {
        if (e.is_object())
        {
            const auto& one = e.get_object();
            t.add({text_of(one, "address"), text_of(one, "part"),
                   text_of(one, "line") + ":" + text_of(one, "column"), text_of(one, "reason")});
        }
    }
    t.print(ctx.out());
}

void print_forecast(command_context& ctx, const json::object& forecast)
{
    ctx.out() << "\nDone after about " << text_of(forecast, "seconds") << " s.\n";
    text_table t({"SITE", "PROVIDER", "RECIPIENTS", "PER SECOND", "SECONDS", "LIMITED BY"});
    for (const auto& s : array_of(forecast, "sites"))
    {
        if (s.is_object())
        {
            const auto& one = s.get_object();
            t.add({text_of(one, "site"), text_of(one, "provider"), text_of(one, "recipients"),
                   text_of(one, "per_second"), text_of(one, "seconds"),
                   text_of(one, "limited_by")});
        }
    }
    t.print(ctx.out());
}

void print_dry_run(command_context& ctx, const json::object& o)
{
    text_table counts;
    for (const char* name : {"audience", "duplicates", "no_address", "invalid_address",
                             "recipients", "suppressed", "render_errors", "would_send"})
    {
        counts.add({name, text_of(o, name)});
    }
    const auto& largest = object_of(o, "largest_message");
    counts.add({"largest_message", text_of(largest, "bytes") + " bytes"});
    counts.print(ctx.out());
    const auto& alignment = object_of(o, "alignment");
    for (const auto& f : array_of(alignment, "failing"))
    {
        if (f.is_object())
        {
            ctx.out() << text_of(f.get_object(), "detail") << '\n';
        }
    }
    if (flag_of(alignment, "refuses_start"))
    {
        ctx.out() << "A start would be refused for these records.\n";
    }
    print_errors(ctx, o);
    print_forecast(ctx, object_of(o, "forecast"));
}

/// The draft made of the file; the same one when the file was submitted within a day.
result<std::string, call_failure> make_draft(command_context& ctx, client_session& session,
                                             const std::string& file)
{
    const auto content = read_input(file, ctx.where.in);
    if (content.has_error())
    {
        return call_failure{exit_usage, content.error().text};
    }
    const auto definition = parse_json(*content);
    if (definition.has_error() || !definition->is_object())
    {
        return call_failure{exit_usage, printable(file) + ": a campaign is a JSON object."};
    }
    const auto made = session.post("/v1/campaigns", *definition, derived_key(file, *content));
    if (made.has_error())
    {
        return made.error();
    }
    return made->is_object() ? raw_text_of(made->get_object(), "id") : std::string();
}

std::string rendering_line(const json::object& job)
{
    const auto& p = object_of(job, "progress");
    return format_count(number_of(p, "done")) + " of " + format_count(number_of(p, "total")) +
           " looked at";
}

/// The report, also when it comes from a job.
result<json::value, call_failure> await_report(command_context& ctx, client_session& session,
                                               const std::string& campaign)
{
    auto answer = session.post("/v1/campaigns/" + encode_segment(campaign) + ":dry-run", nullptr);
    if (answer.has_error() || !answer->is_object() || !answer->get_object().contains("job_id"))
    {
        return answer;
    }
    const auto job = raw_text_of(answer->get_object(), "job_id");
    ctx.err() << "Job " << printable(job) << " renders; cancel it with POST /v1/jobs/"
              << printable(job) << ":cancel.\n";
    const auto ended = await_job(ctx, session, job, rendering_line);
    if (ended.has_error())
    {
        return ended.error();
    }
    if (!*ended)
    {
        return call_failure{exit_ok, "The dry run goes on without this window (job " +
                                         printable(job) + ")."};
    }
    const auto state = raw_text_of(**ended, "state");
    if (state != "done")
    {
        return call_failure{exit_findings,
                            "The dry run has " + state + ": " + text_of(**ended, "failure")};
    }
    return json::value(object_of(**ended, "counts"));
}

} // namespace

int explain_recipient(command_context& ctx, const std::string& campaign, const std::string& whom)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto answer = session->get("/v1/campaigns/" + encode_segment(campaign) + "/recipients/" +
                                     encode_segment(whom) + ":explain");
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
        print_explanation(ctx, answer->get_object());
    }
    return exit_ok;
}

int dry_run_campaign(command_context& ctx, const std::string& what)
{
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    std::string id = what;
    if (!parse_id("cmp", what))
    {
        const auto draft = make_draft(ctx, *session, what);
        if (draft.has_error())
        {
            return print_failure(ctx, draft.error());
        }
        id = *draft;
    }
    const auto report = await_report(ctx, *session, id);
    if (report.has_error())
    {
        return print_failure(ctx, report.error());
    }
    if (ctx.json || !report->is_object())
    {
        print_json(ctx, *report);
    }
    else
    {
        print_dry_run(ctx, report->get_object());
        if (id != what)
        {
            ctx.out() << "\nNothing was sent. The draft is " << printable(id)
                      << "; start it with: hikyaku campaign start " << printable(id) << '\n';
        }
    }
    const json::object o = report->is_object() ? report->get_object() : json::object();
    return number_of(o, "render_errors") != 0 || flag_of(object_of(o, "alignment"), "refuses_start")
               ? exit_findings
               : int{exit_ok};
}

} // namespace hikyaku::cli
