#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <rocksdb/env.h>

namespace hikyaku::test
{

/// What happens at the chosen operation.
enum class fault : std::uint32_t
{
    none = 0,
    /// It fails with an I/O error; of an append a part may have been written.
    io_error,
    /// The same, with "no space left".
    no_space,
    /// It and every later one fails: the disk is gone.
    disk_gone,
    /// Every later append and creation fails for want of space; deleting still works.
    disk_full,
    /// The process dies just before it.
    crash,
};

/// What happened to the files of one directory, in memory shared with the parent process: it
/// outlives the child. Append-only, one event per operation that changes what is durable.
class disk_history
{
public:
    static constexpr std::size_t events_max = 1U << 15;
    static constexpr std::size_t name_max = 47;

    enum class kind : std::uint32_t
    {
        create = 1,
        unlink,
        rename,
        sync_file,
        sync_directory,
    };
    struct event
    {
        kind what{};
        std::uint32_t file = 0;
        std::uint64_t size = 0;
        std::array<char, name_max + 1> name{};
        std::array<char, name_max + 1> to{};
    };

    void add(kind what, std::uint32_t file, std::uint64_t size, std::string_view name,
             std::string_view to = {});
    [[nodiscard]] std::size_t size() const noexcept { return count_.load(); }
    [[nodiscard]] const event& at(std::size_t i) const { return events_.at(i); }
    void clear() noexcept;

    /// The operation that fails, counted from 1.
    std::atomic<std::uint64_t> fail_at{0};
    std::atomic<fault> how{fault::none};
    /// Operations so far.
    std::atomic<std::uint64_t> operations{0};
    std::atomic<bool> failed{false};
    /// Thread that saw a write or sync of the write-ahead log fail; 0: none did.
    std::atomic<std::int64_t> log_failed_on{0};
    std::atomic<std::uint32_t> next_file{1};

private:
    std::atomic<std::uint32_t> count_{0};
    std::array<event, events_max> events_;
};

/// A file system on `dir`, a real directory, that fails at history.fail_at and records what was
/// made durable. Each file has a second link in `shadow` named by its number, so that what an
/// unsynced unlink or rename took away can be put back. Syncs are recorded, not done.
/// Names starting with "LOG", and the lock, are passed through. `history` outlives the Env.
[[nodiscard]] std::unique_ptr<rocksdb::Env> make_fault_env(const std::filesystem::path& dir,
                                                           const std::filesystem::path& shadow,
                                                           disk_history& history);

/// How much of what was not synced survives a power cut.
enum class survival
{
    /// Only what was synced: the strictest disk.
    synced,
    /// A random part: the first of the unsynced names, and of each file's unsynced bytes.
    torn,
    /// Everything: the process died, the machine did not.
    everything,
};

/// Leaves in `dir` what a power cut would have, empties `shadow` and the history's events.
void cut_power(const std::filesystem::path& dir, const std::filesystem::path& shadow,
               disk_history& history, survival how, std::uint64_t seed);

} // namespace hikyaku::test
