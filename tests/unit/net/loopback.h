#pragma once

#include <hikyaku/net/deadline_sweeper.h>
#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

#include <gtest/gtest.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <vector>

namespace hikyaku::net::testing
{

/// A clock that stands until it is moved.
class manual_clock final : public hikyaku::clock
{
public:
    [[nodiscard]] wall_time wall() const noexcept override { return {}; }
    [[nodiscard]] mono_time mono() const noexcept override { return now; }
    mono_time now{seconds{1000}};
};

/// A server on a free port of this host: one connection, blocking, in a thread of its own.
class loopback_server
{
public:
    explicit loopback_server(std::function<void(tcp::socket&)> serve,
                             const char* address = "127.0.0.1")
        : acceptor_(context_, tcp::endpoint(asio::ip::make_address(address), 0))
    {
        endpoint_ = acceptor_.local_endpoint();
        thread_ = std::thread(
            [this, serve = std::move(serve)]
            {
                error_code ec;
                tcp::socket socket(context_);
                acceptor_.accept(socket, ec);
                if (!ec)
                {
                    serve(socket);
                }
            });
    }
    ~loopback_server() { finish(); }

    /// Waits for the thread: what it wrote may be read then.
    void finish()
    {
        if (thread_.joinable())
        {
            thread_.join();
        }
    }

    [[nodiscard]] tcp::endpoint endpoint() const { return endpoint_; }

private:
    asio::io_context context_;
    tcp::acceptor acceptor_;
    tcp::endpoint endpoint_;
    std::thread thread_;
};

inline std::string read_until(auto& stream, std::string_view end)
{
    std::string got;
    std::vector<char> buffer(1 << 16);
    error_code ec;
    while (!got.ends_with(end) && !ec)
    {
        got.append(buffer.data(), stream.read_some(asio::buffer(buffer), ec));
    }
    return got;
}

inline void say(auto& stream, std::string_view text)
{
    error_code ec;
    asio::write(stream, asio::buffer(text), ec);
}

/// A TLS server context with a self-signed certificate for mx.test, made on the spot.
class test_certificate
{
public:
    test_certificate() : key_(EVP_EC_gen("P-256")), certificate_(X509_new())
    {
        X509* const c = certificate_;
        ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
        X509_set_version(c, X509_VERSION_3);
        X509_gmtime_adj(X509_getm_notBefore(c), -3600);
        X509_gmtime_adj(X509_getm_notAfter(c), 3600);
        X509_set_pubkey(c, key_);
        X509_NAME* const name = X509_get_subject_name(c);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("mx.test"), -1, -1, 0);
        X509_set_issuer_name(c, name);
        X509_EXTENSION* const san =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:mx.test");
        X509_add_ext(c, san, -1);
        X509_EXTENSION_free(san);
        X509_sign(c, key_, EVP_sha256());
    }
    ~test_certificate()
    {
        X509_free(certificate_);
        EVP_PKEY_free(key_);
    }
    test_certificate(const test_certificate&) = delete;
    test_certificate& operator=(const test_certificate&) = delete;

    [[nodiscard]] X509* certificate() const { return certificate_; }

    void apply(asio::ssl::context& context) const
    {
        SSL_CTX_use_certificate(context.native_handle(), certificate_);
        SSL_CTX_use_PrivateKey(context.native_handle(), key_);
    }

private:
    EVP_PKEY* key_;
    X509* certificate_;
};

/// An event loop with what a shard has, and a way to run one coroutine to its end.
struct shard
{
    explicit shard(const hikyaku::clock& clock = system_clock())
        : sweeper(context.get_executor(), clock),
          dialer(context.get_executor(), sweeper, tls, allowed)
    {
    }

    /// Runs `task` on the loop of this thread until it ends. `meanwhile` is called once the task
    /// has got as far as it can.
    template <class T> T run(asio::awaitable<T> task, std::function<void()> meanwhile = {})
    {
        std::optional<T> value;
        std::exception_ptr failure;
        asio::co_spawn(context, std::move(task),
                       [&](std::exception_ptr e, T v)
                       {
                           failure = e;
                           value.emplace(std::move(v));
                       });
        context.restart();
        if (meanwhile)
        {
            context.poll();
            meanwhile();
        }
        while (!value && context.run_one() > 0)
        {
        }
        if (failure)
        {
            std::rethrow_exception(failure);
        }
        return std::move(*value);
    }
    std::unique_ptr<stream> connect(const tcp::endpoint& to)
    {
        dial_target target;
        target.remote = to;
        auto dialled = run(dialer.dial(target));
        EXPECT_TRUE(dialled.ok()) << dialled.ec.message();
        return std::move(dialled.stream);
    }

    asio::io_context context{1};
    deadline_sweeper sweeper;
    tls_client_context tls;
    network_list allowed;
    tcp_dialer dialer;
};

} // namespace hikyaku::net::testing
