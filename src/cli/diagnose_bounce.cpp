#include <hikyaku/cli/diagnose.h>

#include <istream>
#include <ostream>

#include <hikyaku/bounce/report.h>
#include <hikyaku/config/load.h>

#include "input.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

void print_json(const std::string& file, const bounce::report_recipient& r, std::ostream& out)
{
    out << json_line()
               .text("file", file)
               .text("kind", bounce::to_string(r.kind))
               .text("recipient", r.recipient)
               .text("original_recipient", r.original_recipient)
               .text("action", r.action)
               .text("status", r.status)
               .number("code", static_cast<std::size_t>(r.code))
               .text("class", r.kind == bounce::report_kind::none ? "" : bounce::to_string(r.cls))
               .flag("permanent", r.permanent)
               .text("text", r.text)
               .finish();
}

void print_text(const std::string& file, const bounce::report_recipient& r, std::ostream& out)
{
    out << printable(file) << ": " << bounce::to_string(r.kind);
    if (r.kind == bounce::report_kind::none)
    {
        out << '\n';
        return;
    }
    out << ' ' << (r.recipient.empty() ? "(nobody named)" : printable(r.recipient)) << ": "
        << bounce::to_string(r.cls) << (r.permanent ? ", permanent" : "") << '\n';
    const std::pair<const char*, std::string> lines[] = {
        {"original recipient", r.original_recipient},
        {"action", r.action},
        {"status", r.status},
        {"code", r.code == 0 ? std::string() : std::to_string(r.code)},
        {"text", r.text},
    };
    for (const auto& [name, value] : lines)
    {
        if (!value.empty())
        {
            out << "  " << name << ": " << printable(value) << '\n';
        }
    }
}

void print(const std::string& file, const bounce::report& report, bool json, std::ostream& out)
{
    std::vector<bounce::report_recipient> rows = report.recipients;
    if (rows.empty())
    {
        rows.emplace_back().kind = report.kind;
    }
    for (const auto& row : rows)
    {
        json ? print_json(file, row, out) : print_text(file, row, out);
    }
}

} // namespace

int run_bounce(const bounce_options& options, std::istream& in, std::ostream& out,
               std::ostream& err)
{
    const auto rules = config::load_bounce_rules(options.rules);
    if (rules.has_error())
    {
        err << config::to_string(rules.error()) << '\n';
        return exit_usage;
    }
    int status = exit_ok;
    std::vector<std::string> files = options.files;
    if (files.empty())
    {
        files.emplace_back("-");
    }
    for (const std::string& file : files)
    {
        const auto bytes = read_input(file, in);
        if (!bytes)
        {
            err << printable(bytes.error().text) << '\n';
            status = exit_usage;
            continue;
        }
        print(is_standard_input(file) ? "-" : file, bounce::parse_report(*bytes, **rules),
              options.json, out);
    }
    return status;
}

} // namespace hikyaku::cli
