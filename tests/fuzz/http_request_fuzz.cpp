// Fuzzes what stands between the socket and the router: head scanner, head parser, target and
// body decoder. Two properties: the pieces in which bytes arrive don't matter, and Beast, an
// independent parser, reads whatever we accept in the same way (a difference is how requests are
// smuggled past a proxy).
#include <hikyaku/base/assert.h>
#include <hikyaku/http/router.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../../src/http/body_decoder.h"
#include "../../src/http/target.h"
#include "../../src/http/wire.h"

namespace
{

using namespace hikyaku::http;
namespace beast = boost::beast;

struct decoded
{
    bool refused = false;
    bool done = false;
    std::string body;
    std::size_t used = 0;
};

decoded decode(const message_head& head, std::string_view bytes, std::size_t step)
{
    decoded out;
    body_decoder decoder(head.body, head.content_length);
    while (!decoder.done() && out.used < bytes.size())
    {
        std::string_view piece = bytes.substr(out.used, step);
        const auto before = piece.size();
        const auto taken = decoder.consume(piece);
        if (taken.has_error())
        {
            out.refused = true;
            return out;
        }
        out.body += *taken;
        out.used += before - piece.size();
    }
    out.done = decoder.done();
    return out;
}

void compare_with_beast(std::string_view all, const message_head& head, const decoded& ours)
{
    beast::http::request_parser<beast::http::string_body> parser;
    parser.eager(true);
    parser.header_limit(1u << 20);
    parser.body_limit(boost::none);
    boost::system::error_code error;
    const auto used = parser.put(boost::asio::buffer(all.data(), all.size()), error);
    // Beast alone looks into this old header; it has no effect here.
    if (error == beast::http::error::bad_value && head.fields.find("Proxy-Connection"))
    {
        return;
    }
    HK_ASSERT(!error);
    HK_ASSERT(parser.is_done());
    HK_ASSERT(parser.get().method_string() == head.method);
    HK_ASSERT(parser.get().target() == head.target);
    HK_ASSERT(parser.get().body() == ours.body);
    HK_ASSERT(used == all.size());
}

void check_target(std::string_view target)
{
    const auto parsed = parse_target(target);
    if (parsed.has_error())
    {
        return;
    }
    HK_ASSERT(parsed->path.starts_with('/'));
    HK_ASSERT(is_clean_utf8(parsed->path));
    HK_ASSERT(parsed->query.size() <= query_parameters_max);
    static const router routes = []
    {
        router made;
        const auto nothing = [](request&) { return response::empty(204); };
        made.add("GET", "/v1/{a}", nothing);
        made.add("GET", "/v1/{a}:b/c", nothing);
        return made;
    }();
    static_cast<void>(routes.match("GET", parsed->raw_path));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const head_limits limits{4096, 20, 1024};
    head_scanner whole;
    const auto end = whole.scan(bytes, limits);
    if (end.has_error() || !*end)
    {
        return 0;
    }
    head_scanner piecewise;
    for (std::size_t i = 1; i < **end; ++i)
    {
        const auto early = piecewise.scan(bytes.substr(0, i), limits);
        HK_ASSERT(early.has_value() && !*early);
    }
    const auto head = parse_request_head(bytes.substr(0, **end), limits);
    if (head.has_error())
    {
        return 0;
    }
    check_target(head->target);
    const auto rest = bytes.substr(**end);
    const auto at_once = decode(*head, rest, rest.size() + 1);
    const auto bytewise = decode(*head, rest, 1);
    HK_ASSERT(at_once.refused == bytewise.refused && at_once.done == bytewise.done);
    HK_ASSERT(at_once.refused || at_once.body == bytewise.body);
    if (at_once.done)
    {
        HK_ASSERT(at_once.used == bytewise.used);
        compare_with_beast(bytes.substr(0, **end + at_once.used), *head, at_once);
    }
    return 0;
}
