#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <hikyaku/api/services.h>
#include <hikyaku/app/serve.h>
#include <hikyaku/base/random.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/config/load.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/delivery/engine.h>
#include <hikyaku/feed/delivery_log.h>
#include <hikyaku/feed/outcome_index.h>
#include <hikyaku/feed/rates.h>
#include <hikyaku/feedback/dead_addresses.h>
#include <hikyaku/feedback/effects.h>
#include <hikyaku/feedback/intake.h>
#include <hikyaku/feedback/our_domains.h>
#include <hikyaku/feedback/tenant_settings.h>
#include <hikyaku/feedback/unsubscribe.h>
#include <hikyaku/http/server.h>
#include <hikyaku/identity/api_keys.h>
#include <hikyaku/identity/domain_watch.h>
#include <hikyaku/identity/operator_token.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/jobs/jobs.h>
#include <hikyaku/net/blocking_pool.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/queue/domain_table.h>
#include <hikyaku/smtpd/server.h>
#include <hikyaku/store/database.h>
#include <hikyaku/store/disk_guard.h>
#include <hikyaku/web/public_pages.h>

#include "metrics.h"
#include "source_watch.h"

namespace hikyaku::app
{

/// Everything the daemon is made of, in the order in which parts depend on each other: built from
/// the store upwards, stopped from the listeners down.
class daemon
{
public:
    /// @error a sentence: what could not be opened, and what to do
    [[nodiscard]] static result<std::unique_ptr<daemon>, failure>
    start(const serve_options& options, config::settings settings,
          std::shared_ptr<const shaping::shaping_table> shaping,
          std::shared_ptr<const bounce::classifier> classifier);
    ~daemon();

    /// Reads the configuration again. @returns what only a restart can change
    [[nodiscard]] result<std::vector<std::string>, failure> reload();
    [[nodiscard]] delivery::tenant_terms terms_of(tenant_id id);
    void reopen_logs();
    /// Once a second, from the main thread: disk, daily work, life signs.
    void tick();
    /// One line for systemctl status.
    [[nodiscard]] std::string status_line() const;
    /// Ends in order: listeners, campaigns, sessions, logs, store.
    void stop();

private:
    daemon(const serve_options& options, config::settings settings,
           std::shared_ptr<const shaping::shaping_table> shaping,
           std::shared_ptr<const bounce::classifier> classifier);
    [[nodiscard]] result<void, failure> open_store();
    [[nodiscard]] result<void, failure> open_identity();
    void open_crm();
    [[nodiscard]] result<void, failure> open_delivery();
    /// What comes back: effects of facts, intake of inbound mail. Before the engine starts.
    void open_feedback();
    [[nodiscard]] feedback::dead_address_options dead_options() const;
    void find_dead(tenant_id tenant, std::span<const std::string> addresses,
                   std::vector<bool>& out) const;
    [[nodiscard]] result<void, failure> open_listeners();
    [[nodiscard]] result<void, failure> open_public_listener();
    [[nodiscard]] http::observer_hook observe_requests();
    /// Inbound mail, when it is on.
    [[nodiscard]] result<void, failure> open_smtpd();
    void open_watch();
    /// The sources in force, and the checks of them.
    void set_sources(std::shared_ptr<const shaping::source_table> sources);
    [[nodiscard]] json::array show_sources() const;
    void fill_hooks();
    [[nodiscard]] std::vector<std::string> dns_servers() const;
    [[nodiscard]] bool take_clean_mark();
    void put_clean_mark();
    [[nodiscard]] std::vector<std::string> find_mx(const std::string& domain) const;
    [[nodiscard]] std::shared_ptr<const shaping::shaping_table> shaping_now() const;
    /// What replies and reports mean, as of the last reload. Any thread.
    [[nodiscard]] std::shared_ptr<const bounce::classifier> classifier_now() const;
    void daily();

    const serve_options options_;
    mutable std::mutex settings_mutex_;
    config::settings settings_;
    std::shared_ptr<const shaping::shaping_table> shaping_;
    /// Shared with the engine; a reload replaces it.
    std::shared_ptr<const bounce::classifier> classifier_;
    bool stopped_ = false;
    std::string not_ready_ = "starting";
    wall_time started_{};
    wall_time last_daily_{};

    std::unique_ptr<crypto::master_key> master_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<store::disk_guard> disk_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<id_source> ids_;
    std::unique_ptr<queue::domain_table> routing_;
    std::unique_ptr<identity::tenants> tenants_;
    std::unique_ptr<identity::api_keys> keys_;
    std::unique_ptr<identity::sender_domains> domains_;
    std::unique_ptr<identity::domain_watch> watch_;
    std::unique_ptr<identity::operator_token> token_;
    std::unique_ptr<jobs::jobs> jobs_;
    std::unique_ptr<crm::services> crm_;
    std::unique_ptr<api::idempotency> idempotency_;
    std::unique_ptr<api::request_limits> limits_;
    std::unique_ptr<feed::rates> rates_;
    std::unique_ptr<feed::delivery_log> delivery_log_;
    std::unique_ptr<source_watch> source_watch_;
    std::unique_ptr<feedback::settings_book> tenant_settings_;
    std::unique_ptr<feedback::dead_addresses> dead_;
    std::unique_ptr<campaign::campaigns> campaigns_;
    std::unique_ptr<feed::outcome_index> outcomes_; // asks campaigns_
    std::unique_ptr<feedback::effects> effects_;    // asks campaigns_
    std::unique_ptr<feedback::unsubscriber> unsubscriber_;
    std::unique_ptr<feedback::our_domains> our_domains_;
    std::unique_ptr<feedback::intake> intake_; // asks engine_, once it runs
    std::unique_ptr<net::blocking_pool> pool_;
    std::unique_ptr<delivery::engine> engine_;
    std::unique_ptr<metrics> metrics_;
    std::unique_ptr<api::services> services_;
    http::service api_service_;
    http::service platform_service_;
    std::unique_ptr<http::server> server_;
    std::unique_ptr<web::public_services> public_services_;
    http::service public_service_;
    std::unique_ptr<http::server> public_server_;
    std::unique_ptr<smtpd::server> smtpd_; // null: off
};

} // namespace hikyaku::app
