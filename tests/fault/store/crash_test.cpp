#include "workload.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

namespace hikyaku::store::fault
{
namespace
{

using test::child_end;
using test::run_child;
using test::survival;

constexpr auto deadline = std::chrono::seconds{40};

/// HK_FAULT_ALL=1: every operation with every fault; otherwise a seeded part of them.
bool is_long_run()
{
    return std::getenv("HK_FAULT_ALL") != nullptr;
}

std::uint64_t seed_of_run()
{
    const char* text = std::getenv("HK_FAULT_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 20'240'601;
}

std::string describe(const child_end& end)
{
    return "code " + std::to_string(end.code) + ", signal " + std::to_string(end.signal) +
           (end.hung ? ", hung" : "") + "\n" + end.errors;
}

/// A child under faults may end in order, by the store's policy, or by RocksDB's own assertions.
bool is_allowed(const child_end& end)
{
    return !end.hung &&
           (end.code == 0 || end.code == exit_write_failed || end.code == exit_crashed ||
            end.code == exit_open_failed || end.signal == SIGABRT);
}

class StoreCrash : public testing::Test
{
protected:
    /// One history: fault in the workload, power cut, perhaps a fault in the recovery and another
    /// cut, then a clean start that must find everything. @returns false: no fault was reached
    bool run(test::fault how, std::uint64_t at, survival left, std::uint64_t in_recovery)
    {
        stage_.reset();
        stage_.set_fault(how, at);
        const auto end = run_child([this] { return run_workload(stage_); }, deadline);
        const bool reached = stage_.disk->failed.load();
        ++ends_[end.signal != 0 ? -end.signal : end.code];
        EXPECT_TRUE(is_allowed(end)) << describe(end);
        EXPECT_FALSE(stage_.acks->after_failure.load()) << "acknowledged after the log failed";
        EXPECT_TRUE(reached || stage_.acks->finished.load()) << describe(end);
        cut_power(stage_.dir, stage_.shadow, *stage_.disk, left, at);
        if (in_recovery != 0)
        {
            stage_.set_fault(how, in_recovery);
            const auto second = run_child([this] { return check_store(stage_); }, deadline);
            EXPECT_TRUE(is_allowed(second)) << describe(second);
            cut_power(stage_.dir, stage_.shadow, *stage_.disk, left, at + 1);
        }
        stage_.set_fault(test::fault::none, 0);
        const auto check = run_child([this] { return check_store(stage_); }, deadline);
        EXPECT_TRUE(!check.hung && check.code == 0)
            << describe(check) << "\nfirst: " << describe(end);
        return reached;
    }
    void run_all(const std::vector<test::fault>& kinds, std::uint64_t step)
    {
        std::mt19937_64 random(seed_of_run());
        std::uint64_t runs = 0;
        for (const auto how : kinds)
        {
            std::uint64_t n = 1;
            while (true)
            {
                const auto left = static_cast<survival>(random() % 3);
                const std::uint64_t nested = random() % 4 == 0 ? 1 + random() % 60 : 0;
                SCOPED_TRACE("fault " + std::to_string(static_cast<int>(how)) + " at " +
                             std::to_string(n) + ", survival " +
                             std::to_string(static_cast<int>(left)) + ", in recovery " +
                             std::to_string(nested));
                const bool reached = run(how, n, left, nested);
                ++runs;
                if (!reached || HasFailure())
                {
                    break;
                }
                n += is_long_run() || n < 12 ? 1 : 1 + random() % (2 * step);
            }
            RecordProperty("operations_" + std::to_string(static_cast<int>(how)),
                           std::to_string(n));
        }
        std::printf("%llu histories; ends:", static_cast<unsigned long long>(runs));
        for (const auto& [end, count] : ends_)
        {
            std::printf(" %d:%d", end, count);
        }
        std::printf("\n");
    }

    stage stage_{"store"};
    std::map<int, int> ends_;
};

TEST_F(StoreCrash, NothingAcknowledgedIsLostWhenTheMachineDies)
{
    run_all({test::fault::crash}, 12);
}

TEST_F(StoreCrash, NothingAcknowledgedIsLostWhenAnOperationFails)
{
    run_all({test::fault::io_error}, 12);
}

TEST_F(StoreCrash, NothingAcknowledgedIsLostWhenTheDiskGoesAway)
{
    run_all({test::fault::disk_gone}, 24);
}

TEST_F(StoreCrash, NothingAcknowledgedIsLostWhenTheDiskIsFull)
{
    run_all({test::fault::no_space, test::fault::disk_full}, 30);
}

TEST_F(StoreCrash, AFailedRunIsSeenByTheCheck)
{
    // The oracle itself: an acknowledgement of something never written must fail it.
    const auto end = run_child([this] { return run_workload(stage_); }, deadline);
    ASSERT_EQ(end.code, 0) << describe(end);
    ASSERT_EQ(stage_.acks->own_records[0].load(), 60U);
    stage_.acks->own_records[0].store(61);
    const auto check = run_child([this] { return check_store(stage_); }, deadline);
    EXPECT_EQ(check.code, exit_wrong) << describe(check);
}

} // namespace
} // namespace hikyaku::store::fault
