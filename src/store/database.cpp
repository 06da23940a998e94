#include "durable_file.h"
#include "rocks_options.h"
#include "watermark.h"
#include "writer.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>

#include <future>
#include <set>

#include <rocksdb/db.h>

namespace hikyaku::store
{
namespace
{

constexpr std::string_view version_text = "hikyaku data directory, format 1\n";
constexpr const char* version_file = "VERSION";
constexpr auto watermark_every = std::chrono::seconds{1};

/// Checks, or for a new directory writes, the file that tells which format the data has.
result<void> check_version(rocksdb::Env& env, const options& opts)
{
    const std::string path = opts.path + "/" + version_file;
    std::string found;
    if (env.FileExists(path).ok())
    {
        const auto status = rocksdb::ReadFileToString(&env, path, &found);
        if (!status.ok() || found != version_text)
        {
            log::error("store_version_mismatch",
                       {{"data_dir", opts.path},
                        {"found", found},
                        {"expected", version_text},
                        {"next", "use the hikyaku version that wrote it, or another data_dir"}});
            return errc::other_version;
        }
        return {};
    }
    if (env.FileExists(opts.path + "/CURRENT").ok())
    {
        log::error("store_version_missing", {{"data_dir", opts.path}});
        return errc::other_version;
    }
    auto status = env.CreateDirIfMissing(opts.path);
    if (status.ok())
    {
        status = replace_file(env, opts.path, version_file, std::string(version_text));
    }
    if (!status.ok())
    {
        log::error("store_open_failed", {{"data_dir", opts.path}, {"reason", status.ToString()}});
        return errc::open_failed;
    }
    return {};
}

std::vector<rocksdb::ColumnFamilyDescriptor> list_families(const rocksdb::DBOptions& db_options,
                                                           const options& opts,
                                                           const rocksdb::ColumnFamilyOptions& fam)
{
    std::vector<std::string> names;
    // A new directory has no list yet: its status is the error we expect then.
    const auto status = rocksdb::DB::ListColumnFamilies(db_options, opts.path, &names);
    if (!status.ok())
    {
        names.clear();
    }
    std::set<std::string> all(names.begin(), names.end());
    all.insert({rocksdb::kDefaultColumnFamilyName, "platform", "queue"});
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const auto& name : all)
    {
        descriptors.emplace_back(name, fam);
    }
    return descriptors;
}

} // namespace

struct database::impl
{
    options opts;
    rocksdb::Env* env = nullptr;
    std::shared_ptr<rocksdb::Cache> cache;
    std::shared_ptr<background_events> events = std::make_shared<background_events>();
    std::unique_ptr<rocksdb::DB> db;
    std::unique_ptr<families> fams;
    std::unique_ptr<writer> write;
    std::unique_ptr<watermark> mark;

    mutable std::mutex mutex;
    std::condition_variable wake;
    bool stopping = false;
    std::vector<std::string> damaged;
    std::uint64_t marked = 0;
    std::thread keeper;

    void save_watermark()
    {
        const std::uint64_t seq = write->durable_seq();
        if (seq == marked)
        {
            return;
        }
        const auto status = mark->save(seq);
        if (!status.ok())
        {
            end_after_write_failure("watermark", status);
        }
        marked = seq;
    }
    /// Compares what was acknowledged with what is there. A gap is made durable before anything
    /// is written: later commits raise the sequence number and would hide it.
    rocksdb::Status look_for_gap(std::optional<missing_tail>& missing)
    {
        missing = mark->load_gap();
        const auto acknowledged = mark->load();
        const std::uint64_t found = db->GetLatestSequenceNumber();
        if (acknowledged && *acknowledged > found)
        {
            missing = missing_tail{*acknowledged, found};
            auto status = mark->save_gap(*missing);
            status = status.ok() ? mark->save(found) : status;
            if (!status.ok())
            {
                return status;
            }
        }
        if (missing)
        {
            log::error("store_tail_missing",
                       {{"acknowledged_seq", missing->acknowledged},
                        {"found_seq", missing->found},
                        {"effect", "delivery is held; accept the gap or restore the log"}});
        }
        return rocksdb::Status::OK();
    }
    void run_keeper()
    {
        std::unique_lock lock(mutex);
        while (!wake.wait_for(lock, watermark_every, [this] { return stopping; }))
        {
            lock.unlock();
            save_watermark();
            lock.lock();
        }
    }
    void note_damage(std::string text)
    {
        log::error("table_damaged",
                   {{"reason", text}, {"effect", "rows in it are unreadable; the rest goes on"}});
        const std::lock_guard lock(mutex);
        if (damaged.size() < 100 &&
            std::find(damaged.begin(), damaged.end(), text) == damaged.end())
        {
            damaged.push_back(std::move(text));
        }
    }
};

database::database(std::unique_ptr<impl> i) : impl_(std::move(i)) {}

