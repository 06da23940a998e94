#include "writer.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/base/thread.h>
#include <hikyaku/crypto/sha256.h>

#include <algorithm>
#include <cstdlib>

#include <boost/system/system_error.hpp>

namespace hikyaku::store
{
namespace
{

constexpr int exit_write_failed = 74; // EX_IOERR
constexpr std::size_t durations_max = 4096;

rocksdb::Slice to_slice(std::string_view s)
{
    return {s.data(), s.size()};
}

/// An operation with the family it applies to, ready to be sorted.
struct placed_operation
{
    rocksdb::ColumnFamilyHandle* family;
    operation op;
    std::size_t position;
};

bool comes_before(const placed_operation& a, const placed_operation& b)
{
    if (a.family != b.family)
    {
        return a.family->GetID() < b.family->GetID();
    }
    const int order = a.op.key.compare(b.op.key);
    return order != 0 ? order < 0 : a.position < b.position;
}

void check(const rocksdb::Status& status)
{
    if (!status.ok())
    {
        end_after_write_failure("batch", status);
    }
}

void add_to_batch(rocksdb::WriteBatch& batch, const placed_operation& placed)
{
    const auto key = to_slice(placed.op.key);
    switch (placed.op.kind)
    {
    case operation_kind::put:
        check(batch.Put(placed.family, key, to_slice(placed.op.value)));
        break;
    case operation_kind::erase:
        check(batch.Delete(placed.family, key));
        break;
    case operation_kind::erase_range:
        check(batch.DeleteRange(placed.family, key, to_slice(placed.op.value)));
        break;
    case operation_kind::create_family:
    case operation_kind::drop_family:
        break; // done beside the batch
    }
}

/// Calls f(operation) for each family operation of the group.
template <class F> void for_each_family_operation(const std::vector<record>& records, F f)
{
    for (const record& r : records)
    {
        operation_reader in(r.bytes());
        operation op;
        while (r.tenant() == platform_tenant && in.next(op))
        {
            if (op.kind == operation_kind::create_family || op.kind == operation_kind::drop_family)
            {
                f(op);
            }
        }
    }
}

void chain(journal_head& head, const record& r)
{
    ++head.seq;
    std::string prefix = head.hash;
    put_be(prefix, head.epoch);
    put_be(prefix, head.seq);
    thread_local crypto::sha256_stream hash;
    hash.update(prefix);
    hash.update(r.bytes());
    head.hash = crypto::as_bytes(hash.finish());
}

} // namespace

void end_after_write_failure(const char* what, const rocksdb::Status& status)
{
    log::error("store_write_failed",
               {{"operation", what},
                {"reason", status.ToString()},
                {"effect", "the process ends; it recovers from the log at the next start"}});
    std::_Exit(exit_write_failed);
}

writer::writer(rocksdb::DB& db, families& fams, const options& opts,
               const rocksdb::ColumnFamilyOptions& family_options, wall_time last_time_mark)
    : db_(db), families_(fams), group_bytes_max_(opts.group_bytes_max),
      group_wait_(opts.group_wait), by_hand_(opts.by_hand), family_options_(family_options),
      time_(opts.time != nullptr || opts.by_hand ? opts.time : &system_clock()),
      last_time_mark_(last_time_mark), durable_(db.GetLatestSequenceNumber())
{
    if (!by_hand_)
    {
        thread_ = std::thread([this] { run(); });
    }
}

writer::~writer()
{
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable())
    {
        thread_.join();
    }
}

void writer::submit(std::vector<record> records, commit_class cls, end_callback done, bool whole)
{
    submission s;
    s.records = std::move(records);
    s.done = std::move(done);
    s.since = std::chrono::steady_clock::now();
    s.whole = whole;
    for (const record& r : s.records)
    {
        if (families_.is_damaged(r.tenant()))
        {
            throw boost::system::system_error(make_error_code(errc::tenant_damaged));
        }
        s.bytes += r.bytes().size();
    }
    for_each_family_operation(s.records, [&s](const operation&) { s.changes_families = true; });
    backlog_.fetch_add(s.bytes);
    {
        const std::lock_guard lock(mutex_);
        HK_ASSERT(!stopping_);
        waiting_[static_cast<std::size_t>(cls)].push_back(std::move(s));
        if (gathering_ && only_outcomes())
        {
            return; // the writer wakes by itself when its wait is over
        }
    }
    wake_.notify_one();
}

