#pragma once

#include <hikyaku/net/io_result.h>

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hikyaku::net
{

/// What a non-blocking step needs before it can go on.
enum class io_need
{
    nothing, ///< done, or failed: see ec
    readable,
    writable,
};

/// One step of an operation on a non-blocking socket.
struct io_step
{
    io_need need = io_need::nothing;
    error_code ec;
    std::size_t bytes = 0;
};

/// TLS over a non-blocking socket that somebody else owns and waits for. OpenSSL reads and writes
/// the descriptor itself: no copies and no buffers of ours while a session is idle.
class tls_channel
{
public:
    /// The client's side. @returns null when OpenSSL has no memory, or `server_name` can't be set.
    [[nodiscard]] static std::unique_ptr<tls_channel> make(SSL_CTX* context, int descriptor,
                                                           std::string_view server_name);
    /// The server's side. @returns null when OpenSSL has no memory.
    [[nodiscard]] static std::unique_ptr<tls_channel> make_server(SSL_CTX* context, int descriptor);

    [[nodiscard]] io_step handshake();
    [[nodiscard]] io_step read(std::span<char> into);
    /// Takes a part of `bytes`. `more` follows at once: the packet may wait for it.
    [[nodiscard]] io_step write(std::string_view bytes, bool more);
    [[nodiscard]] bool input_ready();
    /// Says goodbye without waiting. Not after a failure.
    void close_notify() noexcept;

    [[nodiscard]] tls_info info() const;
    /// Why the last step failed: one printable line.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

private:
    struct ssl_deleter
    {
        void operator()(SSL* s) const noexcept { SSL_free(s); }
    };

    tls_channel() = default;
    [[nodiscard]] static std::unique_ptr<tls_channel> make_bare(SSL_CTX* context, int descriptor);
    static const BIO_METHOD* bio_method();
    static int bio_read(BIO* bio, char* into, int size);
    static int bio_write(BIO* bio, const char* from, int size);
    static long bio_ctrl(BIO* bio, int command, long number, void* pointer);
    [[nodiscard]] io_step step(int returned, std::size_t bytes);

    std::unique_ptr<SSL, ssl_deleter> ssl_;
    int descriptor_ = -1;
    bool more_ = false;
    bool broken_ = false;
    std::string reason_;
};

} // namespace hikyaku::net
