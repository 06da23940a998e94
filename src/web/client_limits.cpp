#include "client_limits.h"

#include <hikyaku/base/assert.h>

#include <algorithm>
#include <iterator>

namespace hikyaku::web
{
namespace
{

namespace ip = boost::asio::ip;

/// Buckets kept before full ones are looked for.
constexpr std::size_t kept_min = 1'024;
/// At most so often: a sweep takes milliseconds when the table is full.
constexpr seconds sweep_every{1};
/// Of all addresses that find the table full.
constexpr std::string_view others = "*";

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<ip::address> parse(std::string_view text)
{
    boost::system::error_code error;
    auto out = ip::make_address(std::string(text), error);
    if (error)
    {
        return std::nullopt;
    }
    if (out.is_v6() && out.to_v6().is_v4_mapped())
    {
        return ip::make_address_v4(ip::v4_mapped, out.to_v6());
    }
    return out;
}

/// Takes the last member off a list.
std::string_view take_last(std::string_view& list)
{
    const auto comma = list.rfind(',');
    const auto last = comma == std::string_view::npos ? list : list.substr(comma + 1);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
    return trim(last);
}

/// What a bucket is for.
std::string key_of(std::string_view address)
{
    const auto parsed = parse(address);
    if (!parsed || parsed->is_v4())
    {
        return std::string(address);
    }
    const auto bytes = parsed->to_v6().to_bytes();
    return {reinterpret_cast<const char*>(bytes.data()), 8};
}

} // namespace

net::network_list make_proxies(const std::vector<std::string>& texts)
{
    net::network_list out;
    for (const auto& text : texts)
    {
        const auto parsed = net::ip_network::parse(text);
        HK_ASSERT(parsed.has_value());
        out.add(*parsed);
    }
    return out;
}

std::string client_address(const http::request& r, const net::network_list& proxies)
{
    auto found = parse(r.remote_address);
    if (!found)
    {
        return r.remote_address;
    }
    // Several fields are one list (RFC 9110 section 5.3); the last member is the nearest.
    std::string all;
    for (const auto& [name, value] : r.headers)
    {
        if (http::equal_ignoring_case(name, "X-Forwarded-For"))
        {
            all += (all.empty() ? "" : ",") + value;
        }
    }
    std::string_view rest = all;
    while (proxies.contains(*found) && !rest.empty())
    {
        const auto before = parse(take_last(rest));
        if (!before)
        {
            break;
        }
        found = before;
    }
    return found->to_string();
}

client_limits::client_limits(const clock& clock, const public_options& options)
    : clock_(clock),
      rate_{.count = options.requests_per_s, .per = seconds{1}, .burst = options.requests_burst},
      sweep_at_(clock.mono())
{
    HK_ASSERT(rate_.count > 0 && rate_.burst > 0);
}

std::optional<seconds> client_limits::refuse(std::string_view address)
{
    const auto key = key_of(address);
    const std::lock_guard lock(mutex_);
    const auto now = clock_.mono();
    auto& bucket = obtain(key, now);
    if (bucket.take(now, 1) == 1)
    {
        return std::nullopt;
    }
    const auto wait = std::chrono::ceil<seconds>(bucket.next_at(1) - now);
    return std::max(seconds{1}, wait);
}

shaping::token_bucket& client_limits::obtain(const std::string& key, mono_time now)
{
    if (const auto known = buckets_.find(key); known != buckets_.end())
    {
        return known->second;
    }
    if (buckets_.size() >= kept_min && now >= sweep_at_)
    {
        sweep_at_ = now + sweep_every;
        drop_full(now);
    }
    const auto& stored = buckets_.size() < clients_max ? key : std::string(others);
    return buckets_.try_emplace(stored, rate_, now).first->second;
}

void client_limits::drop_full(mono_time now)
{
    // A full bucket is what an address without one gets.
    for (auto at = buckets_.begin(); at != buckets_.end();)
    {
        (void)at->second.take(now, 0);
        at = at->second.next_at(rate_.burst) <= now ? buckets_.erase(at) : std::next(at);
    }
}

} // namespace hikyaku::web
