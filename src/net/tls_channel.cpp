#include "tls_channel.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace hikyaku::net
{
namespace
{

constexpr std::size_t reason_bytes_max = 200;

std::string printable(std::string_view text)
{
    std::string out(text.substr(0, reason_bytes_max));
    for (char& c : out)
    {
        const auto u = static_cast<unsigned char>(c);
        c = u < 0x20 || u >= 0x7F ? '?' : c;
    }
    return out;
}

/// The oldest entry of OpenSSL's queue: the cause. Empties the queue.
std::string take_openssl_error()
{
    const unsigned long code = ERR_get_error();
    ERR_clear_error();
    const char* const text = code == 0 ? nullptr : ERR_reason_error_string(code);
    return text == nullptr ? std::string("TLS failed") : printable(text);
}

} // namespace

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL and can't say MSG_MORE.
const BIO_METHOD* tls_channel::bio_method()
{
    static BIO_METHOD* const method = []
    {
        BIO_METHOD* const m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
        if (m != nullptr)
        {
            BIO_meth_set_read(m, &tls_channel::bio_read);
            BIO_meth_set_write(m, &tls_channel::bio_write);
            BIO_meth_set_ctrl(m, &tls_channel::bio_ctrl);
        }
        return m;
    }();
    return method;
}

int tls_channel::bio_read(BIO* bio, char* into, int size)
{
    const auto* self = static_cast<const tls_channel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const ssize_t n = ::recv(self->descriptor_, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
    {
        BIO_set_retry_read(bio);
    }
    return static_cast<int>(n);
}

int tls_channel::bio_write(BIO* bio, const char* from, int size)
{
    const auto* self = static_cast<const tls_channel*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (self->more_ ? MSG_MORE : 0);
    const ssize_t n = ::send(self->descriptor_, from, static_cast<std::size_t>(size), flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
    {
        BIO_set_retry_write(bio);
    }
    return static_cast<int>(n);
}

long tls_channel::bio_ctrl(BIO*, int command, long, void*)
{
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

std::unique_ptr<tls_channel> tls_channel::make_bare(SSL_CTX* context, int descriptor)
{
    std::unique_ptr<tls_channel> channel(new tls_channel);
    channel->ssl_.reset(SSL_new(context));
    channel->descriptor_ = descriptor;
    const BIO_METHOD* const method = bio_method();
    BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
    if (bio == nullptr || channel->ssl_ == nullptr)
    {
        BIO_free(bio);
        return nullptr;
    }
    BIO_set_data(bio, channel.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(channel->ssl_.get(), bio, bio);
    return channel;
}

std::unique_ptr<tls_channel> tls_channel::make_server(SSL_CTX* context, int descriptor)
{
    auto channel = make_bare(context, descriptor);
    if (channel != nullptr)
    {
        SSL_set_accept_state(channel->ssl_.get());
    }
    return channel;
}

std::unique_ptr<tls_channel> tls_channel::make(SSL_CTX* context, int descriptor,
                                               std::string_view server_name)
{
    auto channel = make_bare(context, descriptor);
    if (channel == nullptr)
    {
        return nullptr;
    }
    SSL* const ssl = channel->ssl_.get();
    SSL_set_connect_state(ssl);
    std::string name(server_name);
    if (!name.empty() && name.back() == '.')
    {
        name.pop_back();
    }
    boost::system::error_code not_an_address;
    boost::asio::ip::make_address(name, not_an_address);
    if (!name.empty() && not_an_address &&
        (SSL_set_tlsext_host_name(ssl, name.c_str()) != 1 || SSL_set1_host(ssl, name.c_str()) != 1))
    {
        return nullptr;
    }
    return channel;
}

io_step tls_channel::step(int returned, std::size_t bytes)
{
    if (returned > 0)
    {
        return {io_need::nothing, {}, bytes};
    }
    const int saved_errno = errno;
    switch (SSL_get_error(ssl_.get(), returned))
    {
    case SSL_ERROR_WANT_READ:
        return {io_need::readable, {}, 0};
    case SSL_ERROR_WANT_WRITE:
        return {io_need::writable, {}, 0};
    case SSL_ERROR_ZERO_RETURN:
        return {io_need::nothing, errc::end_of_stream, 0};
    case SSL_ERROR_SYSCALL:
        broken_ = true;
        if (saved_errno != 0)
        {
            const error_code ec(saved_errno, boost::system::system_category());
            reason_ = printable(ec.message());
            ERR_clear_error();
            return {io_need::nothing, ec, 0};
        }
        reason_ = "closed by the peer";
        return {io_need::nothing, errc::end_of_stream, 0};
    default:
        broken_ = true;
        reason_ = take_openssl_error();
        return {io_need::nothing, errc::tls_failed, 0};
    }
}

io_step tls_channel::handshake()
{
    ERR_clear_error();
    errno = 0;
    return step(SSL_do_handshake(ssl_.get()), 0);
}

io_step tls_channel::read(std::span<char> into)
{
    ERR_clear_error();
    errno = 0;
    std::size_t n = 0;
    const int returned = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
    return step(returned, n);
}

io_step tls_channel::write(std::string_view bytes, bool more)
{
    ERR_clear_error();
    errno = 0;
    more_ = more;
    std::size_t n = 0;
    const int returned = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n);
    more_ = false;
    return step(returned, n);
}

bool tls_channel::input_ready()
{
    ERR_clear_error();
    errno = 0;
    char byte = 0;
    std::size_t n = 0;
    const int returned = SSL_peek_ex(ssl_.get(), &byte, 1, &n);
    return step(returned, n).need == io_need::nothing;
}

void tls_channel::close_notify() noexcept
{
    if (!broken_ && SSL_is_init_finished(ssl_.get()) == 1)
    {
        static_cast<void>(SSL_shutdown(ssl_.get())); // best effort: the socket goes next
    }
    ERR_clear_error();
}

tls_info tls_channel::info() const
{
    tls_info out;
    out.version = SSL_get_version(ssl_.get());
    out.cipher = SSL_get_cipher_name(ssl_.get());
    const long verified = SSL_get_verify_result(ssl_.get());
    const bool named = SSL_get0_peername(ssl_.get()) != nullptr;
    out.verified = verified == X509_V_OK && named;
    if (!out.verified)
    {
        out.verify_error = verified == X509_V_OK
                               ? "the name was not checked"
                               : printable(X509_verify_cert_error_string(verified));
    }
    out.resumed = SSL_session_reused(ssl_.get()) == 1;
    return out;
}

} // namespace hikyaku::net
