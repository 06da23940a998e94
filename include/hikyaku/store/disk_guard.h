#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

namespace hikyaku::store
{

/// Tells when the disk is nearly full, before RocksDB finds out: intake answers 503 and leasing
/// stops while low() is true. Holds a ballast file that is given up when space runs out all the
/// same, so that what is in memory can still be flushed. poll() once a second from one thread;
/// low() from any.
class disk_guard
{
public:
    using free_bytes_fn = std::function<std::uint64_t(const std::string& dir)>;

    /// `free_min`: bytes that must stay free. `ballast`: size of the ballast file, 0 for none.
    /// `free_bytes` is statvfs unless a test says otherwise.
    disk_guard(std::string dir, std::uint64_t free_min, std::uint64_t ballast,
               free_bytes_fn free_bytes = {});

    /// Looks at the disk. Logs each change of state once.
    void poll();
    [[nodiscard]] bool low() const noexcept { return low_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t free_bytes() const noexcept { return free_.load(); }

private:
    void make_ballast();
    void drop_ballast();

    std::string dir_;
    std::uint64_t free_min_;
    std::uint64_t ballast_;
    free_bytes_fn look_;
    std::atomic<bool> low_{false};
    std::atomic<std::uint64_t> free_{0};
};

} // namespace hikyaku::store
