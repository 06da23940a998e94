#pragma once

#include <boost/asio/ssl/context.hpp>

#include <filesystem>
#include <memory>

#include <hikyaku/base/result.h>

namespace hikyaku::http
{

/// TLS 1.2 and 1.3 as a server, ALPN http/1.1, no renegotiation.
/// Shared: open connections keep the context they began with when certificates are reloaded.
[[nodiscard]] result<std::shared_ptr<boost::asio::ssl::context>, failure>
make_server_context(const std::filesystem::path& certificate, const std::filesystem::path& key);

/// TLS 1.2 and 1.3 as a client that verifies the peer. Empty `ca_file`: the system's CAs.
[[nodiscard]] result<std::shared_ptr<boost::asio::ssl::context>, failure>
make_client_context(const std::filesystem::path& ca_file);

} // namespace hikyaku::http
