#include "tls_context.h"

#include <openssl/ssl.h>

namespace hikyaku::http
{
namespace
{

namespace ssl = boost::asio::ssl;

/// Chooses http/1.1 when the client offers it; without it the handshake goes on without ALPN.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* in, unsigned int in_size, void*)
{
    static constexpr unsigned char ours[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    unsigned char* chosen = nullptr;
    if (SSL_select_next_proto(&chosen, out_size, ours, sizeof ours, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
    {
        return SSL_TLSEXT_ERR_NOACK;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

bool set_common(ssl::context& context)
{
    SSL_CTX_set_options(context.native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION) == 1;
}

} // namespace

result<std::shared_ptr<ssl::context>, failure>
make_server_context(const std::filesystem::path& certificate, const std::filesystem::path& key)
{
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    if (!set_common(*context))
    {
        return failure{"TLS 1.2 is not available in this OpenSSL"};
    }
    error_code error;
    context->use_certificate_chain_file(certificate.string(), error);
    if (error)
    {
        return failure{"certificate file " + certificate.string() + ": " + error.message()};
    }
    context->use_private_key_file(key.string(), ssl::context::pem, error);
    if (error)
    {
        return failure{"key file " + key.string() + ": " + error.message()};
    }
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    {
        return failure{"key file " + key.string() + " does not belong to certificate file " +
                       certificate.string()};
    }
    SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
    return context;
}

result<std::shared_ptr<ssl::context>, failure>
make_client_context(const std::filesystem::path& ca_file)
{
    auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
    if (!set_common(*context))
    {
        return failure{"TLS 1.2 is not available in this OpenSSL"};
    }
    error_code error;
    if (ca_file.empty())
    {
        context->set_default_verify_paths(error);
    }
    else
    {
        context->load_verify_file(ca_file.string(), error);
    }
    if (error)
    {
        return failure{"CA file " + ca_file.string() + ": " + error.message()};
    }
    context->set_verify_mode(ssl::verify_peer);
    return context;
}

} // namespace hikyaku::http
