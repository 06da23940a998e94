#include <hikyaku/net/tls_client_context.h>

#include <openssl/ssl.h>

#include <stdexcept>

namespace hikyaku::net
{
namespace
{

/// Level 2 would refuse 1024-bit certificates; opportunistic mail would then go in the clear.
constexpr int security_level = 1;

} // namespace

void tls_client_context::deleter::operator()(SSL_CTX* c) const noexcept
{
    SSL_CTX_free(c);
}

tls_client_context::tls_client_context(const tls_client_options& options)
    : context_(SSL_CTX_new(TLS_client_method()))
{
    SSL_CTX* const c = context_.get();
    if (c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
    {
        throw std::runtime_error("OpenSSL gives no TLS client context");
    }
    const int loaded = options.ca_file.empty()
                           ? SSL_CTX_set_default_verify_paths(c)
                           : SSL_CTX_load_verify_file(c, options.ca_file.c_str());
    if (loaded != 1)
    {
        throw std::runtime_error("cannot read the trusted roots " + options.ca_file);
    }
    SSL_CTX_set_security_level(c, security_level);
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                               SSL_OP_IGNORE_UNEXPECTED_EOF); // SMTP has its own framing
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    // The result is told, not enforced: without a policy any TLS is better than none.
    SSL_CTX_set_verify(c, SSL_VERIFY_NONE, nullptr);
}

} // namespace hikyaku::net
