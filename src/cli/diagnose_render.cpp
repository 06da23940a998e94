#include <hikyaku/cli/diagnose.h>

#include <algorithm>
#include <istream>
#include <ostream>

#include <hikyaku/template/render_json.h>
#include <hikyaku/text/utf8.h>

#include "input.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// "line:column" of a byte offset; columns in code points.
std::string place_of(std::string_view text, std::size_t offset)
{
    const auto before = text.substr(0, offset);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto start = before.rfind('\n');
    const auto column = text::count_code_points(
        start == std::string_view::npos ? before : before.substr(start + 1));
    return std::to_string(line) + ":" + std::to_string(column + 1);
}

int print_mistake(const tmpl::source_error& e, bool json, std::ostream& out)
{
    if (json)
    {
        out << json_line()
                   .number("line", e.line)
                   .number("column", e.column)
                   .text("reason", e.text)
                   .finish();
    }
    else
    {
        out << e.line << ':' << e.column << ": " << printable(e.text) << '\n';
    }
    return exit_negative;
}

/// An empty object when there is no file.
result<json::value, failure> read_data(const std::string& file, std::istream& in)
{
    if (file.empty())
    {
        return json::value(json::object());
    }
    const auto bytes = read_input(file, in);
    if (!bytes)
    {
        return bytes.error();
    }
    auto parsed = parse_json(*bytes);
    if (!parsed)
    {
        return failure{file + ":" + place_of(*bytes, parsed.error().offset) + ": " +
                       parsed.error().text};
    }
    if (!parsed->is_object())
    {
        return failure{file + ":1:1: the data must be an object"};
    }
    return std::move(*parsed);
}

} // namespace

int run_render(const render_options& options, std::istream& in, std::ostream& out,
               std::ostream& err)
{
    const bool both_from_input =
        is_standard_input(options.template_file) && options.data_file == "-";
    const auto source = both_from_input ? result<std::string, failure>(failure{
                                              "template and data can't both be standard input"})
                                        : read_input(options.template_file, in);
    if (!source)
    {
        err << printable(source.error().text) << '\n';
        return exit_usage;
    }
    const auto data = read_data(options.data_file, in);
    if (!data)
    {
        err << printable(data.error().text) << '\n';
        return exit_usage;
    }
    tmpl::render_clock now;
    now.now = options.now == wall_time{} ? system_clock().wall() : options.now;
    now.offset_minutes = options.offset_minutes;
    const auto mode = options.html ? tmpl::escape_mode::html : tmpl::escape_mode::none;
    const auto rendered = tmpl::render_json(*source, *data, mode, now);
    if (!rendered)
    {
        return print_mistake(rendered.error(), options.json, out);
    }
    if (options.json)
    {
        out << json_line().text("output", *rendered).finish();
    }
    else
    {
        out << *rendered;
    }
    return exit_ok;
}

} // namespace hikyaku::cli