void writer::take_class(group& out, std::size_t& bytes, std::deque<submission>& from)
{
    while (!from.empty() && (out.empty() || bytes + from.front().bytes <= group_bytes_max_))
    {
        // A family that begins or ends is a group of its own.
        if (from.front().changes_families && !out.empty())
        {
            return;
        }
        bytes += from.front().bytes;
        out.push_back(std::move(from.front()));
        from.pop_front();
        if (out.back().changes_families)
        {
            bytes = group_bytes_max_ + 1;
        }
    }
}

bool writer::only_outcomes() const
{
    return !stopping_ && waiting_[static_cast<std::size_t>(commit_class::control)].empty() &&
           waiting_[static_cast<std::size_t>(commit_class::bulk)].empty() &&
           backlog_.load() < group_bytes_max_;
}

bool writer::wait_for_group(group& out)
{
    std::unique_lock lock(mutex_);
    const auto any = [this]
    { return std::any_of(waiting_.begin(), waiting_.end(), [](auto& w) { return !w.empty(); }); };
    wake_.wait(lock, [&] { return any() || stopping_; });
    if (group_wait_.count() > 0 && only_outcomes())
    {
        // Outcomes wait for company: a commit costs the same for one as for many. Nobody else does.
        gathering_ = true;
        wake_.wait_for(lock, group_wait_, [this] { return !only_outcomes(); });
        gathering_ = false;
    }
    take_group(out);
    return !out.empty();
}

void writer::take_group(group& out)
{
    std::size_t bytes = 0;
    for (auto& waiting : waiting_)
    {
        take_class(out, bytes, waiting);
    }
}

bool writer::write_one()
{
    HK_ASSERT(by_hand_);
    group g;
    {
        const std::lock_guard lock(mutex_);
        take_group(g);
    }
    if (g.empty())
    {
        return false;
    }
    write_group(g);
    return true;
}

void writer::run()
{
    name_this_thread("hk-writer");
    group g;
    while (wait_for_group(g))
    {
        write_group(g);
        g.clear();
    }
}

void writer::create_families(const group& g)
{
    for (const submission& s : g)
    {
        if (!s.changes_families)
        {
            continue;
        }
        for_each_family_operation(s.records,
                                  [this](const operation& op)
                                  {
                                      if (op.kind != operation_kind::create_family)
                                      {
                                          return;
                                      }
                                      if (families_.find(op.family) != nullptr)
                                      {
                                          // A crash came between the family and its record.
                                          HK_ASSERT(families_.head(op.family).seq == 0);
                                          return;
                                      }
                                      rocksdb::ColumnFamilyHandle* handle = nullptr;
                                      const auto status = db_.CreateColumnFamily(
                                          family_options_, families::name_of(op.family), &handle);
                                      if (!status.ok())
                                      {
                                          end_after_write_failure("create family", status);
                                      }
                                      families_.add(op.family, handle);
                                  });
    }
}

void writer::drop_families(const group& g)
{
    for (const submission& s : g)
    {
        if (!s.changes_families)
        {
            continue;
        }
        for_each_family_operation(s.records,
                                  [this](const operation& op)
                                  {
                                      if (op.kind != operation_kind::drop_family)
                                      {
                                          return;
                                      }
                                      const auto store = families_.find(op.family);
                                      if (store == nullptr)
                                      {
                                          return; // dropped before
                                      }
                                      const auto status = db_.DropColumnFamily(&store->family());
                                      if (!status.ok())
                                      {
                                          end_after_write_failure("drop family", status);
                                      }
                                      families_.remove(op.family);
                                      write_mark();
                                  });
    }
}

/// Records of a dropped family are not replayed: without a later row elsewhere the log would seem
/// to end before what was acknowledged.
void writer::write_mark()
{
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto status =
        db_.Put(options, &families_.platform(), "M", std::to_string(db_.GetLatestSequenceNumber()));
    if (!status.ok())
    {
        end_after_write_failure("mark", status);
    }
    durable_.store(db_.GetLatestSequenceNumber());
}

/// Puts a time mark before the records of the group when the last one is old: an idle store writes
/// none, and no mark costs a sync of its own.
void writer::add_time_mark(group& g)
{
    const bool any = std::any_of(g.begin(), g.end(), [](auto& s) { return !s.records.empty(); });
    if (time_ == nullptr || !any)
    {
        return;
    }
    const auto now = time_->wall();
    if (now >= last_time_mark_ && now - last_time_mark_ < time_mark_every)
    {
        return;
    }
    std::string value;
    put_be(value, static_cast<std::uint64_t>(to_unix_ms(now)));
    submission mark;
    mark.records.emplace_back(platform_tenant).put(space::data, time_mark_key, value);
    mark.since = std::chrono::steady_clock::now();
    g.insert(g.begin(), std::move(mark));
    last_time_mark_ = now;
}

