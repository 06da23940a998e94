#include "damage_list.h"
#include "durable_file.h"
#include "rescue.h"
#include "rocks_options.h"
#include "watermark.h"
#include "writer.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>

#include <future>
#include <set>

#include <boost/system/system_error.hpp>

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
    damage_list damage;
    gapless_log rescue_filter;
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
        std::uint64_t acknowledged = 0;
        const auto loaded = mark->load(acknowledged);
        const std::uint64_t found = db->GetLatestSequenceNumber();
        const bool is_damaged = loaded == watermark::load_state::damaged;
        if (is_damaged || (loaded == watermark::load_state::found && acknowledged > found))
        {
            missing = missing_tail{is_damaged ? 0 : acknowledged, found};
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
    /// Opens RocksDB. When a table's frame is damaged, so that it can't be opened at all, the
    /// others are opened without it: reads that need it fail.
    rocksdb::Status open_rocks(const rocksdb::ColumnFamilyOptions& family_options,
                               std::vector<rocksdb::ColumnFamilyHandle*>& handles)
    {
        auto db_options = make_db_options(opts, events);
        rocksdb::DB* raw = nullptr;
        auto status = rocksdb::DB::Open(
            db_options, opts.path, list_families(db_options, opts, family_options), &handles, &raw);
        if (status.IsCorruption())
        {
            const auto tables = find_damaged_tables(*env, opts.path);
            for (const auto& text : tables)
            {
                damage.note(text);
            }
            if (tables.empty())
            {
                return status;
            }
            db_options.paranoid_checks = false;
            db_options.wal_filter = &rescue_filter;
            handles.clear();
            status =
                rocksdb::DB::Open(db_options, opts.path,
                                  list_families(db_options, opts, family_options), &handles, &raw);
        }
        db.reset(raw);
        return status;
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
    i->events->damaged_table = [raw](const std::string& text) { raw->damage.note(text); };
    i->cache = make_block_cache(opts);
    const auto family_options = make_family_options(opts, i->cache);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    const auto status = i->open_rocks(family_options, handles);
    if (!status.ok())
    {
        const bool is_locked =
            status.IsIOError() && status.ToString().find("lock") != std::string::npos;
        log::error("store_open_failed", {{"data_dir", opts.path}, {"reason", status.ToString()}});
        return is_locked ? errc::locked : errc::open_failed;
    }
    rocksdb::DB* db = i->db.get();
    i->fams = std::make_unique<families>(*db, i->damage);
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
    std::unique_ptr<database> self(new database(std::move(i)));
    self->missing_ = missing;
    self->platform_ = std::make_unique<reader>(*db, raw->fams->platform(), raw->damage);
    self->queue_ = std::make_unique<reader>(*db, raw->fams->queue(), raw->damage);
    const auto mark = self->platform_->find(time_mark_key);
    if (mark.has_value() && *mark && (*mark)->size() == sizeof(std::uint64_t))
    {
        self->last_time_mark_ =
            from_unix_ms(static_cast<std::int64_t>(get_be<std::uint64_t>(**mark)));
    }
    raw->write =
        std::make_unique<writer>(*db, *raw->fams, opts, family_options, self->last_time_mark_);
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
            write->submit({}, commit_class::bulk, [&drained](error_code) { drained.set_value(); });
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
result<std::shared_ptr<const tenant_store>> database::require_tenant(tenant_id id) const
{
    auto found = impl_->fams->find(id);
    if (found == nullptr)
    {
        return impl_->fams->is_damaged(id) ? errc::tenant_damaged : errc::no_tenant;
    }
    return found;
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
    impl_->write->submit(std::move(records), cls,
                         [done = std::move(done)](error_code)
                         {
                             if (done)
                             {
                                 done();
                             }
                         });
}

void database::submit(record r, commit_class cls, durable_callback done)
{
    std::vector<record> records;
    records.push_back(std::move(r));
    submit(std::move(records), cls, std::move(done));
}

void database::commit(std::vector<record> records, commit_class cls)
{
    std::promise<error_code> durable;
    impl_->write->submit(
        std::move(records), cls, [&durable](error_code ec) { durable.set_value(ec); }, true);
    auto done = durable.get_future();
    while (impl_->opts.by_hand && done.wait_for(seconds{0}) != std::future_status::ready)
    {
        write_one();
    }
    const auto ec = done.get();
    if (ec)
    {
        throw boost::system::system_error(ec);
    }
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
    return impl_->damage.all();
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
            impl_->damage.note(status.ToString());
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
