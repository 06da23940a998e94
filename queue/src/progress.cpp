#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/progress.h>

#include <bit>

namespace hikyaku::queue
{
namespace
{

constexpr std::uint8_t format = 1;
constexpr std::uint64_t full = ~0ULL;

} // namespace

bool progress::is_settled(position p) const noexcept
{
    if (p < base_)
    {
        return true;
    }
    const std::uint64_t word = p / 64 - base_ / 64;
    return word < words_.size() && ((words_[static_cast<std::size_t>(word)] >> (p % 64)) & 1) != 0;
}

void progress::settle(position p)
{
    HK_ASSERT(p < base_ + window_max);
    if (p < base_)
    {
        return;
    }
    const auto word = static_cast<std::size_t>(p / 64 - base_ / 64);
    if (word >= words_.size())
    {
        words_.resize(word + 1, 0);
    }
    words_[word] |= 1ULL << (p % 64);
    high_ = std::max(high_, p + 1);
    if (p == base_)
    {
        advance();
    }
}

void progress::advance()
{
    while (!words_.empty())
    {
        // Bits below the mark count as set, so that a half-used word can become full.
        const std::uint64_t below = (1ULL << (base_ % 64)) - 1;
        const std::uint64_t word = words_.front() | below;
        if (word != full)
        {
            base_ = (base_ & ~63ULL) + static_cast<unsigned>(std::countr_one(word));
            return;
        }
        base_ = (base_ & ~63ULL) + 64;
        words_.pop_front();
    }
}

std::string progress::encode() const
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, base_);
    put_varint(out, leased_ > base_ ? leased_ - base_ : 0);
    put_varint(out, words_.size());
    for (const auto w : words_)
    {
        put_varint(out, w);
    }
    return out;
}

std::optional<progress> progress::decode(std::string_view bytes)
{
    byte_reader in(bytes);
    progress p;
    if (in.u8() != format)
    {
        return std::nullopt;
    }
    p.base_ = in.varint();
    p.leased_ = p.base_ + in.varint();
    const auto count = in.varint();
    if (count > window_max / 64 + 1)
    {
        return std::nullopt;
    }
    p.high_ = p.base_;
    for (std::uint64_t i = 0; i < count; ++i)
    {
        const std::uint64_t word = in.varint();
        p.words_.push_back(word);
        if (word != 0)
        {
            const position top =
                (p.base_ & ~63ULL) + 64 * i + static_cast<unsigned>(std::bit_width(word));
            p.high_ = std::max(p.high_, top);
        }
    }
    if (!in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return p;
}

} // namespace hikyaku::queue
