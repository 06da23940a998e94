#pragma once

#include <memory>
#include <string>

#include <hikyaku/base/result.h>

struct ssl_ctx_st;

namespace hikyaku::net
{

/// The certificate and settings that the accepted connections of one listener share: TLS 1.2 or
/// later, no renegotiation, no session cache, buffers released while idle. Thread-safe.
class tls_server_context
{
public:
    /// PEM files: the chain with the host's certificate first, and its key.
    /// @error names the file that can't be used
    [[nodiscard]] static result<std::shared_ptr<const tls_server_context>, failure>
    load(const std::string& certificate_file, const std::string& key_file);

    [[nodiscard]] ssl_ctx_st* native() const noexcept { return context_.get(); }

private:
    struct deleter
    {
        void operator()(ssl_ctx_st* c) const noexcept;
    };
    tls_server_context();
    std::unique_ptr<ssl_ctx_st, deleter> context_;
};

} // namespace hikyaku::net
