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

std::string part_key(row kind, const campaign_ref& c, const lane_part& part)
{
    std::string key = lane_key(kind, c, part.lane);
    put_be(key, part.rank);
    return key;
}

std::string chunk_key(const campaign_ref& c, const lane_part& part, std::uint32_t chunk)
{
    std::string key = part_key(row::chunk, c, part);
    put_be(key, chunk);
    return key;
}

std::string progress_key(const campaign_ref& c, const lane_part& part)
{
    return part_key(row::progress, c, part);
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

lane_part part_of_key(std::string_view key)
{
    HK_ASSERT(key.size() >= part_key_bytes);
    return {lane_of_key(key), get_be<std::uint8_t>(key.substr(lane_key_bytes))};
}

} // namespace hikyaku::queue
