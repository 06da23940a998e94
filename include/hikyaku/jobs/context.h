#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include <hikyaku/jobs/job.h>

namespace hikyaku::jobs
{

/// How a piece of work ended.
enum class verdict : std::uint8_t
{
    done,
    /// With a text for people; what was saved stays.
    failed,
    /// should_stop() said so: cancelled, or to be resumed after a restart.
    stopped,
};

struct outcome
{
    verdict how = verdict::done;
    /// Why it failed.
    std::string text;
    /// Final counts; empty keeps those of the last checkpoint.
    json::object counts;
};

/// What a running job knows of itself. Owned by the thread that runs it.
class context
{
public:
    using stop_predicate = std::function<bool()>;

    /// `error_file` is where the kind may write rejected rows; nothing is there yet, or what was
    /// written before a restart.
    context(job j, std::filesystem::path error_file, stop_predicate stop,
            stop_predicate cancel_requested = {});

    /// As of the start, with the last checkpoint kept current by save().
    [[nodiscard]] const job& current() const noexcept { return job_; }
    [[nodiscard]] tenant_id tenant() const noexcept { return job_.tenant; }
    [[nodiscard]] const std::filesystem::path& error_file() const noexcept { return error_file_; }

    /// True when it was cancelled or the program stops: return verdict::stopped soon.
    [[nodiscard]] bool should_stop() const { return stop_(); }

    /// Adds the job's row with the new checkpoint to the record of the change in which the work
    /// itself is. @pre the change holds the tenant's gate and is committed next
    void save(checkpoint at, store::record& data);
    /// Call once something is in error_file(): the job then has it.
    void set_has_errors() { job_.has_error_file = true; }

private:
    job job_;
    std::filesystem::path error_file_;
    stop_predicate stop_;
    stop_predicate cancel_requested_;
};

/// The work of one kind. Runs on a jobs thread; begins, or goes on from current().last.resume.
using work = std::function<outcome(context&)>;

} // namespace hikyaku::jobs
