#include <hikyaku/base/id.h>

#include <algorithm>

namespace hikyaku
{
namespace
{

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t digits = 13;
constexpr std::int64_t epoch_ms = 1'577'836'800'000; // 2020-01-01T00:00:00Z
constexpr unsigned time_shift = 22;
constexpr unsigned node_shift = 16;

} // namespace

std::string format_id(std::string_view prefix, std::uint64_t value)
{
    std::string text(prefix);
    text += '_';
    for (std::size_t i = digits; i-- > 0;)
    {
        text += alphabet[(value >> (5 * i)) & 31U];
    }
    return text;
}

std::optional<std::uint64_t> parse_id(std::string_view prefix, std::string_view text)
{
    if (text.size() != prefix.size() + 1 + digits || !text.starts_with(prefix) ||
        text[prefix.size()] != '_')
    {
        return std::nullopt;
    }
    const std::string_view tail = text.substr(prefix.size() + 1);
    // 13 digits hold 65 bits: the first may only be 0 to f.
    if (alphabet.substr(0, 16).find(tail[0]) == std::string_view::npos)
    {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : tail)
    {
        const auto digit = alphabet.find(c);
        if (digit == std::string_view::npos)
        {
            return std::nullopt;
        }
        value = (value << 5) | digit;
    }
    return value;
}

id_source::id_source(const clock& clock, std::uint8_t node) noexcept
    : clock_(clock), node_(static_cast<std::uint64_t>(node & 63U) << node_shift)
{
}

std::uint64_t id_source::next() noexcept
{
    const std::int64_t ms = std::max<std::int64_t>(to_unix_ms(clock_.wall()) - epoch_ms, 0);
    const std::uint64_t fresh = (static_cast<std::uint64_t>(ms) << time_shift) | node_;
    std::uint64_t last = last_.load(std::memory_order_relaxed);
    std::uint64_t id = 0;
    do
    {
        id = fresh;
        if (id <= last)
        {
            id = last + 1;
            // The counter is full: borrow the next millisecond instead of touching the node bits.
            if ((id & ((1ULL << node_shift) - 1)) == 0)
            {
                id = (((last >> time_shift) + 1) << time_shift) | node_;
            }
        }
    } while (!last_.compare_exchange_weak(last, id, std::memory_order_relaxed));
    return id;
}

} // namespace hikyaku
