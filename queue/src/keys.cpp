#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/keys.h>

namespace hikyaku::queue
{

std::string campaign_key(row kind, const campaign_ref& c)
{
    std::string key(1, static_cast<char>(kind));
    put_be(key, c.tenant.value);
    put_be(key, c.campaign.value);
    return key;
}

std::string lane_key(row kind, const campaign_ref& c, lane_id lane)
{
    std::string key = campaign_key(kind, c);
    put_be(key, lane.value);
    return key;
}

std::string chunk_key(const campaign_ref& c, lane_id lane, std::uint8_t rank, std::uint32_t chunk)
{
    std::string key = lane_key(row::chunk, c, lane);
    put_be(key, rank);
    put_be(key, chunk);
    return key;
}

std::string progress_key(const campaign_ref& c, lane_id lane, std::uint8_t rank)
{
    std::string key = lane_key(row::progress, c, lane);
    put_be(key, rank);
    return key;
}

std::string deferred_key(const campaign_ref& c, lane_id lane, wall_time due, ordinal who)
{
    HK_ASSERT(to_unix_ms(due) >= 0);
    std::string key = lane_key(row::deferred, c, lane);
    put_be(key, static_cast<std::uint64_t>(to_unix_ms(due)));
    put_be(key, who.value);
    return key;
}

campaign_ref campaign_of_key(std::string_view key)
{
    HK_ASSERT(key.size() >= campaign_key_bytes);
    return {tenant_id{get_be<std::uint32_t>(key.substr(1))},
            campaign_id{get_be<std::uint64_t>(key.substr(5))}};
}

lane_id lane_of_key(std::string_view key)
{
    HK_ASSERT(key.size() >= lane_key_bytes);
    return {get_be<std::uint32_t>(key.substr(campaign_key_bytes))};
}

} // namespace hikyaku::queue
