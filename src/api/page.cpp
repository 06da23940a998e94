#include <hikyaku/api/page.h>

#include <algorithm>
#include <charconv>

namespace hikyaku::api
{

http::response invalid_parameter(std::string_view name, std::string detail)
{
    return http::response::problem(
        {.status = 422,
         .code = "invalid_parameters",
         .detail = detail,
         .errors = {{"?" + std::string(name), "invalid", std::move(detail)}}});
}

result<void, http::response> check_query(const http::request& r,
                                         std::initializer_list<std::string_view> known)
{
    for (const auto& [name, value] : r.query)
    {
        if (std::find(known.begin(), known.end(), name) == known.end())
        {
            return invalid_parameter(name, "This query parameter is unknown here.");
        }
        if (r.query.all(name).size() > 1)
        {
            return invalid_parameter(name, "This query parameter may be given once only.");
        }
    }
    return {};
}

result<page, http::response> read_page(const http::request& r,
                                       std::initializer_list<std::string_view> others)
{
    std::vector<std::string_view> known(others);
    for (const auto& [name, value] : r.query)
    {
        const bool fits = name == "limit" || name == "cursor" ||
                          std::find(known.begin(), known.end(), name) != known.end();
        if (!fits || r.query.all(name).size() > 1)
        {
            return invalid_parameter(name, "This query parameter is unknown or given twice.");
        }
    }
    page out;
    if (const auto text = r.query.find("limit"))
    {
        const auto* const end = text->data() + text->size();
        const auto [at, error] = std::from_chars(text->data(), end, out.limit);
        if (error != std::errc{} || at != end || out.limit == 0 || out.limit > page::limit_max)
        {
            return invalid_parameter("limit", "limit is a number from 1 to 1000.");
        }
    }
    if (const auto text = r.query.find("cursor"))
    {
        if (text->empty() || text->size() > page::cursor_chars_max)
        {
            return invalid_parameter("cursor", "cursor is what next_cursor of an answer was.");
        }
        out.cursor = std::string(*text);
    }
    return out;
}

http::response list_answer(json::array data, std::optional<std::string> next_cursor)
{
    json::object out;
    out["data"] = std::move(data);
    out["next_cursor"] = next_cursor ? json::value(*next_cursor) : json::value(nullptr);
    return http::response::json(200, out);
}

} // namespace hikyaku::api
