#include "trace_command.h"

#include "client_session.h"
#include "figures.h"
#include "json_line.h"
#include "json_text.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

std::string parameter(const char* first, const std::string& site)
{
    return site.empty() ? std::string() : std::string(first) + "site=" + encode_segment(site);
}

/// Every session of the pages. @param site  empty: of all sites
result<std::vector<json::value>, call_failure> fetch_sessions(client_session& session,
                                                              const std::string& site)
{
    std::vector<json::value> out;
    std::string cursor;
    while (true)
    {
        const auto page = session.get("/platform/v1/sessions?limit=1000" + parameter("&", site) +
                                      (cursor.empty() ? "" : "&cursor=" + encode_segment(cursor)));
        if (page.has_error())
        {
            return page.error();
        }
        if (!page->is_object())
        {
            return call_failure{exit_unreachable, "The answer is not a list."};
        }
        for (const auto& v : array_of(page->get_object(), "data"))
        {
            if (v.is_object())
            {
                out.push_back(v);
            }
        }
        const auto next = raw_text_of(page->get_object(), "next_cursor");
        if (next.empty() || next == cursor)
        {
            return out;
        }
        cursor = next;
    }
}

int sessions(command_context& ctx, const std::string& site)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto rows = fetch_sessions(*session, site);
    if (rows.has_error())
    {
        return print_failure(ctx, rows.error());
    }
    text_table t({"SESSION", "STATE", "AGE", "MESSAGES", "SOURCE", "SITE"});
    for (const auto& row : *rows)
    {
        if (ctx.json)
        {
            print_json(ctx, row);
            continue;
        }
        const auto& o = row.get_object();
        t.add({text_of(o, "id"), text_of(o, "state"),
               format_duration(milliseconds{static_cast<std::int64_t>(number_of(o, "age_ms"))}),
               format_count(number_of(o, "messages")), text_of(o, "source"), text_of(o, "site")});
    }
    if (!ctx.json)
    {
        t.print(ctx.out());
    }
    return exit_ok;
}

/// "09:00:00.123" of an RFC 3339 time.
std::string clock_part(const json::object& e)
{
    const auto at = text_of(e, "at");
    return at.size() >= 23 ? at.substr(11, 12) : at;
}

/// One event as a line for a person.
std::string dialogue_line(const json::object& e)
{
    const auto what = raw_text_of(e, "what");
    if (what == "lost")
    {
        return "** " + text_of(e, "count") + " events were lost: this listener is too slow";
    }
    const auto start = clock_part(e) + "  #" + text_of(e, "session") + "  ";
    const auto raw = e.if_contains("text");
    const auto text =
        raw != nullptr && raw->is_string() ? printable(raw->get_string()) : std::string();
    if (what == "sent")
    {
        return start + "-> " + text;
    }
    if (what == "received")
    {
        return start + "<- " + text;
    }
    if (what == "body")
    {
        return start + "-> (" + format_count(number_of(e, "bytes")) + " bytes of message)";
    }
    if (what == "connecting")
    {
        return start + "** connecting to " + text_of(e, "mx") + " [" + text + "] from " +
               text_of(e, "source");
    }
    return start + "** " + what + (text.empty() ? "" : ": " + text);
}

/// Takes one line of the event stream. @returns whether the output can still be written
bool take_line(command_context& ctx, std::string_view line)
{
    constexpr std::string_view data = "data: ";
    constexpr std::string_view begun = ": listening";
    if (line.starts_with(begun))
    {
        ctx.err() << "hikyaku: " << printable(line.substr(2)) << ", Ctrl-C ends\n" << std::flush;
    }
    if (!line.starts_with(data))
    {
        return ctx.out().good();
    }
    line.remove_prefix(data.size());
    const auto event = parse_json(line);
    if (event.has_error() || !event->is_object())
    {
        return ctx.out().good();
    }
    ctx.out() << (ctx.json ? std::string(line) : dialogue_line(event->get_object())) << '\n';
    ctx.out().flush();
    return ctx.out().good();
}

/// Until the stream ends or a signal ends the process: every line is flushed, nothing is left to
/// do.
int trace(command_context& ctx, const std::string& site)
{
    auto session = client_session::open_platform(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    http::client_request r;
    r.target = "/platform/v1/trace" + parameter("?", site);
    r.on_line = [&ctx](std::string_view line) { return take_line(ctx, line); };
    const auto answer = session->send(r);
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    ctx.err() << "hikyaku: the daemon has ended the stream\n";
    return exit_ok;
}

} // namespace

void add_trace_commands(CLI::App& root, command_context& ctx)
{
    const auto site = std::make_shared<std::string>();
    auto* list = root.add_subcommand("sessions", "SMTP sessions that are open (operator)");
    list->add_option("--site", *site, "Only of this site: its name or one of its MX hosts");
    add_platform_options(*list, ctx);
    list->footer("Example:\n  hikyaku sessions --site mx.example.jp");
    on_chosen(*list, ctx, [&ctx, site] { return sessions(ctx, *site); });

    auto* follow = root.add_subcommand("trace", "Follow the SMTP dialogue with a site (operator)");
    follow->add_option("SITE", *site, "As `hikyaku queue` shows it, or one of its MX hosts")
        ->required();
    add_platform_options(*follow, ctx);
    follow->footer("Each line: time, session, -> what we said or <- what the other side said.\n"
                   "Messages are counted, not shown. Ctrl-C ends it.\n\n"
                   "Example:\n  hikyaku trace mx.example.jp");
    on_chosen(*follow, ctx, [&ctx, site] { return trace(ctx, *site); });
}

} // namespace hikyaku::cli
