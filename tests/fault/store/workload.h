#pragma once

#include "child_process.h"
#include "fault_env.h"

#include <hikyaku/store/database.h>

#include <array>
#include <atomic>
#include <filesystem>

namespace hikyaku::store::fault
{

/// Writers of the workload: one thread each, each with a class and a tenant of its own.
inline constexpr std::size_t writers = 3;
/// Tenants of the writers; then one that all write to; then one that is dropped again.
inline constexpr std::array<tenant_id, writers> own{tenant_id{11}, tenant_id{12}, tenant_id{13}};
inline constexpr tenant_id common{20};
inline constexpr tenant_id dropped{30};

/// What the child says was acknowledged: written by durable callbacks only.
struct acknowledged
{
    std::array<std::atomic<std::uint32_t>, writers> own_records{};
    std::array<std::atomic<std::uint32_t>, writers> common_records{};
    /// Platform records, which one thread writes in a fixed order.
    std::atomic<std::uint32_t> platform_records{0};
    /// Something was acknowledged by the thread that had seen the log fail.
    std::atomic<bool> after_failure{false};
    std::atomic<bool> finished{false};

    void clear();
};

/// A directory, its faults and its acknowledgements: what a child and its parent share.
struct stage
{
    explicit stage(const std::string& name);
    ~stage();
    stage(const stage&) = delete;
    stage& operator=(const stage&) = delete;

    /// Empty directory, nothing acknowledged, no fault.
    void reset();
    void set_fault(test::fault how, std::uint64_t at);
    [[nodiscard]] options make_options(rocksdb::Env& env) const;
    [[nodiscard]] std::unique_ptr<rocksdb::Env> make_env() const;

    std::filesystem::path root;
    std::filesystem::path dir;
    std::filesystem::path shadow;
    test::shared_memory<test::disk_history> disk;
    test::shared_memory<acknowledged> acks;
};

inline constexpr int exit_open_failed = 3;
inline constexpr int exit_write_failed = 74;
inline constexpr int exit_crashed = 137;
inline constexpr int exit_wrong = 4;

/// Record `i` of a writer: puts, overwrites, erases and range erases over both families.
[[nodiscard]] record own_record(std::size_t writer, std::uint32_t i);
[[nodiscard]] record common_record(std::size_t writer, std::uint32_t i);
/// The platform's records in order: families that begin, and one that ends.
[[nodiscard]] std::vector<record> platform_records();

/// The one time mark of a workload, whose clock stands still: the platform's first record.
[[nodiscard]] record time_mark();

/// Opens, writes, flushes, compacts, closes, opens again, writes, drops, closes.
/// @returns the exit code of the child
[[nodiscard]] int run_workload(stage& s);
/// Opens what is there and compares it with what was acknowledged, then goes on using it.
[[nodiscard]] int check_store(stage& s);

} // namespace hikyaku::store::fault
