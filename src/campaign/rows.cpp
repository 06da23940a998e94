#include <hikyaku/base/bytes.h>
#include <hikyaku/campaign/campaigns.h>

namespace hikyaku::campaign
{

std::string definition_key(campaign_id c)
{
    std::string key = "m";
    put_be(key, c.value);
    return key;
}

std::string recipient_key(campaign_id c, ordinal who)
{
    std::string key = "r";
    put_be(key, c.value);
    put_be(key, who.value);
    return key;
}

std::string encode(const given_recipient& r)
{
    std::string out(1, '\1');
    put_string(out, r.email);
    put_string(out, r.name);
    put_string(out, r.variables);
    return out;
}

std::optional<given_recipient> decode_recipient(std::string_view bytes)
{
    byte_reader in(bytes);
    const auto version = in.u8();
    given_recipient r;
    r.email = std::string(in.string());
    r.name = std::string(in.string());
    r.variables = std::string(in.string());
    if (version != 1 || !in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return r;
}

std::string public_id(campaign_id c)
{
    return format_id("cmp", c.value);
}

std::optional<campaign_id> parse_campaign_id(std::string_view text)
{
    const auto value = parse_id("cmp", text);
    return value ? std::optional<campaign_id>(campaign_id{*value}) : std::nullopt;
}

} // namespace hikyaku::campaign
