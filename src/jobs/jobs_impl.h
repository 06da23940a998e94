#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>

#include <hikyaku/jobs/jobs.h>

namespace hikyaku::jobs
{

/// A job that waits or runs here.
struct active_job
{
    tenant_id tenant;
    std::uint64_t id = 0;
    /// Guarded by impl::mutex.
    bool running = false;
    std::atomic<bool> cancel{false};
};

struct jobs::impl
{
    impl(store::database& d, oplog::operation_log& l, const clock& c, jobs_options o)
        : db(d), log(l), time(c), options(std::move(o)), ids(c)
    {
    }

    using job_result = result<job, job_error>;

    /// The row as it is on disk, with "running" for one that runs here.
    [[nodiscard]] job_result load(tenant_id tenant, std::uint64_t id) const;
    void show_running(job& j) const;
    /// Puts a job behind the waiting ones.
    void enqueue(tenant_id tenant, std::uint64_t id);
    /// Takes a waiting job out. False when it already runs (it is then told to stop) .
    [[nodiscard]] bool take_back(std::uint64_t id);
    void tell_to_stop(std::uint64_t id);
    void run_thread();
    void run_one(active_job& a);
    void finish(job j, const outcome& how, const active_job& a);
    void resume_tenant(tenant_id tenant);
    [[nodiscard]] std::filesystem::path file_of(tenant_id tenant, std::uint64_t id) const;

    store::database& db;
    oplog::operation_log& log;
    const clock& time;
    const jobs_options options;
    id_source ids;
    std::map<std::string, work, std::less<>> kinds;

    mutable std::mutex mutex;
    std::condition_variable ready;
    std::deque<std::shared_ptr<active_job>> queue;
    // Shared: the queue or the thread that runs it, and this table that cancel() looks into.
    std::unordered_map<std::uint64_t, std::shared_ptr<active_job>> active;
    std::atomic<bool> stopping{false};
    bool started = false;
    std::vector<std::thread> threads;
};

} // namespace hikyaku::jobs
