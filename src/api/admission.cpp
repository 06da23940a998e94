#include "admission.h"

#include <hikyaku/api/problems.h>

namespace hikyaku::api
{
namespace
{

http::response unauthorized(std::string detail, std::string challenge)
{
    auto out = http::response::problem(
        {.status = 401, .code = "unauthorized", .detail = std::move(detail)});
    out.set_header("WWW-Authenticate", std::move(challenge));
    return out;
}

http::response forbidden(std::string code, std::string detail)
{
    return http::response::problem(
        {.status = 403, .code = std::move(code), .detail = std::move(detail)});
}

http::response refuse(identity::auth_failure f)
{
    const std::string text(identity::to_text(f));
    switch (f)
    {
    case identity::auth_failure::missing:
        return unauthorized(text, "Bearer realm=\"hikyaku\"");
    case identity::auth_failure::malformed:
    case identity::auth_failure::refused:
        return unauthorized(text, "Bearer realm=\"hikyaku\", error=\"invalid_token\"");
    case identity::auth_failure::tenant_suspended:
        return forbidden("tenant_suspended", text);
    case identity::auth_failure::unavailable:
        return unavailable("store_damaged", text);
    }
    __builtin_unreachable();
}

/// The one Authorization field; two of them are nobody's.
std::string_view authorization_of(const http::request& r)
{
    return r.headers.count("Authorization") == 1 ? *r.header("Authorization") : std::string_view();
}

std::optional<http::response> refuse_when_full(const services& all, const route_guard& guard)
{
    if (guard.mutates && all.disk.low())
    {
        return unavailable("disk_full", "The disk is nearly full; nothing can be changed now.");
    }
    return std::nullopt;
}

/// What a key that is in order may still be refused for; fills in what is left of `out`.
std::optional<http::response> check_tenant(const services& all, const route_guard& guard,
                                           admitted_tenant& out)
{
    if (guard.required && !out.who.scopes.has(*guard.required))
    {
        return forbidden("missing_scope", "This needs a key with the scope " +
                                              std::string(identity::to_string(*guard.required)) +
                                              ".");
    }
    const auto tenant = all.tenants.find(out.who.tenant);
    if (!tenant)
    {
        return refuse(identity::auth_failure::refused);
    }
    out.offset_minutes = tenant->offset_minutes;
    return refuse_when_full(all, guard);
}

} // namespace

std::optional<http::response> admit_tenant(const services& all, const route_guard& guard,
                                           http::request& r)
{
    if (std::any_cast<admitted_tenant>(&r.context) != nullptr)
    {
        return std::nullopt;
    }
    auto who = all.keys.authenticate(authorization_of(r));
    if (!who)
    {
        return refuse(who.error());
    }
    admitted_tenant admitted{.who = std::move(*who)};
    if (all.limits != nullptr)
    {
        admitted.quota = all.limits->take(admitted.who.key_id);
        if (!admitted.quota->granted)
        {
            return all.limits->refuse(*admitted.quota);
        }
    }
    auto refused = check_tenant(all, guard, admitted);
    if (refused && admitted.quota)
    {
        all.limits->tell(*admitted.quota, *refused);
    }
    r.context = refused ? std::any() : std::any(std::move(admitted));
    return refused;
}

std::optional<http::response> admit_operator(const services& all, const route_guard& guard,
                                             http::request& r)
{
    if (guard.open || std::any_cast<admitted_operator>(&r.context) != nullptr)
    {
        return std::nullopt;
    }
    std::string name;
    if (r.over_unix_socket && r.peer && (r.peer->uid == 0 || r.peer->uid == all.own_uid))
    {
        name = "uid " + std::to_string(r.peer->uid);
    }
    else if (all.token != nullptr && all.token->verify(authorization_of(r)))
    {
        name = "operator";
    }
    else
    {
        return unauthorized("This needs the operator's token, or the Unix socket.",
                            "Bearer realm=\"hikyaku platform\"");
    }
    if (auto full = refuse_when_full(all, guard))
    {
        return full;
    }
    r.context = admitted_operator{std::move(name)};
    return std::nullopt;
}

} // namespace hikyaku::api
