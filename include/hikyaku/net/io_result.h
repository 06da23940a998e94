#pragma once

#include <hikyaku/base/result.h>

#include <boost/system/error_category.hpp>
#include <boost/system/is_error_code_enum.hpp>

#include <cstddef>
#include <string>

namespace hikyaku::net
{

/// Failures of this module; those of the system keep their own codes.
enum class errc
{
    /// The deadline passed.
    timed_out = 1,
    /// The peer closed the connection.
    end_of_stream,
    /// The TLS handshake, or the TLS stream, failed.
    tls_failed,
    /// We closed the stream.
    closed,
    /// The address is in a forbidden network.
    forbidden_address,
};

[[nodiscard]] const boost::system::error_category& net_category() noexcept;

[[nodiscard]] inline boost::system::error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), net_category()};
}

/// What an operation of a stream did. Never an exception.
struct io_result
{
    error_code ec;
    /// Bytes read, or bytes the transport took (on failure fewer than asked for).
    std::size_t bytes = 0;

    [[nodiscard]] bool ok() const noexcept { return !ec; }
};

/// What became of a TLS handshake.
struct tls_result
{
    error_code ec;
    /// For the log: printable ASCII, one line.
    std::string reason;

    [[nodiscard]] bool ok() const noexcept { return !ec; }
};

/// For the delivery log.
struct tls_info
{
    std::string version; ///< "TLSv1.3"
    std::string cipher;  ///< "TLS_AES_256_GCM_SHA384"
    /// The chain leads to a trusted root and the name matches.
    bool verified = false;
    /// Why not verified; empty when it is.
    std::string verify_error;
    bool resumed = false;
};

} // namespace hikyaku::net

template <> struct boost::system::is_error_code_enum<hikyaku::net::errc> : std::true_type
{
};
