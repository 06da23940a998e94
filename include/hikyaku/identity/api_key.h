#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/identity/scope.h>

namespace hikyaku::identity
{

/// A key as it may be shown: the secret is not here, nor anywhere else.
struct api_key
{
    /// Unique over all tenants.
    std::uint64_t id = 0;
    tenant_id tenant;
    std::string name;
    scope_set scopes;
    wall_time created;
    std::optional<wall_time> revoked;
};

} // namespace hikyaku::identity
