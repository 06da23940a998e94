#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>

#include <hikyaku/dns/ip_address.h>

namespace hikyaku::dns
{

/// Types we ask for or read; the numbers are the wire's (RFC 1035 section 3.2.2, RFC 3596).
enum class record_type : std::uint16_t
{
    a = 1,
    cname = 5,
    soa = 6,
    ptr = 12,
    mx = 15,
    txt = 16,
    aaaa = 28,
};

/// "MX", "A", …
[[nodiscard]] const char* record_type_name(record_type type) noexcept;

/// RFC 1035 section 3.3.9. The root as exchange is "".
struct mx_data
{
    std::uint16_t preference = 0;
    std::string exchange;
    friend bool operator==(const mx_data&, const mx_data&) = default;
};

/// RFC 1035 section 3.3.1.
struct cname_data
{
    std::string target;
    friend bool operator==(const cname_data&, const cname_data&) = default;
};

/// RFC 1035 section 3.3.12.
struct ptr_data
{
    std::string target;
    friend bool operator==(const ptr_data&, const ptr_data&) = default;
};

/// RFC 1035 section 3.3.14: the character-strings of one record joined without a separator
/// (RFC 7208 section 3.3). May hold any byte.
struct txt_data
{
    std::string text;
    friend bool operator==(const txt_data&, const txt_data&) = default;
};

/// What RFC 2308 needs of an SOA: for how long a "no" may be kept.
struct soa_data
{
    std::chrono::seconds minimum{0};
    friend bool operator==(const soa_data&, const soa_data&) = default;
};

/// One record. `name` and names in `data` are canonical (dns/name.h).
struct record
{
    std::string name;
    record_type type = record_type::a;
    /// As sent; a value with the top bit set is 0 (RFC 2181 section 8). Not yet bounded.
    std::chrono::seconds ttl{0};
    /// Addresses stand for A and AAAA.
    std::variant<ip_address, mx_data, cname_data, txt_data, soa_data, ptr_data> data;
};

} // namespace hikyaku::dns
