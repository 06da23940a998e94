#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

#include <hikyaku/base/time.h>

namespace hikyaku::smtpd
{

/// What a Received field tells.
struct reception
{
    /// As the peer said it: anything.
    std::string_view helo;
    boost::asio::ip::address peer;
    std::string_view host_name;
    bool extended = false;
    bool tls = false;
    /// Of the message, on this host since the start.
    std::uint64_t number = 0;
    wall_time at{};
};

/// The Received field (RFC 5321 section 4.4) with its CRLF, at most 998 bytes a line. No "for": the
/// recipients are nobody else's business.
[[nodiscard]] std::string make_received_field(const reception& r);

} // namespace hikyaku::smtpd
