#include "exchange.h"

#include <hikyaku/base/log.h>

#include <boost/core/demangle.hpp>

#include <array>
#include <exception>
#include <system_error>
#include <typeinfo>

#include "target.h"

namespace hikyaku::http
{
namespace
{

constexpr std::array known_methods{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

bool is_known_method(std::string_view method) noexcept
{
    for (const std::string_view known : known_methods)
    {
        if (method == known)
        {
            return true;
        }
    }
    return false;
}

/// Called inside a catch block. No message of the exception above debug: it may quote data.
response explain_exception(const exchange& x)
{
    std::string type = "unknown";
    try
    {
        throw;
    }
    catch (const std::exception& e)
    {
        type = boost::core::demangle(typeid(e).name());
        log::debug("http_handler_exception_text",
                   {{"request_id", x.req.request_id}, {"what", e.what()}});
    }
    catch (...)
    {
        type = "not a std::exception";
    }
    log::error("http_handler_exception",
               {{"route", x.req.route}, {"request_id", x.req.request_id}, {"type", type}});
    return make_refusal(500, "internal_error",
                        "The request failed on our side; quote the request id when you ask.");
}

bool check_route(exchange& x, const router& routes, std::string_view raw_path)
{
    auto match = routes.match(x.head.method, raw_path);
    if (match.found != nullptr)
    {
        x.routed = match.found;
        x.req.route = match.found->options.name;
        x.req.parameters = std::move(match.parameters);
        return true;
    }
    if (match.allow.empty())
    {
        x.answer = make_refusal(404, "not_found", "There is nothing at this path.");
        return false;
    }
    x.answer = make_refusal(405, "method_not_allowed", "Allowed here: " + match.allow + ".");
    x.answer->set_header("Allow", match.allow);
    return false;
}

bool check_body(exchange& x)
{
    const auto coding = x.head.fields.find("Content-Encoding");
    if (coding && !equal_ignoring_case(*coding, "identity"))
    {
        x.answer = make_refusal(415, "unsupported_content_encoding",
                                "Send the body without Content-Encoding.");
        x.answer->set_header("Accept-Encoding", "identity");
        return false;
    }
    if (x.head.content_length > x.routed->options.body_bytes_max)
    {
        x.answer = make_refusal(413, "body_too_large",
                                "The body may have at most " +
                                    std::to_string(x.routed->options.body_bytes_max) + " bytes.");
        return false;
    }
    return true;
}

} // namespace

exchange::~exchange()
{
    if (!spool.path().empty())
    {
        // After a rename there is nothing left under this name; that is no error.
        std::error_code ignored;
        std::filesystem::remove(spool.path(), ignored);
    }
}

response make_refusal(unsigned status, std::string_view code, std::string_view detail)
{
    problem p;
    p.status = status;
    p.code = code;
    p.detail = detail;
    return response::problem(std::move(p));
}

void admit(exchange& x, const listener& from)
{
    x.req.method = x.head.method;
    x.req.target = x.head.target;
    if (!is_known_method(x.head.method))
    {
        x.answer = make_refusal(501, "method_not_implemented", "This method is not known.");
        return;
    }
    auto target = parse_target(x.head.target);
    if (target.has_error())
    {
        const refusal& why = target.error();
        x.answer = make_refusal(why.status, why.code, why.detail);
        return;
    }
    x.req.path = std::move(target->path);
    x.req.query = std::move(target->query);
    if (check_route(x, from.serves.routes, target->raw_path) && check_body(x))
    {
        x.req.headers = std::move(x.head.fields);
    }
}

void run_hook(exchange& x, const service& serves) noexcept
{
    x.hook_ran = true;
    if (!serves.before)
    {
        return;
    }
    try
    {
        x.answer = serves.before(x.req);
    }
    catch (...)
    {
        x.answer = explain_exception(x);
    }
}

void run_handler(exchange& x) noexcept
{
    if (x.answer)
    {
        return;
    }
    try
    {
        x.answer = x.routed->run(x.req);
    }
    catch (...)
    {
        x.answer = explain_exception(x);
    }
}

} // namespace hikyaku::http
