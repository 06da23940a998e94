#include "address_domain.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include <hikyaku/text/case.h>
#include <hikyaku/text/idn.h>

#include "ascii.h"

namespace hikyaku::mime
{

namespace
{

constexpr std::string_view ipv6_tag = "ipv6:";

bool is_ip(int family, const std::string& text)
{
    std::array<unsigned char, 16> bytes{};
    return inet_pton(family, text.c_str(), bytes.data()) == 1;
}

/// `literal` has its brackets.
result<std::string, failure> check_literal(std::string_view literal, const address_options& options)
{
    if (!options.allow_address_literal)
    {
        return failure{"Mail to an IP address in brackets is not accepted; a domain is needed."};
    }
    if (literal.size() < 2 || literal.back() != ']')
    {
        return failure{"The bracket after the @ is never closed."};
    }
    std::string inner = text::ascii_lower(literal.substr(1, literal.size() - 2));
    const bool tagged = inner.starts_with(ipv6_tag);
    const bool good =
        tagged ? is_ip(AF_INET6, inner.substr(ipv6_tag.size())) : is_ip(AF_INET, inner);
    if (!good)
    {
        return failure{"What is in the brackets is not an IP address."};
    }
    return {boost::system::in_place_value,
            tagged ? "[IPv6:" + inner.substr(ipv6_tag.size()) + "]" : "[" + inner + "]"};
}

} // namespace

result<std::string, failure> check_address_domain(std::string_view domain,
                                                  const address_options& options)
{
    if (domain.empty())
    {
        return failure{"There is no domain after the @."};
    }
    if (domain.front() == '[')
    {
        return check_literal(domain, options);
    }
    if (domain.back() == '.')
    {
        return failure{"The domain ends with a dot."};
    }
    if (domain.find(' ') != std::string_view::npos)
    {
        return failure{"The domain contains a space."};
    }
    auto ascii = text::domain_to_ascii(domain);
    if (!ascii)
    {
        return ascii;
    }
    const std::size_t last_dot = ascii->rfind('.');
    if (last_dot == std::string::npos && !options.allow_single_label)
    {
        return failure{"The domain has no dot; a full domain such as example.jp is needed."};
    }
    const std::string_view tld =
        std::string_view(*ascii).substr(last_dot == std::string::npos ? 0 : last_dot + 1);
    if (std::ranges::all_of(tld, is_digit) && !options.allow_numeric_tld)
    {
        return failure{"The domain ends with a number; no such top-level domain exists."};
    }
    return ascii;
}

} // namespace hikyaku::mime
