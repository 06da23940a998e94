#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/json.h>
#include <hikyaku/base/time.h>
#include <hikyaku/oplog/operation_log.h>

namespace hikyaku::jobs
{

/// Where a job stands. The numbers are on disk: never reused.
enum class job_state : std::uint8_t
{
    /// Waits for a thread.
    queued = 1,
    /// Has begun; after a restart it goes on from its last checkpoint.
    running = 2,
    /// The rest are final.
    done = 3,
    failed = 4,
    cancelled = 5,
};
/// "queued", … as in the API.
[[nodiscard]] std::string_view to_string(job_state s) noexcept;
[[nodiscard]] constexpr bool is_final(job_state s) noexcept
{
    return s == job_state::done || s == job_state::failed || s == job_state::cancelled;
}

/// How far a job is, in a unit of its kind (an import: bytes of the file). total 0: not known yet.
struct progress
{
    std::uint64_t done = 0;
    std::uint64_t total = 0;
    friend bool operator==(const progress&, const progress&) = default;
};

/// What a job has done so far: written in the same commit as the work itself.
struct checkpoint
{
    progress at;
    /// Shown to people: {"created": 12, …}.
    json::object counts;
    /// The kind's own bytes: where to go on.
    std::string resume;
};

/// One piece of long work.
struct job
{
    std::uint64_t id = 0;
    tenant_id tenant;
    std::string kind;
    json::object parameters;
    /// Who started it; what the job does is done in this name.
    oplog::actor who;
    job_state state = job_state::queued;
    checkpoint last;
    /// Why it failed, for people; empty unless failed.
    std::string failure_text;
    /// There is a file of rejected rows: jobs::error_file().
    bool has_error_file = false;
    /// Somebody asked to cancel it; it stops at its next checkpoint.
    bool cancel_requested = false;
    wall_time created;
    std::optional<wall_time> finished;

    /// "job_…"
    [[nodiscard]] std::string public_id() const { return format_id("job", id); }
};

/// Key of a job in its tenant's family: 'j' + u64 id. Layout in src/jobs/FORMAT.md.
[[nodiscard]] std::string job_key(std::uint64_t id);
[[nodiscard]] std::string encode_job(const job& j);
/// nullopt when the bytes are damaged or of another version.
[[nodiscard]] std::optional<job> decode_job(tenant_id tenant, std::string_view key,
                                            std::string_view value);

} // namespace hikyaku::jobs
