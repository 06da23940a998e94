#pragma once

#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>
#include <hikyaku/web/public_pages.h>

namespace hikyaku::web
{

/// GET and HEAD /u/{token}.
[[nodiscard]] http::response show_unsubscribe(const public_services& all, const http::request& r);
/// POST /u/{token}. The client's address is in the request's context.
[[nodiscard]] http::response post_unsubscribe(const public_services& all, const http::request& r);

/// What the `before` hook found out, as request::context.
struct public_call
{
    std::string client;
};

} // namespace hikyaku::web
