#pragma once

#include <array>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "families.h"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

namespace hikyaku::store
{

/// The one thread that writes. Groups what waits, chains each record to its tenant's journal,
/// sorts by key, syncs the log once, and then wakes everybody. Ends the process when a write
/// fails: RocksDB's in-place recovery can't be trusted, ours is a restart.
class writer
{
public:
    writer(rocksdb::DB& db, families& fams, const options& opts,
           const rocksdb::ColumnFamilyOptions& family_options, wall_time last_time_mark);
    /// Makes everything that waits durable, then stops. By hand: drops it.
    ~writer();

    /// Called when the records are durable, or with why none of them was written.
    using end_callback = std::function<void(error_code)>;
    /// Records of a tenant that is gone at their turn are left out, or with `whole` all of the
    /// submission is: errc::no_tenant.
    /// @throws boost::system::system_error  errc::tenant_damaged
    void submit(std::vector<record> records, commit_class cls, end_callback done,
                bool whole = false);
    [[nodiscard]] std::size_t backlog_bytes() const noexcept { return backlog_.load(); }
    /// RocksDB sequence number up to which everything is synced.
    [[nodiscard]] std::uint64_t durable_seq() const noexcept { return durable_.load(); }
    /// By hand: writes the next group. False: nothing waits.
    bool write_one();
    [[nodiscard]] commit_stats stats() const;
    [[nodiscard]] std::vector<std::uint32_t> take_durations();

private:
    struct submission
    {
        std::vector<record> records;
        end_callback done;
        std::size_t bytes = 0;
        std::chrono::steady_clock::time_point since;
        bool changes_families = false;
        bool whole = false;
        error_code refused = {};
    };
    using group = std::vector<submission>;

    void run();
    [[nodiscard]] bool only_outcomes() const;
    [[nodiscard]] bool wait_for_group(group& out);
    void take_group(group& out);
    void take_class(group& out, std::size_t& bytes, std::deque<submission>& from);
    void write_group(group& g);
    void add_time_mark(group& g);
    void refuse_gone(group& g);
    void create_families(const group& g);
    void drop_families(const group& g);
    void write_mark();
    void build_batch(const group& g, rocksdb::WriteBatch& batch);
    void append_heads(rocksdb::WriteBatch& batch);
    void mark_dropped(const group& g, rocksdb::WriteBatch& batch);
    void note_duration(const group& g);

    rocksdb::DB& db_;
    families& families_;
    const std::size_t group_bytes_max_;
    const std::chrono::microseconds group_wait_;
    const bool by_hand_;
    const rocksdb::ColumnFamilyOptions family_options_;
    const clock* time_;
    /// Of the writer thread.
    wall_time last_time_mark_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::array<std::deque<submission>, commit_classes> waiting_;
    bool stopping_ = false;
    bool gathering_ = false;
    commit_stats stats_;
    std::vector<std::uint32_t> durations_;

    std::unordered_map<tenant_id, journal_head> heads_; // of the group being built
    std::atomic<std::size_t> backlog_{0};
    std::atomic<std::uint64_t> durable_{0};
    std::thread thread_;
};

/// Row of the platform family: the wall clock when the newest time mark was written, Unix
/// milliseconds, eight bytes.
inline constexpr std::string_view time_mark_key = "W";
/// Every record lies behind a mark that is not older than this.
inline constexpr milliseconds time_mark_every{1'000};

/// Logs and leaves at once, without destructors: what is not synced must not be touched again.
[[noreturn]] void end_after_write_failure(const char* what, const rocksdb::Status& status);

} // namespace hikyaku::store
