#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include <hikyaku/base/id.h>

namespace hikyaku::feed
{

/// One fact block that is durable and not yet in the log.
struct settled_block
{
    tenant_id tenant;
    std::uint64_t seq = 0;
    std::shared_ptr<const std::string> bytes;
};

/// Blocks between the store's writer and the log's thread. Holds at most a number of bytes: what
/// does not fit is only remembered as a number per tenant. Not thread-safe.
class waiting_blocks
{
public:
    explicit waiting_blocks(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    void push(settled_block block)
    {
        const auto size = block.bytes ? block.bytes->size() + sizeof(settled_block) : 0;
        if (size == 0 || bytes_ + size > bytes_max_)
        {
            auto& last = only_numbers_[block.tenant];
            last = last < block.seq ? block.seq : last;
            return;
        }
        bytes_ += size;
        blocks_.push_back(std::move(block));
    }
    [[nodiscard]] bool empty() const noexcept { return blocks_.empty() && only_numbers_.empty(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] const std::deque<settled_block>& blocks() const noexcept { return blocks_; }
    /// The greatest number of a block that did not fit, per tenant.
    [[nodiscard]] const std::unordered_map<tenant_id, std::uint64_t>& only_numbers() const noexcept
    {
        return only_numbers_;
    }
    /// Hands over what waits; the limit stays.
    [[nodiscard]] waiting_blocks take()
    {
        waiting_blocks taken(bytes_max_);
        std::swap(taken, *this);
        return taken;
    }

private:
    std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::deque<settled_block> blocks_;
    std::unordered_map<tenant_id, std::uint64_t> only_numbers_;
};

} // namespace hikyaku::feed
