#pragma once

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <hikyaku/base/time.h>
#include <hikyaku/http/request.h>
#include <hikyaku/net/address.h>
#include <hikyaku/shaping/token_bucket.h>
#include <hikyaku/web/public_pages.h>

namespace hikyaku::web
{

/// The address a request comes from: the peer's, or when that is a proxy of ours the last one in
/// X-Forwarded-For that is none. What isn't an address ends the search. Canonical text.
[[nodiscard]] std::string client_address(const http::request& r, const net::network_list& proxies);

/// @pre each text is a CIDR block
[[nodiscard]] net::network_list make_proxies(const std::vector<std::string>& texts);

/// A token bucket for each address; IPv6 addresses share one with their /64. Bounded: when the
/// table is full of busy addresses, new ones share one bucket. Thread-safe.
class client_limits
{
public:
    static constexpr std::size_t clients_max = 65'536;

    client_limits(const clock& clock, const public_options& options);
    /// Takes one request. @returns when to come again when it is one too many, rounded up
    [[nodiscard]] std::optional<seconds> refuse(std::string_view address);

private:
    [[nodiscard]] shaping::token_bucket& obtain(const std::string& key, mono_time now);
    void drop_full(mono_time now);

    const clock& clock_;
    const shaping::rate rate_;
    std::mutex mutex_;
    std::unordered_map<std::string, shaping::token_bucket> buckets_;
    mono_time sweep_at_;
};

} // namespace hikyaku::web
