#include "list_output.h"

#include "json_line.h"
#include "json_text.h"
#include "text_table.h"

namespace hikyaku::cli
{

list_column member_column(std::string heading, std::string member)
{
    return {std::move(heading),
            [member = std::move(member)](const json::object& o) { return text_of(o, member); }};
}

int run_list(command_context& ctx, result<client_session, call_failure> session,
             const std::string& target, const std::vector<list_column>& columns,
             std::size_t items_max)
{
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    const auto rows = session->list(target, items_max);
    if (rows.has_error())
    {
        return print_failure(ctx, rows.error());
    }
    if (ctx.json)
    {
        for (const auto& row : *rows)
        {
            print_json(ctx, row);
        }
        return exit_ok;
    }
    const auto cells_of = [&](const auto& text)
    {
        std::vector<std::string> out;
        for (const auto& column : columns)
        {
            out.push_back(text(column));
        }
        return out;
    };
    text_table t(cells_of([](const list_column& c) { return c.heading; }));
    for (const auto& row : *rows)
    {
        t.add(cells_of([&](const list_column& c) { return c.text(row.get_object()); }));
    }
    t.print(ctx.out());
    return exit_ok;
}

} // namespace hikyaku::cli
