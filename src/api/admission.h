#pragma once

#include <optional>

#include <hikyaku/api/services.h>
#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::api
{

/// Who asks, found out once per request and kept in http::request::context.
struct admitted_tenant
{
    identity::principal who;
    int offset_minutes = 0;
    /// After this request; nullopt when requests are not limited.
    std::optional<request_quota> quota{};
};

/// Authentication, the key's rate, tenant state, scope and disk of a tenant's request; keeps the
/// admitted_tenant in the request. Does nothing when that is there already.
/// @returns the refusal, or nullopt
[[nodiscard]] std::optional<http::response>
admit_tenant(const services& all, const route_guard& guard, http::request& r);

/// The operator's credentials, and the disk. The actor's name ("operator", "uid 0") is kept in the
/// request.
/// @returns the refusal, or nullopt
[[nodiscard]] std::optional<http::response>
admit_operator(const services& all, const route_guard& guard, http::request& r);

/// What admit_operator keeps.
struct admitted_operator
{
    std::string name;
};

} // namespace hikyaku::api
