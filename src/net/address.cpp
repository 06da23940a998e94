#include <hikyaku/net/address.h>

#include <hikyaku/base/assert.h>

#include <algorithm>
#include <charconv>

namespace hikyaku::net
{
namespace
{

namespace ip = boost::asio::ip;

constexpr unsigned v4_bits = 32;
constexpr unsigned v6_bits = 128;

using address_bytes = std::array<std::uint8_t, 16>;

address_bytes bytes_of(const ip::address& a) noexcept
{
    address_bytes out{};
    if (a.is_v4())
    {
        const auto b = a.to_v4().to_bytes();
        std::copy(b.begin(), b.end(), out.begin());
        return out;
    }
    const auto b = a.to_v6().to_bytes();
    std::copy(b.begin(), b.end(), out.begin());
    return out;
}

/// The bits of byte `i` that belong to a prefix of `bits` bits.
constexpr std::uint8_t mask_of(std::size_t i, unsigned bits) noexcept
{
    const unsigned before = static_cast<unsigned>(i) * 8;
    if (bits >= before + 8)
    {
        return 0xFF;
    }
    return bits <= before ? std::uint8_t{0}
                          : static_cast<std::uint8_t>(0xFFU << (8 - (bits - before)));
}

failure not_a_network(std::string_view text)
{
    return failure{"\"" + std::string(text.substr(0, 64)) +
                   "\" is not a network such as 192.0.2.0/24 or 2001:db8::/32"};
}

constexpr const char* forbidden[] = {
    "0.0.0.0/8",       // this host, RFC 791
    "10.0.0.0/8",      // private, RFC 1918
    "100.64.0.0/10",   // shared (CGNAT), RFC 6598
    "127.0.0.0/8",     // loopback
    "169.254.0.0/16",  // link-local, RFC 3927
    "172.16.0.0/12",   // private
    "192.0.0.0/24",    // protocol assignments, RFC 6890
    "192.0.2.0/24",    // documentation, RFC 5737
    "192.88.99.0/24",  // 6to4 relays, RFC 7526
    "192.168.0.0/16",  // private
    "198.18.0.0/15",   // benchmarks, RFC 2544
    "198.51.100.0/24", // documentation
    "203.0.113.0/24",  // documentation
    "224.0.0.0/4",     // multicast
    "240.0.0.0/4",     // reserved and broadcast
    "::/128",          // unspecified
    "::1/128",         // loopback
    "64:ff9b:1::/48",  // local translation, RFC 8215
    "100::/64",        // discard, RFC 6666
    "2001::/23",       // protocol assignments, Teredo
    "2001:db8::/32",   // documentation
    "3fff::/20",       // documentation, RFC 9637
    "5f00::/16",       // segment routing, RFC 9602
    "fc00::/7",        // unique local, RFC 4193
    "fe80::/10",       // link-local
    "fec0::/10",       // site-local, RFC 3879
    "ff00::/8",        // multicast
};

} // namespace

result<ip_network, failure> ip_network::parse(std::string_view text)
{
    const std::size_t slash = text.find('/');
    const std::string host(text.substr(0, slash));
    boost::system::error_code ec;
    const ip::address a = ip::make_address(host, ec);
    if (ec || host.find('%') != std::string::npos)
    {
        return not_a_network(text);
    }
    ip_network n;
    n.v6_ = a.is_v6();
    n.bytes_ = bytes_of(a);
    const unsigned bits_max = n.v6_ ? v6_bits : v4_bits;
    n.bits_ = bits_max;
    if (slash != std::string_view::npos)
    {
        const std::string_view bits = text.substr(slash + 1);
        const char* const end = bits.data() + bits.size();
        const auto [at, error] = std::from_chars(bits.data(), end, n.bits_);
        if (error != std::errc{} || at != end || n.bits_ > bits_max)
        {
            return not_a_network(text);
        }
    }
    for (std::size_t i = 0; i < n.bytes_.size(); ++i)
    {
        if ((n.bytes_[i] & static_cast<std::uint8_t>(~mask_of(i, n.bits_))) != 0)
        {
            return failure{"\"" + std::string(text.substr(0, 64)) +
                           "\" has bits behind its prefix: write the network's first address"};
        }
    }
    return n;
}

bool ip_network::contains(const ip::address& a) const noexcept
{
    if (a.is_v6() != v6_)
    {
        return false;
    }
    const address_bytes b = bytes_of(a);
    for (std::size_t i = 0; i * 8 < bits_; ++i)
    {
        if (((b[i] ^ bytes_[i]) & mask_of(i, bits_)) != 0)
        {
            return false;
        }
    }
    return true;
}

std::string ip_network::to_string() const
{
    std::string text;
    if (v6_)
    {
        ip::address_v6::bytes_type b{};
        std::copy(bytes_.begin(), bytes_.end(), b.begin());
        text = ip::address_v6(b).to_string();
    }
    else
    {
        text = ip::address_v4({bytes_[0], bytes_[1], bytes_[2], bytes_[3]}).to_string();
    }
    return text + '/' + std::to_string(bits_);
}

std::optional<ip::address_v4> embedded_v4(const ip::address& a) noexcept
{
    if (!a.is_v6())
    {
        return std::nullopt;
    }
    const address_bytes b = bytes_of(a);
    const auto v4_at = [&b](std::size_t i)
    { return ip::address_v4({b[i], b[i + 1], b[i + 2], b[i + 3]}); };
    const auto zeros = [&b](std::size_t from, std::size_t to)
    {
        return std::all_of(b.begin() + static_cast<std::ptrdiff_t>(from),
                           b.begin() + static_cast<std::ptrdiff_t>(to),
                           [](std::uint8_t x) { return x == 0; });
    };
    if (b[0] == 0x20 && b[1] == 0x02)
    {
        return v4_at(2);
    }
    const bool mapped = zeros(0, 10) && b[10] == 0xFF && b[11] == 0xFF;
    const bool translated =
        b[0] == 0 && b[1] == 0x64 && b[2] == 0xFF && b[3] == 0x9B && zeros(4, 12);
    // :: and ::1 are addresses of their own.
    const bool compatible = zeros(0, 12) && !(zeros(12, 15) && b[15] <= 1);
    if (mapped || translated || compatible)
    {
        return v4_at(12);
    }
    return std::nullopt;
}

bool network_list::contains(const ip::address& a) const noexcept
{
    const auto inner = embedded_v4(a);
    return std::any_of(networks_.begin(), networks_.end(), [&](const ip_network& n)
                       { return n.contains(a) || (inner && n.contains(*inner)); });
}

network_list default_forbidden_networks()
{
    network_list list;
    for (const char* const text : forbidden)
    {
        const auto n = ip_network::parse(text);
        HK_ASSERT(n.has_value());
        list.add(*n);
    }
    return list;
}

} // namespace hikyaku::net
