#include "client_session.h"
#include "figures.h"
#include "job_wait.h"
#include "json_line.h"
#include "json_text.h"
#include "progress_bar.h"
#include "text_table.h"

#include <filesystem>

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t bar_width = 24;

struct import_options
{
    std::string file;
    std::string mode = "both";
    std::string key = "email";
    bool strict = false;
    bool wait = false;
    std::string errors_out;
};

std::string job_line(const json::object& job)
{
    const auto& p = object_of(job, "progress");
    const auto total = number_of(p, "total");
    const auto done = number_of(p, "done");
    const double fraction = total == 0 ? 0 : static_cast<double>(done) / static_cast<double>(total);
    const auto& counts = object_of(job, "counts");
    return draw_bar(fraction, bar_width) + "  " + format_bytes(done) + " of " +
           format_bytes(total) + "  " + format_count(number_of(counts, "rows")) + " rows  " +
           format_count(number_of(counts, "rejected")) + " rejected";
}

void print_job(command_context& ctx, const json::object& job)
{
    text_table t;
    t.add({"job", text_of(job, "id")});
    t.add({"state", text_of(job, "state")});
    for (const auto* name : {"rows", "created", "updated", "unchanged", "skipped", "rejected"})
    {
        t.add({name, format_count(number_of(object_of(job, "counts"), name))});
    }
    t.print(ctx.out());
    for (const auto& w : array_of(object_of(job, "counts"), "warnings"))
    {
        ctx.out() << "warning: " << text_of(w) << '\n';
    }
}

/// Fetches the rejected rows, or tells where they are.
int fetch_errors(command_context& ctx, client_session& session, const json::object& job,
                 const std::string& file)
{
    const auto url = raw_text_of(job, "errors_url");
    if (url.empty())
    {
        return exit_ok;
    }
    if (file.empty())
    {
        if (!ctx.json)
        {
            ctx.out() << "The rejected rows with their reasons: GET " << printable(url)
                      << " (or --errors-out FILE)\n";
        }
        return exit_ok;
    }
    http::client_request r;
    r.target = url;
    r.save_to = file;
    const auto answer = session.send(r);
    if (answer.has_error())
    {
        return print_failure(ctx, answer.error());
    }
    if (!ctx.json)
    {
        ctx.out() << "The rejected rows with their reasons are in " << printable(file) << ".\n";
    }
    return exit_ok;
}

int finish(command_context& ctx, client_session& session, const std::string& id,
           const import_options& o)
{
    const auto job = await_job(ctx, session, id, job_line);
    if (job.has_error())
    {
        return print_failure(ctx, job.error());
    }
    if (!*job)
    {
        ctx.err() << "\nThe import goes on without this window (job " << printable(id) << ").\n";
        return exit_ok;
    }
    const json::object& ended = **job;
    if (ctx.json)
    {
        print_json(ctx, ended);
    }
    else
    {
        print_job(ctx, ended);
    }
    const int fetched = fetch_errors(ctx, session, ended, o.errors_out);
    const auto state = raw_text_of(ended, "state");
    if (state != "done")
    {
        const auto why = raw_text_of(ended, "failure");
        return print_failure(ctx, {exit_negative, "The import is " + printable(state) +
                                                      (why.empty() ? "." : ": " + printable(why))});
    }
    return fetched;
}

result<std::string, call_failure> start_import(client_session& session, const import_options& o)
{
    http::client_request upload;
    upload.method = "POST";
    upload.target = "/v1/uploads";
    upload.content_type = "application/octet-stream";
    upload.body_file = o.file;
    const auto stored = session.send(upload);
    if (stored.has_error())
    {
        return stored.error();
    }
    const auto file = parse_json(stored->body);
    const auto file_id =
        file.has_value() && file->is_object() ? raw_text_of(file->get_object(), "id") : "";
    const auto started = session.post(
        "/v1/contacts:import",
        json::object{{"upload", file_id}, {"mode", o.mode}, {"key", o.key}, {"strict", o.strict}});
    if (started.has_error())
    {
        return started.error();
    }
    auto id = started->is_object() ? raw_text_of(started->get_object(), "job_id") : std::string();
    if (id.empty())
    {
        return call_failure{exit_unreachable, "The answer names no job."};
    }
    return id;
}

int import(command_context& ctx, const import_options& o)
{
    std::error_code ec;
    if (!std::filesystem::is_regular_file(o.file, ec))
    {
        return print_failure(ctx, {exit_usage, printable(o.file) + " is not a file."});
    }
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto id = start_import(*session, o);
    if (id.has_error())
    {
        return print_failure(ctx, id.error());
    }
    if (o.wait || !o.errors_out.empty())
    {
        return finish(ctx, *session, *id, o);
    }
    if (ctx.json)
    {
        print_json(ctx, json::object{{"job_id", *id}});
    }
    else
    {
        ctx.out() << "The import runs as " << printable(*id) << ": GET /v1/jobs/" << printable(*id)
                  << " shows it (--wait waits for it).\n";
    }
    return exit_ok;
}

} // namespace

void add_contact_commands(CLI::App& root, command_context& ctx)
{
    auto& group = add_group(root, "contacts", "Contacts of a tenant");
    auto* command = group.add_subcommand("import", "Import a CSV file");
    const auto o = std::make_shared<import_options>();
    command->add_option("FILE", o->file, "CSV with a header line, UTF-8")->required();
    command->add_option("--mode", o->mode, "Which rows are taken")
        ->check(CLI::IsMember({"new_only", "update_only", "both"}))
        ->capture_default_str();
    command->add_option("--key", o->key, "Field that tells contacts apart")->capture_default_str();
    command->add_flag("--strict", o->strict, "Refuse columns that match no field");
    command->add_flag("--wait", o->wait, "Wait for the end and print the counts");
    command->add_option("--errors-out", o->errors_out,
                        "Wait, and write the rejected rows with their reasons here");
    add_tenant_options(*command, ctx);
    command->footer("Example:\n  hikyaku contacts import members.csv --errors-out rejected.csv");
    on_chosen(*command, ctx, [&ctx, o] { return import(ctx, *o); });
}

} // namespace hikyaku::cli
