#include "waiting.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/queue/chunk.h>
#include <hikyaku/queue/keys.h>
#include <hikyaku/queue/progress.h>
#include <hikyaku/queue/rows.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

/// Chunks looked at by one call; the page may then be short.
constexpr std::size_t chunks_max = 2'000;
constexpr std::size_t deferred_max = 200'000;
/// Begins cursors among deferred rows; hexadecimal digits begin all others.
constexpr char put_off_mark = 'p';
/// Lane, rank and chunk in a chunk's key.
constexpr std::size_t tail_bytes = queue::chunk_key_bytes - queue::campaign_key_bytes;

/// Where a page begins: a chunk, and the first index in it.
struct start
{
    std::string key;
    std::size_t index = 0;
};

std::optional<start> parse_start(const queue::campaign_ref& c, const std::string& from)
{
    auto key = queue::campaign_key(queue::row::chunk, c);
    if (from.empty())
    {
        return start{std::move(key), 0};
    }
    const auto bytes = crypto::decode_hex(from);
    if (!bytes || bytes->size() != tail_bytes + 2)
    {
        return std::nullopt;
    }
    key += bytes->substr(0, tail_bytes);
    return start{std::move(key),
                 get_be<std::uint16_t>(std::string_view(*bytes).substr(tail_bytes))};
}

std::string format_start(std::string_view key, std::size_t index)
{
    std::string bytes(key.substr(queue::campaign_key_bytes));
    put_be(bytes, static_cast<std::uint16_t>(index));
    return crypto::encode_hex(bytes);
}

/// What is settled of the lane that was asked for last.
class lane_progress
{
public:
    lane_progress(const store::reader& queue, const queue::campaign_ref& c) : queue_(queue), c_(c)
    {
    }
    [[nodiscard]] result<const queue::progress*, failure> of(queue::lane_id lane, std::uint8_t rank)
    {
        const auto key = queue::progress_key(c_, {lane, rank});
        if (key != key_)
        {
            const auto row = queue_.find(key);
            const auto decoded =
                row && *row ? queue::progress::decode(**row) : std::optional(queue::progress{});
            if (!row || !decoded)
            {
                return failure{"the progress of a lane can't be read"};
            }
            current_ = *decoded;
            key_ = key;
        }
        return &current_;
    }

private:
    const store::reader& queue_;
    queue::campaign_ref c_;
    std::string key_;
    queue::progress current_;
};

/// Those that were put off before their first attempt (a quota was used up): deferred rows without
/// an attempt. @param from  behind the mark, or empty
result<waiting_page, failure> find_put_off(const store::reader& queue, const queue::campaign_ref& c,
                                           std::string_view from, std::size_t limit,
                                           waiting_page out)
{
    const auto prefix = queue::campaign_key(queue::row::deferred, c);
    const auto begin = crypto::decode_hex(from);
    if (!begin || begin->size() > queue::deferred_key_bytes - queue::campaign_key_bytes)
    {
        return failure{"not a cursor of this list"};
    }
    std::size_t looked = 0;
    auto at = queue.scan(prefix + *begin, store::prefix_end(prefix));
    for (; at.valid(); at.next())
    {
        if (++looked > deferred_max || out.who.size() == limit)
        {
            out.next =
                put_off_mark + crypto::encode_hex(at.key().substr(queue::campaign_key_bytes));
            return out;
        }
        const auto row = queue::decode_deferred(at.value());
        if (row && row->state.attempts == 0 && at.key().size() == queue::deferred_key_bytes)
        {
            out.who.push_back(
                ordinal{get_be<std::uint32_t>(at.key().substr(queue::deferred_key_bytes - 4))});
        }
    }
    if (at.status().has_error())
    {
        return failure{"the queue can't be read"};
    }
    return out;
}

} // namespace

result<waiting_page, failure> find_waiting(const store::reader& queue, const queue::campaign_ref& c,
                                           const std::string& from, std::size_t limit)
{
    if (!from.empty() && from.front() == put_off_mark)
    {
        return find_put_off(queue, c, std::string_view(from).substr(1), limit, {});
    }
    const auto begin = parse_start(c, from);
    if (!begin)
    {
        return failure{"not a cursor of this list"};
    }
    waiting_page out;
    lane_progress settled(queue, c);
    std::size_t index = begin->index;
    std::size_t looked = 0;
    auto at = queue.scan(begin->key, store::prefix_end(queue::campaign_key(queue::row::chunk, c)));
    for (; at.valid(); at.next(), index = 0)
    {
        if (++looked > chunks_max)
        {
            out.next = format_start(at.key(), 0);
            return out;
        }
        const auto lane = queue::lane_of_key(at.key());
        const auto rank = static_cast<std::uint8_t>(at.key()[queue::lane_key_bytes]);
        const auto progress = settled.of(lane, rank);
        if (progress.has_error())
        {
            return progress.error();
        }
        const auto number = get_be<std::uint32_t>(at.key().substr(queue::chunk_key_bytes - 4));
        const auto first = static_cast<queue::position>(number) << queue::chunk_bits;
        if ((*progress)->low_water() >= first + queue::chunk_entries_max)
        {
            continue;
        }
        const auto entries =
            queue::decode_chunk(at.value(), lane.is_tail() ? domain_id{} : domain_id{lane.value});
        if (!entries)
        {
            continue; // named by check-store; its recipients can't be told
        }
        for (; index < entries->size(); ++index)
        {
            if ((*progress)->is_settled(first + index))
            {
                continue;
            }
            if (out.who.size() == limit)
            {
                out.next = format_start(at.key(), index);
                return out;
            }
            out.who.push_back((*entries)[index].who);
        }
    }
    if (at.status().has_error())
    {
        return failure{"the queue can't be read"};
    }
    return find_put_off(queue, c, {}, limit, std::move(out));
}

} // namespace hikyaku::campaign
