#include "resources.h"

#include <hikyaku/api/context.h>

#include <charconv>

namespace hikyaku::api
{
namespace
{

/// A cell of RFC 4180, never one that a spreadsheet takes for a formula.
void append_cell(std::string& out, std::string_view text)
{
    const bool formula =
        !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    out.push_back('"');
    out += formula ? "'" : "";
    for (const char c : text)
    {
        out += c == '"' ? "\"\"" : std::string(1, c);
    }
    out.push_back('"');
}

std::string to_csv(const tenant_call& call, const std::vector<oplog::entry>& entries)
{
    std::string out = "time,user,group,ip,operation,object,detail,request_id,id\r\n";
    for (const auto& e : entries)
    {
        const std::string at = call.time(e.at);
        const std::string id = format_id("op", e.seq);
        const std::string_view cells[] = {at,       e.who.name,       e.who.group,
                                          e.who.ip, e.operation,      e.object,
                                          e.detail, e.who.request_id, id};
        bool first = true;
        for (const auto& cell : cells)
        {
            out += first ? "" : ",";
            first = false;
            append_cell(out, cell);
        }
        out += "\r\n";
    }
    return out;
}

json::value entry_to_json(const tenant_call& call, const oplog::entry& e)
{
    return json::object{{"id", format_id("op", e.seq)},
                        {"time", call.time(e.at)},
                        {"user", e.who.name},
                        {"group", e.who.group},
                        {"ip", e.who.ip},
                        {"operation", e.operation},
                        {"object", e.object},
                        {"detail", e.detail},
                        {"request_id", e.who.request_id}};
}

result<std::optional<wall_time>, http::response> read_time(const http::request& r,
                                                           std::string_view name)
{
    const auto text = r.query.find(name);
    if (!text)
    {
        return std::optional<wall_time>();
    }
    const auto t = parse_rfc3339(*text);
    if (!t)
    {
        return invalid_parameter(name, t.error().text);
    }
    return std::optional<wall_time>(*t);
}

result<oplog::operation_log::filter, http::response> read_filter(const http::request& r)
{
    oplog::operation_log::filter f;
    const auto from = read_time(r, "from");
    const auto until = read_time(r, "until");
    if (!from || !until)
    {
        return from ? until.error() : from.error();
    }
    f.from = *from;
    f.until = *until;
    f.name = std::string(r.query.find("user").value_or(""));
    f.ip = std::string(r.query.find("ip").value_or(""));
    f.operation = std::string(r.query.find("operation").value_or(""));
    return f;
}

http::response list(tenant_call& call)
{
    const auto p = read_page(call.request(), {"from", "until", "user", "ip", "operation"});
    if (!p)
    {
        return p.error();
    }
    const auto filter = read_filter(call.request());
    if (!filter)
    {
        return filter.error();
    }
    const auto before =
        p->cursor.empty() ? std::optional<std::uint64_t>(0) : parse_id("op", p->cursor);
    if (!before)
    {
        return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
    }
    const auto found = call.all().log.list(call.tenant(), *filter, *before, p->limit);
    if (!found)
    {
        return unavailable("store_damaged", "A part of the operation log can't be read.");
    }
    std::optional<std::string> next;
    if (found->size() == p->limit && found->back().seq > 1)
    {
        next = format_id("op", found->back().seq);
    }
    const auto accept = call.request().header("Accept").value_or("");
    if (accept.starts_with("text/csv"))
    {
        auto out = http::response::text(200, "text/csv; charset=utf-8", to_csv(call, *found));
        if (next)
        {
            out.set_header("X-Next-Cursor", *next);
        }
        return out;
    }
    json::array data;
    for (const auto& e : *found)
    {
        data.push_back(entry_to_json(call, e));
    }
    return list_answer(std::move(data), std::move(next));
}

} // namespace

void add_operation_log_routes(http::router& router, services& all)
{
    all.routes.add_component("Operation", R"({"type":"object","properties":{"id":{"type":"string"},
"time":{"type":"string","format":"date-time"},"user":{"type":"string"},"group":{"type":"string"},
"ip":{"type":"string"},"operation":{"type":"string"},"object":{"type":"string"},"detail":{"type":"string"},
"request_id":{"type":"string"}}})");
    tenant_route read{.required = identity::scope::operation_log_read};
    read.text = {.summary =
                     "Who did what, newest first; CSV with Accept: text/csv (the cursor is then "
                     "in X-Next-Cursor)",
                 .tag = "operation-logs",
                 .query = {{"from", "Not before this moment (RFC 3339)"},
                           {"until", "Before this moment (RFC 3339)"},
                           {"user", "Name of the user or key"},
                           {"ip", "Address it came from"},
                           {"operation", "Verb or its beginning, such as contact."}},
                 .response = "Operation",
                 .is_list = true,
                 .errors = {422}};
    add_tenant_route(router, all, "GET", "/v1/operation-logs", list, read);
}

} // namespace hikyaku::api
