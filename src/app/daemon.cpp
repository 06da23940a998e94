#include "daemon.h"

#include "dns_questions.h"

#include <cstdlib>
#include <filesystem>

#include <boost/asio/io_context.hpp>

#include <hikyaku/api/context.h>
#include <hikyaku/api/routes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/config/options.h>
#include <hikyaku/resolver/resolver.h>

#include <unistd.h>

namespace hikyaku::app
{
namespace
{

namespace fs = std::filesystem;

constexpr std::string_view clean_mark_key = "X";
constexpr std::size_t load_threads = 2;
constexpr milliseconds stop_deadline{60'000};
/// The installation's calendar: when a warm-up's day begins.
const int offset_minutes = delivery::engine_options{}.offset_minutes;

shaping::day_number today()
{
    return shaping::make_local_date(system_clock().wall(), offset_minutes).day;
}

failure in(const char* what, const std::string& text)
{
    return {std::string(what) + ": " + text};
}

/// Directories that hold personal data are nobody else's.
result<void, failure> make_private_directory(const fs::path& path)
{
    std::error_code ec;
    fs::create_directories(path, ec);
    if (!ec)
    {
        fs::permissions(path, fs::perms::owner_all, ec);
    }
    if (ec)
    {
        return failure{"can't make the directory " + path.string() + ": " + ec.message()};
    }
    return {};
}

void log_endpoints(const std::vector<http::bound_endpoint>& bound)
{
    for (const auto& e : bound)
    {
        log::info("listening",
                  {{"name", e.name},
                   {"address", e.unix_socket.empty() ? e.address + ":" + std::to_string(e.port)
                                                     : e.unix_socket.string()}});
    }
}

} // namespace

daemon::daemon(const serve_options& options, config::settings settings,
               std::shared_ptr<const shaping::shaping_table> shaping,
               std::shared_ptr<const bounce::classifier> classifier)
    : options_(options), settings_(std::move(settings)), shaping_(std::move(shaping)),
      classifier_(std::move(classifier)), started_(system_clock().wall()), last_daily_(started_)
{
}

daemon::~daemon()
{
    stop();
}

result<std::unique_ptr<daemon>, failure>
daemon::start(const serve_options& options, config::settings settings,
              std::shared_ptr<const shaping::shaping_table> shaping,
              std::shared_ptr<const bounce::classifier> classifier)
{
    std::unique_ptr<daemon> d(
        new daemon(options, std::move(settings), std::move(shaping), std::move(classifier)));
    const auto store = d->open_store();
    if (store.has_error())
    {
        return store.error();
    }
    const auto identity = d->open_identity();
    if (identity.has_error())
    {
        return identity.error();
    }
    d->open_crm();
    const auto delivery = d->open_delivery();
    if (delivery.has_error())
    {
        return delivery.error();
    }
    const auto listeners = d->open_listeners();
    if (listeners.has_error())
    {
        return listeners.error();
    }
    const auto smtp = d->open_smtpd();
    if (smtp.has_error())
    {
        return smtp.error();
    }
    {
        const std::lock_guard lock(d->settings_mutex_);
        d->not_ready_.clear();
    }
    return d;
}

result<void, failure> daemon::open_store()
{
    for (const auto* part : {"", "store", "spool", "uploads", "jobs"})
    {
        const auto made = make_private_directory(fs::path(settings_.data_dir) / part);
        if (made.has_error())
        {
            return made;
        }
    }
    if (settings_.create_master_key && !fs::exists(settings_.master_key_file))
    {
        const auto made = crypto::master_key::generate_to_file(settings_.master_key_file);
        if (made.has_error())
        {
            return in("master_key_file", made.error().text);
        }
        log::info("master_key_created", {{"file", settings_.master_key_file}});
    }
    // systemd hands the key over as a credential when the unit says so.
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    const fs::path credential =
        credentials != nullptr ? fs::path(credentials) / "master.key" : fs::path();
    const std::string key_file = !credential.empty() && fs::exists(credential)
                                     ? credential.string()
                                     : settings_.master_key_file;
    auto key = crypto::master_key::load_file(key_file);
    if (key.has_error())
    {
        return in("master_key_file", key.error().text);
    }
    master_ = std::make_unique<crypto::master_key>(std::move(*key));
    auto store_options = config::make_store_options(settings_);
    store_options.path = (fs::path(settings_.data_dir) / "store").string();
    auto db = store::database::open(store_options);
    if (db.has_error())
    {
        return in("data_dir", db.error().message());
    }
    db_ = std::move(*db);
    disk_ = std::make_unique<store::disk_guard>(settings_.data_dir, settings_.disk.free_min,
                                                settings_.disk.ballast);
    log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
    ids_ = std::make_unique<id_source>(system_clock());
    routing_ = std::make_unique<queue::domain_table>();
    const auto loaded = routing_->load(db_->queue());
    if (loaded.has_error())
    {
        return in("data_dir", loaded.error().message());
    }
    if (db_->missing() && options_.accept_gap)
    {
        db_->accept_missing();
        log_->note(platform_tenant, oplog::system_actor(), "store.accept_gap", "", "");
    }
    return {};
}

result<void, failure> daemon::open_identity()
{
    auto tenants = identity::tenants::open({*db_, *log_, system_clock(), *ids_, system_random()},
                                           config::make_tenant_limits(settings_));
    if (tenants.has_error())
    {
        return in("tenants", tenants.error().text);
    }
    tenants_ = std::move(*tenants);
    keys_ = std::make_unique<identity::api_keys>(
        identity::api_keys::dependencies{*db_, *log_, *tenants_, system_clock(), *ids_,
                                         system_random()},
        config::make_key_limits(settings_));
    domains_ = std::make_unique<identity::sender_domains>(
        identity::sender_domains::dependencies{*db_, *log_, *master_, system_clock(), *ids_},
        config::make_domain_options(settings_));
    open_watch();
    if (!settings_.platform_token_file.empty())
    {
        auto token = identity::operator_token::load_file(settings_.platform_token_file);
        if (token.has_error())
        {
            return in("platform_token_file", token.error().text);
        }
        token_ = std::make_unique<identity::operator_token>(std::move(*token));
    }
    return {};
}

/// Its thread starts with the campaigns: they are told of new keys.
void daemon::open_watch()
{
    identity::dns_access dns;
    dns.ask = [this](const auto& questions, milliseconds timeout, const auto& stop)
    { return ask_all(dns_servers(), questions, timeout, stop); };
    dns.ask_each_server = [this](const auto& questions, milliseconds timeout, const auto& stop)
    { return ask_each(dns_servers(), questions, timeout, stop); };
    watch_ = std::make_unique<identity::domain_watch>(
        identity::domain_watch::dependencies{*db_, *domains_, system_clock(), std::move(dns)},
        config::make_watch_options(settings_));
    watch_->on_switched([this](tenant_id tenant, const std::string& domain)
                        { campaigns_->use_new_keys(tenant, domain); });
}

void daemon::set_sources(std::shared_ptr<const shaping::source_table> sources)
{
    source_watch_options options;
    {
        const std::lock_guard lock(settings_mutex_);
        options = {settings_.source_checks.every, settings_.source_checks.dnsbl};
    }
    source_watch_->set(std::move(sources), std::move(options));
}

json::array daemon::show_sources() const
{
    const auto stored = queue::load_platform_rows(db_->queue());
    return sources_to_json(*source_watch_->sources(), source_watch_->findings(),
                           stored.has_value() ? *stored : queue::platform_rows{}, today(),
                           offset_minutes);
}

std::vector<std::string> daemon::dns_servers() const
{
    const std::lock_guard lock(settings_mutex_);
    return config::effective_dns_servers(settings_);
}

void daemon::open_crm()
{
    jobs_ = std::make_unique<jobs::jobs>(
        *db_, *log_, system_clock(),
        jobs::jobs_options{fs::path(settings_.data_dir) / "jobs", 2, 1024, std::chrono::days{30}});
    crm_ = std::make_unique<crm::services>(*db_, *log_, system_clock(), settings_.data_dir, *jobs_);
    idempotency_ = std::make_unique<api::idempotency>(*db_, system_clock());
    limits_ = std::make_unique<api::request_limits>(
        system_clock(),
        api::request_rate{settings_.limits.requests_per_s, settings_.limits.requests_burst});
    jobs_->register_kind(std::string(campaign::dry_run_kind),
                         [this](jobs::context& job) { return campaigns_->run_dry(job); });
}

result<void, failure> daemon::open_delivery()
{
    rates_ = std::make_unique<feed::rates>();
    feed::delivery_log_options log_options;
    log_options.path = settings_.log.delivery_file;
    log_options.counters = rates_.get();
    log_options.offset_minutes = [this](tenant_id id)
    {
        const auto t = tenants_->find(id);
        return t ? t->offset_minutes : feed::default_offset_minutes;
    };
    try
    {
        delivery_log_ = std::make_unique<feed::delivery_log>(*db_, std::move(log_options));
    }
    catch (const std::runtime_error& e)
    {
        return in("log.delivery_file", e.what());
    }
    auto engine_options = config::make_engine_options(settings_);
    if (engine_options.shards == 0)
    {
        engine_options.shards = std::max(1U, std::thread::hardware_concurrency());
    }
    const auto swept = queue::erase_orphaned_usage(*db_);
    if (swept.has_error())
    {
        return in("queue", swept.error().message());
    }
    source_watch_ =
        std::make_unique<source_watch>(system_clock(), [this] { return dns_servers(); });
    set_sources(engine_options.sources);
    campaigns_ = std::make_unique<campaign::campaigns>(campaign::campaigns::dependencies{
        *db_, *log_, system_clock(), *ids_, *crm_, *tenants_, *domains_, *routing_, *master_,
        engine_options.shards, watch_.get(), [this](const std::string& pool)
        { return is_warming(*source_watch_->sources(), pool, today()); },
        [this](tenant_id tenant, std::span<const std::string> addresses, std::vector<bool>& out)
        { find_dead(tenant, addresses, out); },
        campaign::unsubscribe_ways{settings_.public_pages.url, settings_.smtp.listener.enabled}});
    feed::outcome_index_options index_options;
    index_options.has_contacts = [this](tenant_id tenant, campaign_id id)
    { return campaigns_->has_contacts(tenant, id); };
    outcomes_ = std::make_unique<feed::outcome_index>(*db_, std::move(index_options));
    open_feedback();
    pool_ = std::make_unique<net::blocking_pool>(net::blocking_pool_options{load_threads, 4096});
    auto hooks = campaigns_->make_hooks(
        [this](const queue::settlement& s)
        {
            delivery_log_->on_settled(s.tenant, s.fact_seq, s.facts);
            outcomes_->on_settled(s.tenant);
            effects_->on_settled(s.tenant);
        });
    hooks.terms_of = [this](tenant_id id) { return terms_of(id); };
    engine_options.classifier = classifier_;
    engine_ = std::make_unique<delivery::engine>(
        std::move(engine_options), shaping_,
        delivery::engine::dependencies{*db_, *routing_, system_clock(), system_random(), *pool_,
                                       *disk_},
        std::move(hooks));
    const auto loaded = campaigns_->load(*engine_);
    if (loaded.has_error())
    {
        return in("campaigns", loaded.error().message());
    }
    if (db_->missing())
    {
        engine_->hold(true, "acknowledged data is missing after a damaged log (sequence " +
                                std::to_string(db_->missing()->found) + " of " +
                                std::to_string(db_->missing()->acknowledged) +
                                "): restore it, or accept the gap");
    }
    const bool clean = take_clean_mark();
    const auto started = engine_->start(clean);
    if (started.has_error())
    {
        return in("queue", started.error().message());
    }
    campaigns_->run();
    effects_->run();
    jobs_->run(); // jobs of a former process may need the campaigns
    watch_->run();
    source_watch_->run();
    metrics_ = std::make_unique<metrics>(metrics::sources{
        *engine_, *db_, *disk_, campaigns_->sign_durations(), *intake_, *effects_, *dead_});
    return {};
}

result<void, failure> daemon::open_listeners()
{
    services_ = std::make_unique<api::services>(api::services{
        .db = *db_,
        .log = *log_,
        .tenants = *tenants_,
        .keys = *keys_,
        .domains = *domains_,
        .crm_data = *crm_,
        .work = *jobs_,
        .disk = *disk_,
        .clock_source = system_clock(),
        .ids = *ids_,
        .idempotency = *idempotency_,
        .limits = limits_.get(),
        .watch = watch_.get(),
        .campaigns = campaigns_.get(),
        .outcomes = outcomes_.get(),
        .settings = tenant_settings_.get(),
        .dead = dead_.get(),
        .queue = api::queue_access::of(*engine_),
        .hooks = {},
        .token = token_.get(),
        .own_uid = ::getuid(),
        .version = HK_VERSION,
        .started = started_,
        .routes = {},
        .guards = {},
    });
    fill_hooks();
    api::add_tenant_routes(api_service_.routes, *services_);
    api::add_platform_routes(platform_service_.routes, *services_);
    api_service_.before = api::make_tenant_hook(*services_);
    platform_service_.before = api::make_platform_hook(*services_);
    api_service_.observe = observe_requests();
    platform_service_.observe = observe_requests();
    server_ = std::make_unique<http::server>(config::make_server_options(settings_));
    for (auto& l : config::make_api_listeners(settings_))
    {
        server_->add_listener(std::move(l), api_service_);
    }
    for (auto& l : config::make_platform_listeners(settings_))
    {
        server_->add_listener(std::move(l), platform_service_);
    }
    const auto bound = server_->start();
    if (bound.has_error())
    {
        return in("listeners", bound.error().text);
    }
    log_endpoints(*bound);
    return open_public_listener();
}

/// A server of its own: whatever comes from outside, the tenants' systems are answered.
result<void, failure> daemon::open_public_listener()
{
    public_services_ = std::make_unique<web::public_services>(
        web::public_services{*master_, *tenants_, *campaigns_, *unsubscriber_, system_clock()});
    web::add_public_routes(public_service_, *public_services_,
                           config::make_public_options(settings_));
    public_service_.observe = observe_requests();
    public_server_ = std::make_unique<http::server>(config::make_public_server_options(settings_));
    for (auto& l : config::make_public_listeners(settings_))
    {
        public_server_->add_listener(std::move(l), public_service_);
    }
    const auto bound = public_server_->start();
    if (bound.has_error())
    {
        return in("public", bound.error().text);
    }
    log_endpoints(*bound);
    return {};
}

http::observer_hook daemon::observe_requests()
{
    return [this](std::string_view route, unsigned status, std::chrono::microseconds took)
    { metrics_->observe_request(route, status, took); };
}

void daemon::fill_hooks()
{
    auto& h = services_->hooks;
    h.reload = [this] { return reload(); };
    h.metrics = [this] { return metrics_->text(); };
    h.not_ready = [this]
    {
        const std::lock_guard lock(settings_mutex_);
        return not_ready_;
    };
    h.shaping = [this] { return shaping_now(); };
    h.find_mx = [this](const std::string& domain) { return find_mx(domain); };
    h.tenant_changed = [this](tenant_id id, bool active) { campaigns_->hold_tenant(id, !active); };
    h.quota_changed = [this](tenant_id id) { engine_->reload_tenant(id); };
    h.terms_of = [this](tenant_id id) { return terms_of(id); };
    h.sources = [this] { return show_sources(); };
    h.pools = [this] { return pools_to_json(*source_watch_->sources(), today()); };
    h.status = [this]
    {
        const auto rate = rates_->read(system_clock().wall());
        return json::object{{"attempts_per_s_10s", rate.sum_10s()},
                            {"attempts_per_s_60s", rate.sum_60s()}};
    };
}

std::shared_ptr<const bounce::classifier> daemon::classifier_now() const
{
    const std::lock_guard lock(settings_mutex_);
    return classifier_;
}

std::shared_ptr<const shaping::shaping_table> daemon::shaping_now() const
{
    const std::lock_guard lock(settings_mutex_);
    return shaping_;
}

/// MX hosts by a look-up of its own: the engine's resolver belongs to its thread.
std::vector<std::string> daemon::find_mx(const std::string& domain) const
{
    resolver::resolver_options options;
    {
        const std::lock_guard lock(settings_mutex_);
        options.servers = config::effective_dns_servers(settings_);
    }
    options.lookup_timeout = seconds{5};
    boost::asio::io_context context;
    std::vector<std::string> hosts;
    resolver::resolver resolver(context, options, system_clock(), system_random());
    resolver.resolve_mx(domain,
                        [&](std::shared_ptr<const dns::mx_answer> answer)
                        {
                            for (const auto& h : answer->hosts)
                            {
                                hosts.push_back(h.name);
                            }
                            context.stop();
                        });
    context.run();
    return hosts;
}

bool daemon::take_clean_mark()
{
    const auto mark = db_->platform().find(clean_mark_key);
    const bool clean = mark.has_value() && mark->has_value();
    if (clean)
    {
        store::record r(platform_tenant);
        r.erase(store::space::data, clean_mark_key);
        db_->commit(std::move(r), store::commit_class::control);
    }
    return clean;
}

void daemon::put_clean_mark()
{
    store::record r(platform_tenant);
    r.put(store::space::data, clean_mark_key, "1");
    db_->commit(std::move(r), store::commit_class::control);
}

result<std::vector<std::string>, failure> daemon::reload()
{
    auto wanted = config::load(options_.config_file);
    if (wanted.has_error())
    {
        return failure{config::to_string(wanted.error())};
    }
    auto shaping = config::load_shaping(wanted->shaping);
    if (shaping.has_error())
    {
        return failure{config::to_string(shaping.error())};
    }
    auto rules = config::load_bounce_rules(wanted->bounce_rules);
    if (rules.has_error())
    {
        return failure{config::to_string(rules.error())};
    }
    config::setting_changes changes;
    std::vector<std::string> servers;
    bool quota_changed = false;
    {
        const std::lock_guard lock(settings_mutex_);
        changes = config::diff(settings_, *wanted);
        // What needs a restart keeps its running value.
        settings_.dns.servers = wanted->dns.servers;
        settings_.alignment.enforce = wanted->alignment.enforce;
        watch_->set_enforced(settings_.alignment.enforce);
        quota_changed =
            std::exchange(settings_.default_quota, wanted->default_quota) != wanted->default_quota;
        settings_.sources = wanted->sources;
        settings_.pools = wanted->pools;
        settings_.source_checks = wanted->source_checks;
        settings_.feedback.dead_addresses = wanted->feedback.dead_addresses;
        settings_.feedback.dead_expires_after = wanted->feedback.dead_expires_after;
        settings_.feedback.dead_tenants_min = wanted->feedback.dead_tenants_min;
        dead_->set_options(dead_options());
        shaping_ = *shaping;
        classifier_ = *rules;
        servers = config::effective_dns_servers(settings_);
    }
    const auto sources =
        std::make_shared<const shaping::source_table>(config::make_source_table(*wanted));
    engine_->reload(*shaping, sources, std::move(servers), *rules);
    set_sources(sources);
    for (const auto id : quota_changed ? db_->tenants() : std::vector<tenant_id>())
    {
        engine_->reload_tenant(id);
    }
    for (auto* s : {server_.get(), public_server_.get()})
    {
        const auto certificates = s->reload_certificates();
        if (certificates.has_error())
        {
            return certificates.error();
        }
    }
    if (smtpd_)
    {
        const auto certificate = smtpd_->reload_certificate();
        if (certificate.has_error())
        {
            return failure{"smtp: " + certificate.error().text};
        }
    }
    for (const auto& key : changes.needs_restart)
    {
        log::warning("reload_needs_restart", {{"key", key}});
    }
    log::info("reloaded", {{"live_changes", changes.live.size()}});
    return changes.needs_restart;
}

/// What the tenant may send, and its calendar.
delivery::tenant_terms daemon::terms_of(tenant_id id)
{
    delivery::tenant_terms out;
    const auto t = tenants_->find(id);
    if (t)
    {
        out.offset_minutes = t->offset_minutes;
        out.created = shaping::make_local_date(t->created, t->offset_minutes).day;
    }
    if (t && t->quota)
    {
        out.quota = *t->quota;
        return out;
    }
    const std::lock_guard lock(settings_mutex_);
    out.quota = settings_.default_quota;
    return out;
}

void daemon::reopen_logs()
{
    log::reopen();
    delivery_log_->reopen();
}

void daemon::tick()
{
    disk_->poll();
    const auto now = system_clock().wall();
    if (now - last_daily_ > std::chrono::hours{1})
    {
        last_daily_ = now;
        daily();
    }
}

/// Things that expire: once an hour is often enough.
void daemon::daily()
{
    const auto now = system_clock().wall();
    if (idempotency_->purge(platform_tenant, now).has_error())
    {
        log::warning("expiry_failed", {{"tenant", platform_tenant.value}});
    }
    dead_->expire(now);
    for (const auto id : db_->tenants())
    {
        (void)jobs_->expire(id, now);
        const auto uploads = crm_->uploads.expire(id, now);
        const auto purged = idempotency_->purge(id, now);
        if (uploads.has_error() || purged.has_error())
        {
            log::warning("expiry_failed", {{"tenant", id.value}});
        }
    }
}

std::string daemon::status_line() const
{
    const auto v = engine_->view();
    std::uint64_t pending = 0;
    for (const auto& c : v.campaigns)
    {
        pending += c.pending;
    }
    return std::to_string(v.campaigns.size()) + " campaigns, " + std::to_string(pending) +
           " recipients pending, " + std::to_string(v.sessions) + " sessions" +
           (v.held ? ", delivery held: " + v.held_because : "");
}

void daemon::stop()
{
    if (stopped_)
    {
        return;
    }
    stopped_ = true;
    {
        const std::lock_guard lock(settings_mutex_);
        not_ready_ = "stopping";
    }
    for (auto* s : {server_.get(), public_server_.get()})
    {
        if (s != nullptr)
        {
            s->close_listeners();
        }
    }
    if (smtpd_)
    {
        smtpd_->stop(); // what it took in needs the campaigns and the engine
    }
    if (watch_)
    {
        watch_->stop();
    }
    if (jobs_)
    {
        jobs_->stop(); // they ask the engine
    }
    if (source_watch_)
    {
        source_watch_->stop();
    }
    if (effects_)
    {
        effects_->stop(); // the rest is folded at the next start
    }
    if (campaigns_)
    {
        campaigns_->stop();
    }
    if (engine_)
    {
        engine_->stop(stop_deadline);
    }
    for (auto* s : {server_.get(), public_server_.get()})
    {
        if (s != nullptr)
        {
            s->stop();
        }
    }
    if (pool_)
    {
        pool_->stop();
    }
    if (delivery_log_)
    {
        delivery_log_.reset();
    }
    outcomes_.reset();
    if (db_ && engine_)
    {
        put_clean_mark();
    }
}

} // namespace hikyaku::app
