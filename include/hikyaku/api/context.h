#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/api/page.h>
#include <hikyaku/api/problems.h>
#include <hikyaku/api/services.h>
#include <hikyaku/http/json_body.h>
#include <hikyaku/http/router.h>
#include <hikyaku/http/server.h>

namespace hikyaku::api
{

/// What a tenant's endpoint gets: who asks, for which tenant, and how to act in his name. Lives as
/// long as the handler runs.
class tenant_call
{
public:
    tenant_call(services& all, http::request& request, identity::principal who, oplog::actor actor,
                int offset_minutes)
        : all_(all), request_(request), who_(std::move(who)), actor_(std::move(actor)),
          offset_minutes_(offset_minutes)
    {
    }

    [[nodiscard]] services& all() const noexcept { return all_; }
    [[nodiscard]] http::request& request() const noexcept { return request_; }
    [[nodiscard]] const identity::principal& who() const noexcept { return who_; }
    [[nodiscard]] tenant_id tenant() const noexcept { return who_.tenant; }

    /// Who makes the change of this request. The first change committed with it also makes the
    /// Idempotency-Key durable, under the object that change names: so that must be the object the
    /// request is about.
    [[nodiscard]] const oplog::actor& actor() const noexcept { return actor_; }
    /// The same for changes that come before the one that counts (storing an upload for an
    /// import): carries no Idempotency-Key.
    [[nodiscard]] oplog::actor preparing_actor() const;

    /// Zone of the tenant's times, in minutes east of UTC.
    [[nodiscard]] int offset_minutes() const noexcept { return offset_minutes_; }
    [[nodiscard]] wall_time now() const noexcept { return all_.clock_source.wall(); }
    /// RFC 3339 in the tenant's zone.
    [[nodiscard]] std::string time(wall_time t) const { return format_rfc3339(t, offset_minutes_); }

    /// A path parameter. @pre the pattern has it
    [[nodiscard]] const std::string& parameter(std::string_view name) const
    {
        return request_.parameter(name);
    }
    /// The body as strict JSON. @error 400, 415
    [[nodiscard]] result<json::value, http::response> body() const
    {
        return http::parse_json_body(request_);
    }

private:
    services& all_;
    http::request& request_;
    identity::principal who_;
    oplog::actor actor_;
    int offset_minutes_;
};

using tenant_handler = std::function<http::response(tenant_call&)>;

/// How a tenant's route is wrapped.
struct tenant_route
{
    /// The key must have it: else 403.
    identity::scope required = identity::scope::contacts_read;
    /// A POST that changes nothing (:count, :search): takes no Idempotency-Key, works while the
    /// disk is full. GET never changes anything.
    bool read_only = false;
    /// False when the answer holds a secret: it is then never stored, and a replay is answered by
    /// `replay`.
    bool keeps_answer = true;
    /// Answers a replay whose answer is lost, from the object that the operation log names. Empty:
    /// {"id": object} with route_text::status.
    std::function<http::response(tenant_call&, const std::string& object)> replay{};
    http::route_options http{};
    route_text text{};
};

/// Adds a tenant's endpoint: authentication (401 with WWW-Authenticate), tenant state and scope
/// (403), full disk (503), Idempotency-Key, then the handler. Documented in all.routes.
/// `all` outlives the router.
void add_tenant_route(http::router& router, services& all, std::string_view method,
                      std::string_view pattern, tenant_handler run, tenant_route how);

/// For http::service::before of the tenants' listener: authentication, scope and disk are checked
/// before a body is read. Without it they are checked when the route runs. `all` outlives it.
[[nodiscard]] http::before_hook make_tenant_hook(services& all);

/// What an operator's endpoint gets.
class platform_call
{
public:
    platform_call(services& all, http::request& request, oplog::actor actor)
        : all_(all), request_(request), actor_(std::move(actor))
    {
    }
    [[nodiscard]] services& all() const noexcept { return all_; }
    [[nodiscard]] http::request& request() const noexcept { return request_; }
    [[nodiscard]] const oplog::actor& actor() const noexcept { return actor_; }
    [[nodiscard]] wall_time now() const noexcept { return all_.clock_source.wall(); }
    /// RFC 3339 in Japan Standard Time.
    [[nodiscard]] std::string time(wall_time t) const;
    [[nodiscard]] const std::string& parameter(std::string_view name) const
    {
        return request_.parameter(name);
    }
    [[nodiscard]] result<json::value, http::response> body() const
    {
        return http::parse_json_body(request_);
    }

private:
    services& all_;
    http::request& request_;
    oplog::actor actor_;
};

using platform_handler = std::function<http::response(platform_call&)>;

/// Who may use an operator's route.
enum class platform_access
{
    /// The operator's token, or root or the daemon's own user over the Unix socket.
    operator_only,
    /// Anybody who reaches the listener: probes and metrics, which name no tenant.
    anybody,
};

/// How an operator's route is wrapped.
struct platform_route
{
    platform_access access = platform_access::operator_only;
    /// As in tenant_route.
    bool keeps_answer = true;
    std::function<http::response(platform_call&, const std::string& object)> replay{};
};

/// Adds an operator's endpoint: credentials, full disk, Idempotency-Key of a POST (its row is in
/// the platform's family), then the handler. `all` outlives the router.
void add_platform_route(http::router& router, services& all, std::string_view method,
                        std::string_view pattern, platform_handler run, platform_route how = {});

/// For http::service::before of the platform's listeners, see make_tenant_hook.
[[nodiscard]] http::before_hook make_platform_hook(services& all);

} // namespace hikyaku::api
