#include <hikyaku/web/public_pages.h>

#include "client_limits.h"
#include "page.h"
#include "unsubscribe.h"

#include <memory>

namespace hikyaku::web
{
namespace
{

http::response show_robots(const http::request&)
{
    return http::response::text(200, "text/plain; charset=utf-8", "User-agent: *\nDisallow: /\n");
}

/// Finds out who asks, and whether too often.
class gate
{
public:
    gate(const clock& clock, const public_options& options)
        : proxies_(make_proxies(options.proxies)), limits_(clock, options)
    {
    }

    std::optional<http::response> enter(http::request& r)
    {
        public_call call{client_address(r, proxies_)};
        const auto wait = limits_.refuse(call.client);
        r.context = std::move(call);
        if (!wait)
        {
            return std::nullopt;
        }
        auto out = make_page(429, page_kind::too_many, choose_language(r));
        out.set_header("Retry-After", std::to_string(wait->count()));
        return out;
    }

private:
    const net::network_list proxies_;
    client_limits limits_;
};

} // namespace

void add_public_routes(http::service& to, const public_services& all, const public_options& options)
{
    http::route_options small;
    small.body_bytes_max = form_bytes_max;
    to.routes.add(
        "GET", "/u/{token}", [&all](http::request& r) { return show_unsubscribe(all, r); }, small);
    to.routes.add(
        "POST", "/u/{token}", [&all](http::request& r) { return post_unsubscribe(all, r); }, small);
    to.routes.add("GET", "/robots.txt", show_robots, small);
    // Shared: std::function copies what it holds.
    const auto shared = std::make_shared<gate>(all.clock_source, options);
    to.before = [shared](http::request& r) { return shared->enter(r); };
}

} // namespace hikyaku::web
