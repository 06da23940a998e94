#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/jobs/context.h>
#include <hikyaku/jobs/job.h>

namespace hikyaku::jobs
{

struct jobs_options
{
    /// Error files: dir/<tenant>/<job>.csv. Made when missing.
    std::filesystem::path dir;
    std::size_t threads = 2;
    /// Jobs that wait for a thread, over all tenants; more are refused.
    std::size_t queue_max = 1024;
    /// Finished jobs are kept this long, see expire().
    milliseconds keep = std::chrono::days{30};
};

/// Why a call did nothing.
struct job_error
{
    enum class kind : std::uint8_t
    {
        not_found,
        /// No such kind is registered.
        unknown_kind,
        /// queue_max jobs wait already, or the program stops: try again later.
        full,
        /// It has ended.
        finished,
        /// A damaged row or table.
        corrupt,
    };
    kind code{};
    std::string text;
};

[[noreturn]] inline void throw_exception_from_error(const job_error& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(e.text);
}

/// Long work of tenants: durable, cancellable, resumed after a restart. Thread-safe; every call
/// may block on the disk.
///
/// A job is queued → running → done | failed | cancelled. Its row is in the tenant's family and is
/// written with the work itself, so after a crash at most the work since the last checkpoint is
/// repeated, and none of it is applied twice.
class jobs
{
public:
    /// Runs just before the commit, with the job as it will be and the tenant's record: for what
    /// must be durable with it (an idempotency key).
    using also = std::function<void(const job&, store::record&)>;

    jobs(store::database& db, oplog::operation_log& log, const clock& clock, jobs_options options);
    /// stop()
    ~jobs();
    jobs(const jobs&) = delete;
    jobs& operator=(const jobs&) = delete;

    /// @pre before run(); a kind is registered once
    void register_kind(std::string kind, work w);
    /// Starts the threads and goes on with every unfinished job of every tenant.
    void run();
    /// Tells running jobs to stop, waits until they have, joins. Idempotent.
    void stop();

    /// Queues a job, durable on return. Logged as "job.start".
    [[nodiscard]] result<job, job_error> start(tenant_id tenant, const oplog::actor& who,
                                               std::string_view kind, json::object parameters,
                                               const also& with = {});
    /// `id` is the public one; another tenant's is not found.
    [[nodiscard]] result<job, job_error> find(tenant_id tenant, std::string_view id) const;
    /// Newest first, ids < `before` (0: from the newest), at most `limit`; all kinds when empty.
    [[nodiscard]] result<std::vector<job>, job_error> list(tenant_id tenant, std::uint64_t before,
                                                           std::size_t limit,
                                                           std::string_view kind = {}) const;
    /// A queued job ends at once, a running one at its next checkpoint. Logged as "job.cancel".
    /// @error finished  it has ended
    [[nodiscard]] result<job, job_error> cancel(tenant_id tenant, const oplog::actor& who,
                                                std::string_view id, const also& with = {});
    /// Where the job's rejected rows are (when has_error_file).
    [[nodiscard]] std::filesystem::path error_file(const job& j) const;
    /// Removes finished jobs (rows and error files) that ended before now - keep. Returns how many.
    std::size_t expire(tenant_id tenant, wall_time now);
    /// Jobs that wait or run.
    [[nodiscard]] std::size_t active() const;

private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::jobs