result<std::unique_ptr<database>> database::open(const options& opts)
{
    auto i = std::make_unique<impl>();
    i->opts = opts;
    i->env = opts.env != nullptr ? opts.env : rocksdb::Env::Default();
    const auto version = check_version(*i->env, opts);
    if (version.has_error())
    {
        return version.error();
    }
    impl* raw = i.get();
    i->events->damaged_table = [raw](std::string text) { raw->note_damage(std::move(text)); };
    i->cache = make_block_cache(opts);
    const auto db_options = make_db_options(opts, i->events);
    const auto family_options = make_family_options(opts, i->cache);
    rocksdb::DB* db = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const auto status = rocksdb::DB::Open(
        db_options, opts.path, list_families(db_options, opts, family_options), &handles, &db);
    if (!status.ok())
    {
        const bool is_locked =
            status.IsIOError() && status.ToString().find("lock") != std::string::npos;
        log::error("store_open_failed", {{"data_dir", opts.path}, {"reason", status.ToString()}});
        return is_locked ? errc::locked : errc::open_failed;
    }
    i->db.reset(db);
    i->fams = std::make_unique<families>(*db);
    const auto adopted = i->fams->adopt(std::move(handles));
    i->mark = std::make_unique<watermark>(*i->env, opts.path);
    std::optional<missing_tail> missing;
    const auto looked = adopted.ok() ? i->look_for_gap(missing) : adopted;
    if (!looked.ok())
    {
        log::error("store_open_failed", {{"data_dir", opts.path}, {"reason", looked.ToString()}});
        i->fams->close();
        return errc::open_failed;
    }
    for (const auto& text : i->fams->damaged())
    {
        i->note_damage(text);
    }
    std::unique_ptr<database> self(new database(std::move(i)));
    self->missing_ = missing;
    self->platform_ = std::make_unique<reader>(*db, raw->fams->platform());
    self->queue_ = std::make_unique<reader>(*db, raw->fams->queue());
    raw->write = std::make_unique<writer>(*db, *raw->fams, opts, family_options);
    if (!opts.by_hand)
    {
        raw->keeper = std::thread([raw] { raw->run_keeper(); });
    }
    return self;
}

void database::accept_missing()
{
    HK_ASSERT(missing_.has_value());
    const auto status = impl_->mark->clear_gap();
    if (!status.ok())
    {
        end_after_write_failure("watermark", status);
    }
    missing_.reset();
}

database::~database()
{
    if (!impl_ || !impl_->db)
    {
        return;
    }
    if (impl_->write)
    {
        {
            const std::lock_guard lock(impl_->mutex);
            impl_->stopping = true;
        }
        impl_->wake.notify_one();
        if (impl_->keeper.joinable())
        {
            impl_->keeper.join();
        }
        impl* raw = impl_.get();
        // The writer drains in its destructor; only then is the last mark final.
        auto* write = raw->write.get();
        if (!raw->opts.by_hand)
        {
            std::promise<void> drained;
            write->submit({}, commit_class::bulk, [&drained] { drained.set_value(); });
            drained.get_future().wait();
        }
        raw->save_watermark();
        raw->write.reset();
    }
    flush();
    impl_->fams->close();
    const auto status = impl_->db->Close();
    if (!status.ok())
    {
        log::error("store_close_failed", {{"reason", status.ToString()}});
    }
}

std::shared_ptr<const tenant_store> database::find_tenant(tenant_id id) const
{
    return impl_->fams->find(id);
}
std::vector<tenant_id> database::tenants() const
{
    return impl_->fams->all();
}
std::unique_ptr<snapshot> database::take_snapshot() const
{
    return std::make_unique<snapshot>(*impl_->db);
}
journal_head database::head(tenant_id id) const
{
    return impl_->fams->head(id);
}

void database::submit(std::vector<record> records, commit_class cls, durable_callback done)
{
    impl_->write->submit(std::move(records), cls, std::move(done));
}

void database::submit(record r, commit_class cls, durable_callback done)
{
    std::vector<record> records;
    records.push_back(std::move(r));
    impl_->write->submit(std::move(records), cls, std::move(done));
}

void database::commit(std::vector<record> records, commit_class cls)
{
    std::promise<void> durable;
    impl_->write->submit(std::move(records), cls, [&durable] { durable.set_value(); });
    auto done = durable.get_future();
    while (impl_->opts.by_hand && done.wait_for(seconds{0}) != std::future_status::ready)
    {
        write_one();
    }
    done.wait();
}

void database::commit(record r, commit_class cls)
{
    std::vector<record> records;
    records.push_back(std::move(r));
    commit(std::move(records), cls);
}

bool database::write_one()
{
    const bool wrote = impl_->write->write_one();
    if (wrote)
    {
        impl_->save_watermark();
    }
    return wrote;
}

std::size_t database::backlog_bytes() const noexcept
{
    return impl_->write->backlog_bytes();
}
commit_stats database::stats() const
{
    return impl_->write->stats();
}
std::vector<std::uint32_t> database::take_commit_durations()
{
    return impl_->write->take_durations();
}

std::vector<std::string> database::damaged_tables() const
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->damaged;
}

void database::flush()
{
    const auto status = impl_->db->Flush(rocksdb::FlushOptions{}, impl_->fams->handles());
    if (!status.ok())
    {
        end_after_write_failure("flush", status);
    }
}

void database::compact_all()
{
    for (auto* handle : impl_->fams->handles())
    {
        const auto status =
            impl_->db->CompactRange(rocksdb::CompactRangeOptions{}, handle, nullptr, nullptr);
        if (!status.ok())
        {
            impl_->note_damage(status.ToString());
        }
    }
}

std::uint64_t database::disk_bytes() const
{
    std::vector<std::string> names;
    std::uint64_t total = 0;
    if (!impl_->env->GetChildren(impl_->opts.path, &names).ok())
    {
        return 0;
    }
    for (const auto& name : names)
    {
        std::uint64_t size = 0;
        const bool counted =
            name.ends_with(".sst") || name.ends_with(".log") || name.ends_with(".blob");
        if (counted && impl_->env->GetFileSize(impl_->opts.path + "/" + name, &size).ok())
        {
            total += size;
        }
    }
    return total;
}

} // namespace hikyaku::store
