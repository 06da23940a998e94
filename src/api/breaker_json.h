#pragma once

#include <hikyaku/base/json.h>
#include <hikyaku/campaign/returns.h>
#include <hikyaku/http/json_body.h>

namespace hikyaku::api
{

/// Component of the document: limits as a tenant sets them, or a campaign in their place.
inline constexpr const char* breaker_schema = R"({"type":"object","additionalProperties":false,
"description":"When a campaign pauses itself","properties":{
"enabled":{"type":"boolean","default":true},
"bounce_percent":{"type":"number","minimum":0,"maximum":100,"default":10,"description":"recipients whose address is wrong or refuses us, of all that were delivered or bounced"},
"bounce_after":{"type":"integer","minimum":1,"default":200,"description":"the rate counts from so many recipients on"},
"complaint_percent":{"type":"number","minimum":0,"maximum":100,"default":0.3,"description":"complaints, of all that were delivered"},
"complaint_after":{"type":"integer","minimum":1,"default":500}}})";

/// Reads the member `breaker`; absent or null: nothing given.
[[nodiscard]] std::optional<campaign::breaker_override> read_breaker(http::object_reader& in);
[[nodiscard]] json::object breaker_to_json(const campaign::breaker_limits& b);
/// Only what is given.
[[nodiscard]] json::object breaker_to_json(const campaign::breaker_override& b);

} // namespace hikyaku::api
