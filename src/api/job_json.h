#pragma once

#include <hikyaku/api/context.h>

namespace hikyaku::api
{

/// A job as GET /v1/jobs/{id} shows it.
[[nodiscard]] json::value job_to_json(const tenant_call& call, const hikyaku::jobs::job& j);

} // namespace hikyaku::api
