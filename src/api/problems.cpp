#include <hikyaku/api/problems.h>

#include <utility>

namespace hikyaku::api
{
namespace
{

http::response conflict(std::string code, std::string detail)
{
    return http::response::problem(
        {.status = 409, .code = std::move(code), .detail = std::move(detail)});
}

http::response missing(std::string detail)
{
    return http::response::problem(
        {.status = 404, .code = "not_found", .detail = std::move(detail)});
}

http::response duplicate(std::string pointer, std::string text)
{
    return http::response::problem({.status = 409,
                                    .code = "duplicate",
                                    .detail = text,
                                    .errors = {{std::move(pointer), "duplicate", text}}});
}

} // namespace

http::response to_response(const crm::problem& p, std::string_view prefix)
{
    const std::string pointer =
        p.field.empty() ? std::string() : std::string(prefix) + escape_pointer(p.field);
    switch (p.code)
    {
    case crm::errc::not_found:
        return missing(p.text);
    case crm::errc::invalid:
        return invalid_field(pointer, "invalid", p.text);
    case crm::errc::duplicate:
        return duplicate(pointer, p.text);
    case crm::errc::stale:
        return conflict("revision_conflict", p.text);
    case crm::errc::limit:
        return conflict("limit_reached", p.text);
    case crm::errc::corrupt:
        return unavailable("store_damaged", p.text);
    case crm::errc::io:
        return unavailable("storage_failed", p.text);
    }
    __builtin_unreachable();
}

http::response to_response(const identity::problem& p)
{
    const std::string pointer = p.field.empty() ? std::string() : "/" + escape_pointer(p.field);
    switch (p.kind)
    {
    case identity::problem_kind::invalid:
        return invalid_field(pointer, "invalid", p.text);
    case identity::problem_kind::not_found:
        return missing(p.text);
    case identity::problem_kind::conflict:
        return conflict("conflict", p.text);
    case identity::problem_kind::limit:
        return conflict("limit_reached", p.text);
    case identity::problem_kind::forbidden:
        return http::response::problem({.status = 403, .code = "forbidden", .detail = p.text});
    case identity::problem_kind::unavailable:
        return unavailable("store_damaged", p.text);
    }
    __builtin_unreachable();
}

http::response to_response(const hikyaku::jobs::job_error& e)
{
    using kind = hikyaku::jobs::job_error::kind;
    switch (e.code)
    {
    case kind::not_found:
        return missing(e.text);
    case kind::unknown_kind:
        return unavailable("not_available", e.text);
    case kind::full:
        return unavailable("too_many_jobs", e.text);
    case kind::finished:
        return conflict("job_finished", e.text);
    case kind::corrupt:
        return unavailable("store_damaged", e.text);
    }
    __builtin_unreachable();
}

http::response not_found(std::string_view noun)
{
    return missing("There is no " + std::string(noun) + " with this id.");
}

http::response invalid_field(std::string pointer, std::string code, std::string detail)
{
    return http::response::problem(
        {.status = 422,
         .code = "invalid_fields",
         .detail = detail,
         .errors = {{std::move(pointer), std::move(code), std::move(detail)}}});
}

http::response unavailable(std::string code, std::string detail)
{
    return http::response::problem({.status = 503,
                                    .code = std::move(code),
                                    .detail = std::move(detail),
                                    .retry_after = retry_after_s});
}

} // namespace hikyaku::api
