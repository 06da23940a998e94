#include <hikyaku/net/tls_server_context.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace hikyaku::net
{
namespace
{

failure cannot_use(const std::string& what, const std::string& file)
{
    const unsigned long code = ERR_get_error();
    const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code);
    ERR_clear_error();
    return {"can't use the " + what + " in " + file + ": " +
            (reason == nullptr ? "not in PEM form" : reason)};
}

} // namespace

void tls_server_context::deleter::operator()(SSL_CTX* c) const noexcept
{
    SSL_CTX_free(c);
}

tls_server_context::tls_server_context() : context_(SSL_CTX_new(TLS_server_method())) {}

result<std::shared_ptr<const tls_server_context>, failure>
tls_server_context::load(const std::string& certificate_file, const std::string& key_file)
{
    const std::shared_ptr<tls_server_context> made(new tls_server_context);
    SSL_CTX* const c = made->context_.get();
    if (c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1)
    {
        return failure{"OpenSSL gives no TLS server context"};
    }
    SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_IGNORE_UNEXPECTED_EOF); // SMTP has its own framing
    SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                            SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(c, 0);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(c, certificate_file.c_str()) != 1)
    {
        return cannot_use("certificate", certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(c, key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(c) != 1)
    {
        return cannot_use("key", key_file);
    }
    return std::shared_ptr<const tls_server_context>(made);
}

} // namespace hikyaku::net
