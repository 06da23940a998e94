#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace hikyaku::net
{

struct tls_client_options
{
    /// PEM file of trusted roots; empty: the system's.
    std::string ca_file;
};

/// The TLS settings all outgoing connections share: TLS 1.2 or later, no renegotiation, buffers
/// released while idle. Sessions aren't cached, so no ticket meets another host. Thread-safe.
class tls_client_context
{
public:
    /// @throws std::runtime_error when the roots can't be read: start-up only.
    explicit tls_client_context(const tls_client_options& options = {});

    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
    struct deleter
    {
        void operator()(ssl_ctx_st* c) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, deleter> context_;
};

} // namespace hikyaku::net
