#pragma once

#include <hikyaku/base/random.h>

namespace hikyaku::shaping
{

/// A reproducible random source (splitmix64).
class seeded_random final : public random_source
{
public:
    explicit seeded_random(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) noexcept override
    {
        for (std::byte& b : out)
        {
            state_ += 0x9E3779B97F4A7C15U;
            std::uint64_t z = state_;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
            b = static_cast<std::byte>(z >> 56);
        }
    }

private:
    std::uint64_t state_;
};

} // namespace hikyaku::shaping
