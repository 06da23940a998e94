#include "workload.h"

#include <hikyaku/base/bytes.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include <unistd.h>

namespace hikyaku::store::fault
{
namespace
{

constexpr std::uint32_t first_half = 40;
constexpr std::uint32_t records_each = 60;
constexpr std::uint32_t outstanding_max = 6;

class still_clock final : public clock
{
public:
    wall_time wall() const noexcept override { return from_unix_ms(1'700'000'000'000); }
    mono_time mono() const noexcept override { return {}; }
};
const still_clock time_of_marks;

std::string numbered(std::string_view prefix, std::uint32_t i)
{
    std::string key(prefix);
    put_be(key, i);
    return key;
}

std::string queue_key(tenant_id tenant, std::uint32_t i)
{
    std::string key = "L";
    put_be(key, tenant.value);
    put_be(key, i);
    return key;
}

/// Lets a thread have a bounded number of commits under way.
class window
{
public:
    void enter()
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_ < outstanding_max; });
        ++open_;
    }
    void leave()
    {
        const std::lock_guard lock(mutex_);
        --open_;
        changed_.notify_all();
    }
    void wait_empty()
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return open_ == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint32_t open_ = 0;
};

void acknowledge(stage& s, std::atomic<std::uint32_t>& counter, std::uint32_t value)
{
    if (s.disk->log_failed_on.load() == ::gettid())
    {
        s.acks->after_failure.store(true);
    }
    counter.store(value);
}

void write_half(stage& s, database& db, std::size_t writer, std::uint32_t first, std::uint32_t last)
{
    window open;
    const auto cls = static_cast<commit_class>(writer % commit_classes);
    for (std::uint32_t i = first; i < last;)
    {
        // Every fifth hand-over is of two records, which are durable together or not at all.
        std::vector<record> records;
        const std::uint32_t count = i % 5 == 0 ? 2 : 1;
        for (std::uint32_t n = 0; n < count; ++n)
        {
            records.push_back(own_record(writer, i + n));
        }
        i += count;
        open.enter();
        db.submit(std::move(records), cls,
                  [&s, &open, writer, i]
                  {
                      acknowledge(s, s.acks->own_records[writer], i);
                      open.leave();
                  });
        open.enter();
        db.submit(common_record(writer, i), cls,
                  [&s, &open, writer, i]
                  {
                      acknowledge(s, s.acks->common_records[writer], i);
                      open.leave();
                  });
    }
    open.wait_empty();
}

void write_all(stage& s, database& db, std::uint32_t first, std::uint32_t last)
{
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < writers; ++w)
    {
        threads.emplace_back([&s, &db, w, first, last] { write_half(s, db, w, first, last); });
    }
    for (auto& t : threads)
    {
        t.join();
    }
}

void write_platform(stage& s, database& db, std::uint32_t first, std::uint32_t last)
{
    auto records = platform_records();
    for (std::uint32_t i = first; i < last; ++i)
    {
        std::mutex mutex;
        std::condition_variable changed;
        bool durable = false;
        db.submit(std::move(records[i]), commit_class::control,
                  [&]
                  {
                      acknowledge(s, s.acks->platform_records, i + 1);
                      const std::lock_guard lock(mutex);
                      durable = true;
                      changed.notify_one();
                  });
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return durable; });
    }
}

} // namespace

void acknowledged::clear()
{
    for (std::size_t w = 0; w < writers; ++w)
    {
        own_records[w].store(0);
        common_records[w].store(0);
    }
    platform_records.store(0);
    after_failure.store(false);
    finished.store(false);
}

stage::stage(const std::string& name)
    : root(std::filesystem::temp_directory_path() /
           ("hk_fault_" + name + "_" + std::to_string(::getpid()))),
      dir(root / "data"), shadow(root / "shadow")
{
    reset();
}

stage::~stage()
{
    std::error_code ignored; // a leftover temporary directory fails no test
    std::filesystem::remove_all(root, ignored);
}

void stage::reset()
{
    std::filesystem::remove_all(root);
    std::filesystem::create_directories(root);
    disk->clear();
    set_fault(test::fault::none, 0);
    acks->clear();
}

void stage::set_fault(test::fault how, std::uint64_t at)
{
    disk->how.store(how);
    disk->fail_at.store(at);
}

std::unique_ptr<rocksdb::Env> stage::make_env() const
{
    return test::make_fault_env(dir, shadow, *disk);
}

options stage::make_options(rocksdb::Env& env) const
{
    options opts;
    opts.path = dir;
    opts.env = &env;
    opts.time = &time_of_marks;
    // Small, so that logs are switched and tables written within the workload.
    opts.memtable_bytes = 512U << 10;
    opts.wal_bytes_max = 24U << 10;
    opts.group_bytes_max = 8U << 10;
    opts.block_cache_bytes = 1U << 20;
    return opts;
}

record own_record(std::size_t writer, std::uint32_t i)
{
    record r(own[writer]);
    const std::string value =
        std::to_string(i * 2'654'435'761U) + std::string(60 + i * 7 % 200, 'v');
    r.put(space::data, numbered("a", i), value);
    r.put(space::queue, queue_key(own[writer], i), "q" + value);
    if (i % 8 == 7)
    {
        r.erase(space::queue, queue_key(own[writer], i - 3));
        r.erase_range(space::data, numbered("a", i - 6), numbered("a", i - 4));
    }
    r.put(space::data, numbered("b", i), value);
    r.put(space::data, "last", std::to_string(i));
    return r;
}

record common_record(std::size_t writer, std::uint32_t i)
{
    record r(common);
    const std::string who = std::to_string(writer);
    r.put(space::data, numbered("a" + who, i), "one");
    r.put(space::data, numbered("b" + who, i), "two");
    return r;
}

std::vector<record> platform_records()
{
    std::vector<record> out;
    for (const auto id : {own[0], own[1], own[2], common, dropped})
    {
        record r(platform_tenant);
        r.create_family(id);
        r.put(space::data, numbered("T", id.value), "tenant");
        out.push_back(std::move(r));
    }
    record r(platform_tenant);
    r.drop_family(dropped);
    r.erase(space::data, numbered("T", dropped.value));
    out.push_back(std::move(r));
    return out;
}

record time_mark()
{
    std::string value;
    put_be(value, static_cast<std::uint64_t>(to_unix_ms(time_of_marks.wall())));
    record r(platform_tenant);
    r.put(space::data, "W", value);
    return r;
}

int run_workload(stage& s)
{
    const auto env = s.make_env();
    for (const std::uint32_t life : {0U, 1U})
    {
        auto opened = database::open(s.make_options(*env));
        if (opened.has_error())
        {
            return exit_open_failed;
        }
        auto& db = **opened;
        if (life == 0)
        {
            write_platform(s, db, 0, 5);
            write_all(s, db, 0, first_half / 2);
            db.flush();
            write_all(s, db, first_half / 2, first_half);
            db.compact_all();
            continue;
        }
        write_all(s, db, first_half, records_each);
        write_platform(s, db, 5, 6);
    }
    s.acks->finished.store(true);
    return 0;
}

} // namespace hikyaku::store::fault
