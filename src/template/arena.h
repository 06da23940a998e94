#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace hikyaku::tmpl
{

/// Memory that lives until the next rendering. Bounded; keeps a little of it for the next one.
class arena
{
public:
    static constexpr std::size_t block_bytes = 16u << 10;
    static constexpr std::size_t kept_bytes_max = 1u << 20;

    explicit arena(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    /// Aligned for value. nullptr: the bound is reached.
    [[nodiscard]] void* allocate(std::size_t bytes)
    {
        constexpr std::size_t unit = alignof(std::max_align_t);
        if (bytes > bytes_max_ - used_)
        {
            return nullptr;
        }
        const auto rounded = (bytes + unit - 1) / unit * unit;
        while (current_ < blocks_.size() && blocks_[current_].size - fill_ < rounded)
        {
            ++current_;
            fill_ = 0;
        }
        if (current_ == blocks_.size())
        {
            const auto size = std::max(block_bytes, rounded);
            blocks_.push_back({std::make_unique_for_overwrite<std::byte[]>(size), size});
            fill_ = 0;
        }
        auto* at = blocks_[current_].bytes.get() + fill_;
        fill_ += rounded;
        used_ = std::min(bytes_max_, used_ + rounded);
        return at;
    }

    void reset()
    {
        std::size_t kept = 0;
        std::size_t blocks = 0;
        while (blocks < blocks_.size() && kept + blocks_[blocks].size <= kept_bytes_max)
        {
            kept += blocks_[blocks++].size;
        }
        blocks_.resize(blocks);
        current_ = 0;
        fill_ = 0;
        used_ = 0;
    }

private:
    struct memory
    {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t size = 0;
    };
    std::vector<memory> blocks_;
    std::size_t current_ = 0;
    std::size_t fill_ = 0;
    std::size_t used_ = 0;
    std::size_t bytes_max_;
};

} // namespace hikyaku::tmpl
