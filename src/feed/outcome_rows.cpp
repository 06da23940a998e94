#include "outcome_rows.h"

#include <hikyaku/base/bytes.h>

namespace hikyaku::feed
{
namespace
{

constexpr std::uint8_t format = 1;

} // namespace

std::string outcome_prefix(const recipient_ref& who)
{
    std::string key(1, outcome_kind);
    put_be(key, who.given_in.value);
    put_be(key, who.who.value);
    return key;
}

std::string outcome_key(const recipient_ref& who, std::uint64_t block)
{
    std::string key = outcome_prefix(who);
    put_be(key, ~block);
    return key;
}

std::string campaign_block_key(campaign_id campaign, std::uint64_t block)
{
    std::string key(1, campaign_block_kind);
    put_be(key, campaign.value);
    put_be(key, ~block);
    return key;
}

std::string folded_key()
{
    return std::string(1, folded_kind);
}

std::uint64_t block_of_key(std::string_view key)
{
    return ~get_be<std::uint64_t>(key.substr(key.size() - 8));
}

std::string encode_outcomes(const std::vector<outcome_entry>& entries)
{
    std::string out(1, static_cast<char>(format));
    for (const auto& e : entries)
    {
        put_varint(out, e.index);
        out.push_back(static_cast<char>(e.what));
        put_be(out, e.campaign.value);
    }
    return out;
}

std::optional<std::vector<outcome_entry>> decode_outcomes(std::string_view value)
{
    byte_reader in(value);
    if (in.u8() != format)
    {
        return std::nullopt;
    }
    std::vector<outcome_entry> out;
    while (in.ok() && !in.at_end())
    {
        outcome_entry e;
        e.index = in.varint();
        e.what = static_cast<queue::disposition>(in.u8());
        e.campaign = campaign_id{in.be<std::uint64_t>()};
        out.push_back(e);
    }
    return in.ok() && !out.empty() ? std::optional(std::move(out)) : std::nullopt;
}

std::string encode_number(std::uint64_t n)
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, n);
    return out;
}

std::optional<std::uint64_t> decode_number(std::string_view value)
{
    byte_reader in(value);
    const auto version = in.u8();
    const auto n = in.varint();
    return version == format && in.ok() && in.at_end() ? std::optional(n) : std::nullopt;
}

} // namespace hikyaku::feed
