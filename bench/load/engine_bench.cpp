// engine_bench CONFIG [--signed]: what delivering costs without the signature.
//
// Opens the data directory of a daemon that has stopped, with the parts of the daemon that send
// (store, campaigns, engine, delivery log) wired as the daemon wires them, and delivers every
// campaign found there. Messages are built as always, but not signed; with --signed they are, for
// comparison with the daemon itself. Prints JSON: messages, elapsed_s, cpu_s of the whole process.
#include <hikyaku/base/log.h>
#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/config/load.h>
#include <hikyaku/config/options.h>
#include <hikyaku/feed/delivery_log.h>

#include "live.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <sys/resource.h>

namespace
{

using namespace hikyaku;

constexpr std::size_t load_threads = 2;
constexpr auto deadline = std::chrono::minutes{30};
constexpr milliseconds stop_deadline{10'000};

[[noreturn]] void fail(const std::string& why)
{
    std::fprintf(stderr, "engine_bench: %s\n", why.c_str());
    std::exit(1);
}

template <class T, class E> T take(result<T, E> r, const char* what)
{
    if (r.has_error())
    {
        fail(what);
    }
    if constexpr (!std::is_void_v<T>)
    {
        return std::move(*r);
    }
}

double cpu_s()
{
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds_of = [](const timeval& t)
    { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

/// Renders as campaigns do, with content whose keys are left out.
class unsigned_renderer
{
public:
    explicit unsigned_renderer(std::size_t shards)
    {
        for (std::size_t i = 0; i < shards; ++i)
        {
            shards_.push_back(std::make_unique<per_shard>());
        }
    }

    result<void, failure> operator()(const delivery::work& w, std::size_t index,
                                     delivery::rendered& out)
    {
        const auto& to = *static_cast<const campaign::loaded_recipient*>(w.payload.get());
        auto& mine = *shards_[index];
        auto& plain = mine.contents[to.compiled.get()];
        if (plain == nullptr)
        {
            auto copy = std::make_unique<campaign::content>(*to.compiled);
            copy->identities = nullptr;
            copy->signatures.clear();
            plain = std::move(copy);
        }
        mine.made.bytes = std::move(out.message);
        const auto done = mine.maker.make(*plain, to.data, system_clock().wall(), mine.made);
        if (done.has_error())
        {
            return done;
        }
        out.message = std::move(mine.made.bytes);
        out.mail_from = std::move(mine.made.mail_from);
        out.is_8bit = mine.made.is_8bit;
        out.needs_smtputf8 = mine.made.needs_smtputf8;
        out.dkim = plain->signatures;
        out.id_domain = plain->from_domain;
        return {};
    }

private:
    struct per_shard
    {
        campaign::message_maker maker;
        campaign::message made;
        std::map<const campaign::content*, std::unique_ptr<const campaign::content>> contents;
    };
    std::vector<std::unique_ptr<per_shard>> shards_;
};

/// The sending half of the daemon, built from the store upwards.
class sender
{
public:
    sender(const config::settings& s, bool with_signature)
        : settings_(s), with_signature_(with_signature)
    {
        auto store_options = config::make_store_options(s);
        store_options.path = (std::filesystem::path(s.data_dir) / "store").string();
        store_options.create_if_missing = false;
        db_ = take(store::database::open(store_options), "the store does not open");
        disk_ = std::make_unique<store::disk_guard>(s.data_dir, s.disk.free_min, 0);
        log_ = std::make_unique<oplog::operation_log>(*db_, system_clock());
        ids_ = std::make_unique<id_source>(system_clock());
        take(routing_.load(db_->queue()), "the domains are damaged");
        master_ = std::make_unique<crypto::master_key>(
            take(crypto::master_key::load_file(s.master_key_file), "no master key"));
        tenants_ =
            take(identity::tenants::open({*db_, *log_, system_clock(), *ids_, system_random()}),
                 "the tenants are damaged");
        domains_ = std::make_unique<identity::sender_domains>(
            identity::sender_domains::dependencies{*db_, *log_, *master_, system_clock(), *ids_},
            config::make_domain_options(s));
        jobs_ = std::make_unique<jobs::jobs>(
            *db_, *log_, system_clock(),
            jobs::jobs_options{std::filesystem::path(s.data_dir) / "jobs", 2, 1024,
                               std::chrono::days{30}});
        crm_ = std::make_unique<crm::services>(*db_, *log_, system_clock(), s.data_dir, *jobs_);
        feed::delivery_log_options log_options;
        log_options.path = s.log.delivery_file;
        delivery_log_ = std::make_unique<feed::delivery_log>(*db_, std::move(log_options));
        open_engine();
    }

    ~sender()
    {
        campaigns_->stop();
        engine_->stop(stop_deadline);
        pool_->stop();
        jobs_->stop();
        delivery_log_.reset();
    }
    sender(const sender&) = delete;
    sender& operator=(const sender&) = delete;

    /// Recipients that have no end yet.
    [[nodiscard]] std::uint64_t pending() const
    {
        std::uint64_t sum = 0;
        for (const auto& c : engine_->view().campaigns)
        {
            sum += c.pending;
        }
        return sum;
    }

    [[nodiscard]] std::uint64_t delivered() const
    {
        return engine_->view()
            .dispositions[static_cast<std::size_t>(queue::disposition::delivered)];
    }

    /// Starts to send. Before it nothing leaves, and what is pending stands still.
    void start()
    {
        take(engine_->start(true), "the queue is damaged");
        campaigns_->run();
    }

private:
    void open_engine()
    {
        auto engine_options = config::make_engine_options(settings_);
        if (engine_options.shards == 0)
        {
            engine_options.shards = std::max(1U, std::thread::hardware_concurrency());
        }
        auto shaping = take(config::load_shaping(settings_.shaping), "no shaping file");
        campaigns_ = std::make_unique<campaign::campaigns>(campaign::campaigns::dependencies{
            *db_, *log_, system_clock(), *ids_, *crm_, *tenants_, *domains_, routing_, *master_,
            engine_options.shards});
        pool_ =
            std::make_unique<net::blocking_pool>(net::blocking_pool_options{load_threads, 4096});
        auto hooks =
            campaigns_->make_hooks([this](const queue::settlement& s)
                                   { delivery_log_->on_settled(s.tenant, s.fact_seq, s.facts); });
        if (!with_signature_)
        {
            renderer_ = std::make_unique<unsigned_renderer>(engine_options.shards);
            hooks.render = [this](const delivery::work& w, std::size_t shard,
                                  delivery::rendered& out) { return (*renderer_)(w, shard, out); };
        }
        engine_ = std::make_unique<delivery::engine>(
            std::move(engine_options), std::move(shaping),
            delivery::engine::dependencies{*db_, routing_, system_clock(), system_random(), *pool_,
                                           *disk_},
            std::move(hooks));
        take(campaigns_->load(*engine_), "the campaigns are damaged");
    }

    const config::settings& settings_;
    bool with_signature_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<store::disk_guard> disk_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<id_source> ids_;
    queue::domain_table routing_;
    std::unique_ptr<crypto::master_key> master_;
    std::unique_ptr<identity::tenants> tenants_;
    std::unique_ptr<identity::sender_domains> domains_;
    std::unique_ptr<jobs::jobs> jobs_;
    std::unique_ptr<crm::services> crm_;
    std::unique_ptr<feed::delivery_log> delivery_log_;
    std::unique_ptr<campaign::campaigns> campaigns_;
    std::unique_ptr<net::blocking_pool> pool_;
    std::unique_ptr<unsigned_renderer> renderer_;
    std::unique_ptr<delivery::engine> engine_;
};

} // namespace

int main(int argc, char** argv)
{
    const bool with_signature = argc == 3 && std::strcmp(argv[2], "--signed") == 0;
    if (argc < 2 || argc > 3 || (argc == 3 && !with_signature))
    {
        std::fputs("usage: engine_bench CONFIG [--signed]\n", stderr);
        return 2;
    }
    const auto settings = take(config::load(argv[1]), "the configuration is wrong");
    sender all(settings, with_signature);
    const auto begun = std::chrono::steady_clock::now();
    const double cpu_before = cpu_s();
    all.start();
    while (all.pending() != 0)
    {
        if (std::chrono::steady_clock::now() - begun > deadline)
        {
            fail("not delivered in time");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    const double elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("{\"messages\":%llu,\"elapsed_s\":%.3f,\"cpu_s\":%.4f}\n",
                static_cast<unsigned long long>(all.delivered()), elapsed, cpu_s() - cpu_before);
    return 0;
}
