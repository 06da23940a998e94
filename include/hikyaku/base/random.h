#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace hikyaku
{

/// The randomness seam. Implementations are thread-safe.
class random_source
{
public:
    virtual ~random_source() = default;
    virtual void fill(std::span<std::byte> out) noexcept = 0;

    [[nodiscard]] std::uint64_t next_u64() noexcept
    {
        std::uint64_t value = 0;
        fill(std::as_writable_bytes(std::span{&value, 1}));
        return value;
    }
    /// Uniform enough for jitter and shuffles: bound is far below 2^64. @pre bound > 0
    [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept { return next_u64() % bound; }
};

/// getrandom(2). Lives as long as the process.
[[nodiscard]] random_source& system_random() noexcept;

} // namespace hikyaku
