#pragma once

#include <hikyaku/api/services.h>
#include <hikyaku/http/router.h>

namespace hikyaku::api
{

/// Each adds the routes of one resource of the tenants' listener, and documents them.
void add_field_routes(http::router& router, services& all);
void add_contact_routes(http::router& router, services& all);
void add_contact_query_routes(http::router& router, services& all);
void add_import_routes(http::router& router, services& all);
void add_job_routes(http::router& router, services& all);
void add_suppression_routes(http::router& router, services& all);
void add_domain_routes(http::router& router, services& all);
void add_key_routes(http::router& router, services& all);
/// What a tenant wants done with what comes back.
void add_settings_routes(http::router& router, services& all);
/// What happened to a contact over all campaigns.
void add_delivery_routes(http::router& router, services& all);
/// Recipients of a campaign, and why one has not got it yet.
void add_explain_routes(http::router& router, services& all);
/// A campaign's dry run.
void add_dry_run_routes(http::router& router, services& all);
void add_operation_log_routes(http::router& router, services& all);
/// Last: the document tells of the routes added before (and of itself).
void add_document_route(http::router& router, services& all);

/// Parts of the operator's listener.
void add_platform_tenant_routes(http::router& router, services& all);
void add_platform_queue_routes(http::router& router, services& all);
void add_platform_source_routes(http::router& router, services& all);
/// The installation's list of addresses that do not exist.
void add_platform_dead_address_routes(http::router& router, services& all);
void add_platform_status_routes(http::router& router, services& all);

} // namespace hikyaku::api
