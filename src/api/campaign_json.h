#pragma once

#include <vector>

#include <hikyaku/api/context.h>
#include <hikyaku/campaign/campaigns.h>

namespace hikyaku::api
{

/// A definition and the recipients given with it, as POST /v1/campaigns takes them.
struct campaign_request
{
    campaign::definition source;
    std::vector<campaign::given_recipient> recipients;
};

/// @error the 422 problem with every mistake
[[nodiscard]] result<campaign_request, http::response> read_campaign(tenant_call& call,
                                                                     const json::value& body);
[[nodiscard]] json::object campaign_to_json(const tenant_call& call,
                                            const campaign::campaign_row& row);
[[nodiscard]] json::object report_to_json(const tenant_call& call,
                                          const campaign::campaign_row& row,
                                          const campaign::report& r);
[[nodiscard]] http::response to_response(const campaign::campaign_error& e);

} // namespace hikyaku::api
