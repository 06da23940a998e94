#pragma once

#include <optional>
#include <string>

#include <hikyaku/api/context.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/crm/value.h>

namespace hikyaku::api
{

/// Reads {"fields":{name or label: value, …}}.
/// @error 400, 415, 422 with every mistake and its pointer, "/fields/x"
[[nodiscard]] result<crm::values, http::response> read_contact_fields(const tenant_call& call,
                                                                      const crm::schema& s);

/// The revision of If-Match ("\"7\""); nullopt without the header or with "*".
/// @error 400 `invalid_etag`
[[nodiscard]] result<std::optional<std::uint64_t>, http::response>
read_if_match(const http::request& r);

/// The contact with its ETag.
[[nodiscard]] http::response contact_answer(const tenant_call& call, const crm::schema& s,
                                            const crm::contact& c, unsigned status);

} // namespace hikyaku::api
