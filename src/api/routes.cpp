#include <hikyaku/api/routes.h>

#include "campaigns.h"
#include "resources.h"

namespace hikyaku::api
{

void add_tenant_routes(http::router& router, services& all)
{
    add_field_routes(router, all);
    add_contact_routes(router, all);
    add_contact_query_routes(router, all);
    add_import_routes(router, all);
    add_job_routes(router, all);
    add_suppression_routes(router, all);
    add_settings_routes(router, all);
    add_domain_routes(router, all);
    add_key_routes(router, all);
    add_operation_log_routes(router, all);
    add_campaign_routes(router, all);
    add_delivery_routes(router, all);
    add_explain_routes(router, all);
    add_dry_run_routes(router, all);
    add_document_route(router, all);
}

void add_platform_routes(http::router& router, services& all)
{
    add_platform_tenant_routes(router, all);
    add_platform_queue_routes(router, all);
    add_platform_source_routes(router, all);
    add_platform_dead_address_routes(router, all);
    add_platform_status_routes(router, all);
}

} // namespace hikyaku::api