/// A submission that must be whole and can't be any more leaves the group.
void writer::refuse_gone(group& g)
{
    for (submission& s : g)
    {
        const bool gone = std::any_of(
            s.records.begin(), s.records.end(), [this](const record& r)
            { return r.tenant() != platform_tenant && families_.find(r.tenant()) == nullptr; });
        if (s.whole && gone)
        {
            s.refused = errc::no_tenant;
            s.records.clear();
            s.changes_families = false;
        }
    }
}

void writer::build_batch(const group& g, rocksdb::WriteBatch& batch)
{
    std::vector<placed_operation> placed;
    bool sortable = true;
    heads_.clear();
    for (const submission& s : g)
    {
        for (const record& r : s.records)
        {
            rocksdb::ColumnFamilyHandle* data = &families_.platform();
            if (r.tenant() != platform_tenant)
            {
                const auto store = families_.find(r.tenant());
                if (store == nullptr)
                {
                    // Dropped between hand-over and commit: its data has nowhere to go.
                    log::warning("record_of_dropped_tenant", {{"tenant", r.tenant().value}});
                    continue;
                }
                data = &store->family();
            }
            const auto at = heads_.try_emplace(r.tenant(), families_.head(r.tenant())).first;
            chain(at->second, r);
            operation_reader in(r.bytes());
            operation op;
            while (in.next(op))
            {
                placed.push_back(
                    {op.where == space::data ? data : &families_.queue(), op, placed.size()});
                sortable = sortable && op.kind != operation_kind::erase_range;
            }
            HK_ASSERT(in.ok());
        }
    }
    if (sortable)
    {
        std::sort(placed.begin(), placed.end(), comes_before);
    }
    for (const auto& p : placed)
    {
        add_to_batch(batch, p);
    }
}

void writer::append_heads(rocksdb::WriteBatch& batch)
{
    for (const auto& [tenant, head] : heads_)
    {
        auto* family = &families_.platform();
        std::shared_ptr<const tenant_store> store;
        if (tenant != platform_tenant)
        {
            store = families_.find(tenant);
            family = &store->family();
        }
        check(batch.Put(family, to_slice(journal_head_key), to_slice(encode_head(head))));
        families_.set_head(tenant, head);
    }
}

void writer::mark_dropped(const group& g, rocksdb::WriteBatch& batch)
{
    for (const submission& s : g)
    {
        if (!s.changes_families)
        {
            continue;
        }
        for_each_family_operation(
            s.records,
            [&](const operation& op)
            {
                const auto store = families_.find(op.family);
                if (op.kind == operation_kind::drop_family && store != nullptr)
                {
                    check(batch.Put(&store->family(), to_slice(journal_head_key),
                                    to_slice(dropped_head)));
                }
            });
    }
}

void writer::write_group(group& g)
{
    create_families(g);
    refuse_gone(g);
    add_time_mark(g);
    rocksdb::WriteBatch batch;
    build_batch(g, batch);
    mark_dropped(g, batch);
    // Heads come last: the highest sequence number must lie in a family that lives on, or a start
    // would miss it.
    append_heads(batch);
    rocksdb::WriteOptions options;
    options.sync = true;
    const auto status = db_.Write(options, &batch);
    if (!status.ok())
    {
        end_after_write_failure("write", status);
    }
    durable_.store(db_.GetLatestSequenceNumber());
    drop_families(g);
    note_duration(g);
    for (submission& s : g)
    {
        backlog_.fetch_sub(s.bytes);
        if (s.done)
        {
            s.done(s.refused);
        }
    }
}

void writer::note_duration(const group& g)
{
    const auto now = std::chrono::steady_clock::now();
    auto oldest = now;
    std::size_t bytes = 0;
    std::size_t records = 0;
    for (const submission& s : g)
    {
        oldest = std::min(oldest, s.since);
        bytes += s.bytes;
        records += s.records.size();
    }
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - oldest).count();
    const std::lock_guard lock(mutex_);
    ++stats_.groups;
    stats_.records += records;
    stats_.bytes += bytes;
    stats_.last_us = static_cast<std::uint64_t>(took);
    if (durations_.size() < durations_max)
    {
        durations_.push_back(static_cast<std::uint32_t>(
            std::min<long>(took, std::numeric_limits<std::int32_t>::max())));
    }
}

commit_stats writer::stats() const
{
    const std::lock_guard lock(mutex_);
    return stats_;
}

std::vector<std::uint32_t> writer::take_durations()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(durations_, {});
}

} // namespace hikyaku::store
