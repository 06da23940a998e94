#include <hikyaku/http/response.h>

#include <hikyaku/http/fields.h>

#include <algorithm>
#include <stdexcept>

namespace hikyaku::http
{
namespace
{

struct reason_row
{
    unsigned status;
    std::string_view phrase;
};

constexpr reason_row reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

/// Errors that the sentence names; the others are in `errors`.
constexpr std::size_t named_errors_max = 3;

/// What to do about the errors, in a sentence.
std::string describe(const std::vector<field_error>& errors)
{
    std::string out = "Correct ";
    const auto named = std::min(errors.size(), named_errors_max);
    for (std::size_t i = 0; i < named; ++i)
    {
        const bool last = i + 1 == errors.size();
        out += i == 0 ? "" : last ? " and " : ", ";
        out += errors[i].pointer.empty() ? "the body" : errors[i].pointer;
        out += errors[i].detail.empty() ? "" : " (" + errors[i].detail + ")";
    }
    if (errors.size() > named)
    {
        out += " and " + std::to_string(errors.size() - named) + " more";
    }
    return out + ", then send the request again.";
}

/// Never empty: a client that shows one member shows this one.
std::string detail_of(const problem& p)
{
    if (!p.detail.empty())
    {
        return p.detail;
    }
    return p.errors.empty() ? std::string(reason_phrase(p.status)) + "." : describe(p.errors);
}

json::value to_json(const field_error& e)
{
    return json::object{{"pointer", e.pointer}, {"code", e.code}, {"detail", e.detail}};
}

} // namespace

std::string_view reason_phrase(unsigned status) noexcept
{
    const auto* const at = std::find_if(std::begin(reasons), std::end(reasons),
                                        [&](const reason_row& r) { return r.status == status; });
    return at == std::end(reasons) ? "Unknown" : at->phrase;
}

json::value to_json(const problem& p, std::string_view instance)
{
    json::object out;
    out["type"] = p.code.empty() ? std::string("about:blank") : "urn:hikyaku:problem:" + p.code;
    out["title"] = p.title.empty() ? std::string(reason_phrase(p.status)) : p.title;
    out["status"] = p.status;
    out["detail"] = detail_of(p);
    if (!instance.empty())
    {
        out["instance"] = instance;
    }
    if (!p.code.empty())
    {
        out["code"] = p.code;
    }
    if (!p.errors.empty())
    {
        json::array errors;
        for (const auto& e : p.errors)
        {
            errors.push_back(to_json(e));
        }
        out["errors"] = std::move(errors);
    }
    return out;
}

response response::json(unsigned status, const hikyaku::json::value& value)
{
    return text(status, "application/json", to_json_text(value));
}

response response::problem(http::problem p)
{
    auto out = text(p.status, "application/problem+json", to_json_text(to_json(p)));
    if (p.retry_after)
    {
        out.set_header("Retry-After", std::to_string(p.retry_after->count()));
    }
    out.details = std::move(p);
    return out;
}

response response::text(unsigned status, std::string content_type, std::string body)
{
    response out;
    out.status = status;
    out.content_type = std::move(content_type);
    out.body = std::move(body);
    return out;
}

response response::empty(unsigned status)
{
    response out;
    out.status = status;
    return out;
}

std::optional<std::string_view> response::find_header(std::string_view name) const noexcept
{
    for (const auto& [field, value] : headers)
    {
        if (equal_ignoring_case(field, name))
        {
            return value;
        }
    }
    return std::nullopt;
}

void response::set_header(std::string_view name, std::string value)
{
    std::erase_if(headers, [&](const auto& h) { return equal_ignoring_case(h.first, name); });
    headers.emplace_back(std::string(name), std::move(value));
}

void throw_exception_from_error(const response& r, const boost::source_location&)
{
    throw std::runtime_error("unexpected HTTP answer " + std::to_string(r.status));
}

} // namespace hikyaku::http
