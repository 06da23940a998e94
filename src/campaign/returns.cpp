#include <hikyaku/campaign/returns.h>

#include <hikyaku/base/bytes.h>

namespace hikyaku::campaign
{
namespace
{

constexpr std::uint8_t format = 1;
constexpr char returns_kind = 'b';

/// Counts stay far below 2^50: no overflow.
bool exceeds(std::uint64_t part, std::uint64_t whole, std::uint32_t rate)
{
    return part * breaker_limits::rate_max > whole * rate;
}

/// "0.30 %".
std::string percent(std::uint64_t hundredths)
{
    const auto fraction = std::to_string(hundredths % 100);
    return std::to_string(hundredths / 100) + (fraction.size() < 2 ? ".0" : ".") + fraction + " %";
}

} // namespace

breaker_limits merge(const breaker_limits& of_tenant,
                     const std::optional<breaker_override>& own) noexcept
{
    if (!own)
    {
        return of_tenant;
    }
    breaker_limits out;
    out.enabled = own->enabled.value_or(of_tenant.enabled);
    out.bounce_rate = own->bounce_rate.value_or(of_tenant.bounce_rate);
    out.bounce_after = own->bounce_after.value_or(of_tenant.bounce_after);
    out.complaint_rate = own->complaint_rate.value_or(of_tenant.complaint_rate);
    out.complaint_after = own->complaint_after.value_or(of_tenant.complaint_after);
    return out;
}

std::string_view to_string(breaker_cause c) noexcept
{
    switch (c)
    {
    case breaker_cause::none:
        return "";
    case breaker_cause::bounce_rate:
        return "bounce_rate";
    case breaker_cause::complaint_rate:
        return "complaint_rate";
    }
    return "";
}

breaker_cause judge(const breaker_limits& limits, const returns& r) noexcept
{
    if (!limits.enabled)
    {
        return breaker_cause::none;
    }
    const auto tried = r.delivered + r.bounced;
    if (tried > 0 && tried >= limits.bounce_after && exceeds(r.bad, tried, limits.bounce_rate))
    {
        return breaker_cause::bounce_rate;
    }
    if (r.delivered > 0 && r.delivered >= limits.complaint_after &&
        exceeds(r.complained, r.delivered, limits.complaint_rate))
    {
        return breaker_cause::complaint_rate;
    }
    return breaker_cause::none;
}

std::string describe(breaker_cause cause, const breaker_limits& limits, const returns& r)
{
    const bool bounces = cause == breaker_cause::bounce_rate;
    const auto whole = bounces ? r.delivered + r.bounced : r.delivered;
    const auto part = bounces ? r.bad : r.complained;
    if (cause == breaker_cause::none || whole == 0)
    {
        return {};
    }
    return percent(part * breaker_limits::rate_max / whole) + " of " + std::to_string(whole) +
           (bounces ? " recipients had bad addresses (limit " : " recipients complained (limit ") +
           percent(bounces ? limits.bounce_rate : limits.complaint_rate) + " from " +
           std::to_string(bounces ? limits.bounce_after : limits.complaint_after) + " on)";
}

void restart_breaker(returns& r, wall_time now)
{
    returns fresh;
    fresh.oob_bounced = r.oob_bounced;
    fresh.complaints = r.complaints;
    fresh.since = now;
    r = std::move(fresh);
}

std::string returns_key(campaign_id c)
{
    std::string key(1, returns_kind);
    put_be(key, c.value);
    return key;
}

std::string encode(const returns& r)
{
    std::string out(1, static_cast<char>(format));
    for (const auto n :
         {r.oob_bounced, r.complaints, zigzag(to_unix_ms(r.since)), r.delivered, r.bounced, r.bad,
          r.complained, static_cast<std::uint64_t>(r.cause), zigzag(to_unix_ms(r.tripped))})
    {
        put_varint(out, n);
    }
    put_string(out, r.detail);
    return out;
}

std::optional<returns> decode_returns(std::string_view bytes)
{
    byte_reader in(bytes);
    returns r;
    const auto version = in.u8();
    r.oob_bounced = in.varint();
    r.complaints = in.varint();
    r.since = from_unix_ms(unzigzag(in.varint()));
    r.delivered = in.varint();
    r.bounced = in.varint();
    r.bad = in.varint();
    r.complained = in.varint();
    const auto cause = in.varint();
    r.cause = static_cast<breaker_cause>(cause);
    r.tripped = from_unix_ms(unzigzag(in.varint()));
    r.detail = std::string(in.string());
    const bool known = version == format && in.ok() && in.at_end() &&
                       cause <= static_cast<std::uint64_t>(breaker_cause::complaint_rate);
    return known ? std::optional(std::move(r)) : std::nullopt;
}

} // namespace hikyaku::campaign
