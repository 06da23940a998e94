#include "loopback.h"

#include <boost/asio/ssl/stream.hpp>

namespace hikyaku::net
{
namespace
{

using namespace testing;
constexpr milliseconds patience = seconds{20};

std::string read_all(shard& s, stream& from, std::size_t bytes)
{
    std::string got;
    std::array<char, 4096> buffer;
    while (got.size() < bytes)
    {
        const io_result r = s.run(from.read_some(buffer, patience));
        if (!r.ok())
        {
            ADD_FAILURE() << r.ec.message();
            break;
        }
        got.append(buffer.data(), r.bytes);
    }
    return got;
}

TEST(TcpStream, ReadsAndGathersWrites)
{
    std::string seen;
    loopback_server server(
        [&](tcp::socket& socket)
        {
            say(socket, "220 hi\r\n");
            seen = read_until(socket, "\r\n.\r\n");
            say(socket, "250 ok\r\n");
        });
    shard s;
    const auto stream = s.connect(server.endpoint());
    EXPECT_EQ(stream->remote_endpoint(), server.endpoint());
    EXPECT_EQ(stream->local_endpoint().address(), server.endpoint().address());
    EXPECT_FALSE(stream->tls().has_value());
    EXPECT_EQ(read_all(s, *stream, 8), "220 hi\r\n");
    const io_result w = s.run(stream->write("body\r\n", ".\r\n", patience));
    EXPECT_TRUE(w.ok());
    EXPECT_EQ(w.bytes, 9u);
    EXPECT_EQ(read_all(s, *stream, 8), "250 ok\r\n");
    server.finish();
    EXPECT_EQ(seen, "body\r\n.\r\n");
}

TEST(TcpStream, WritesMoreThanTheSocketTakesAtOnce)
{
    const std::string big(8 << 20, 'x');
    std::size_t seen = 0;
    loopback_server server([&](tcp::socket& socket) { seen = read_until(socket, "end").size(); });
    shard s;
    const auto stream = s.connect(server.endpoint());
    const io_result w = s.run(stream->write(big, "end", patience));
    EXPECT_TRUE(w.ok());
    EXPECT_EQ(w.bytes, big.size() + 3);
    std::array<char, 16> buffer;
    EXPECT_EQ(s.run(stream->read_some(buffer, patience)).ec, errc::end_of_stream);
    server.finish();
    EXPECT_EQ(seen, big.size() + 3);
}

TEST(TcpStream, HalfCloseIsEndOfStreamAndStillTakesBytes)
{
    std::string seen;
    loopback_server server(
        [&](tcp::socket& socket)
        {
            socket.shutdown(tcp::socket::shutdown_send);
            seen = read_until(socket, "QUIT\r\n");
        });
    {
        shard s;
        const auto stream = s.connect(server.endpoint());
        std::array<char, 16> buffer;
        EXPECT_EQ(s.run(stream->read_some(buffer, patience)).ec, errc::end_of_stream);
        EXPECT_TRUE(stream->input_ready());
        EXPECT_TRUE(s.run(stream->write("QUIT\r\n", {}, patience)).ok());
    }
}

TEST(TcpStream, InputReadySeesEarlyBytes)
{
    std::promise<void> speak;
    std::promise<void> spoken;
    loopback_server server(
        [&](tcp::socket& socket)
        {
            speak.get_future().wait();
            say(socket, "250 early\r\n");
            spoken.set_value();
            read_until(socket, "never");
        });
    shard s;
    const auto stream = s.connect(server.endpoint());
    EXPECT_FALSE(stream->input_ready());
    speak.set_value();
    spoken.get_future().wait(); // loopback delivers within send()
    EXPECT_TRUE(stream->input_ready());
    EXPECT_EQ(read_all(s, *stream, 11), "250 early\r\n");
    EXPECT_FALSE(stream->input_ready());
    stream->close();
    EXPECT_TRUE(stream->input_ready());
}

TEST(TcpStream, TheSweeperEndsAReadPastItsDeadline)
{
    manual_clock clock;
    loopback_server server([&](tcp::socket& socket) { read_until(socket, "never"); });
    shard s(clock);
    const auto stream = s.connect(server.endpoint());
    std::array<char, 16> buffer;
    const io_result r = s.run(stream->read_some(buffer, seconds{10}),
                              [&]
                              {
                                  clock.now += seconds{9};
                                  s.sweeper.sweep(); // too early: must not end it
                                  s.context.poll();
                                  clock.now += seconds{1};
                                  s.sweeper.sweep();
                              });
    EXPECT_EQ(r.ec, errc::timed_out);
    EXPECT_EQ(clock.now, mono_time{seconds{1010}});
}

TEST(TcpStream, TheTimerSweepsByItself)
{
    loopback_server server([&](tcp::socket& socket) { read_until(socket, "never"); });
    shard s;
    const auto stream = s.connect(server.endpoint());
    std::array<char, 16> buffer;
    EXPECT_EQ(s.run(stream->read_some(buffer, milliseconds{1})).ec, errc::timed_out);
}

TEST(TcpStream, CloseEndsAPendingRead)
{
    loopback_server server([&](tcp::socket& socket) { read_until(socket, "never"); });
    shard s;
    const auto stream = s.connect(server.endpoint());
    std::array<char, 16> buffer;
    const io_result r = s.run(stream->read_some(buffer, patience), [&] { stream->close(); });
    EXPECT_EQ(r.ec, errc::closed);
    EXPECT_EQ(s.run(stream->write("x", {}, patience)).ec, errc::closed);
}

TEST(TcpStream, WriteToAPeerThatResetFails)
{
    std::promise<void> connected;
    std::promise<void> gone;
    loopback_server server(
        [&](tcp::socket& socket)
        {
            connected.get_future().wait();
            socket.set_option(asio::socket_base::linger(true, 0));
            socket.close();
            gone.set_value();
        });
    shard s;
    const auto stream = s.connect(server.endpoint());
    connected.set_value();
    gone.get_future().wait();
    const io_result w = s.run(stream->write("MAIL\r\n", {}, patience));
    EXPECT_FALSE(w.ok());
    EXPECT_EQ(w.bytes, 0u);
}

// --- TLS ------------------------------------------------------------------------------------

void serve_tls(tcp::socket& socket, const test_certificate& certificate, std::string& seen)
{
    say(socket, "220 go\r\n");
    asio::ssl::context context(asio::ssl::context::tls_server);
    certificate.apply(context);
    asio::ssl::stream<tcp::socket&> tls(socket, context);
    error_code ec;
    tls.handshake(asio::ssl::stream_base::server, ec);
    if (ec)
    {
        seen = "handshake: " + ec.message();
        return;
    }
    seen = read_until(tls, "\r\n.\r\n");
    say(tls, "250 ok\r\n");
}

TEST(TlsStream, UpgradesInPlaceAndTellsThatNothingWasVerified)
{
    const test_certificate certificate;
    std::string seen;
    const std::string big(300'000, 'x');
    std::string got;
    {
        loopback_server server([&](tcp::socket& socket) { serve_tls(socket, certificate, seen); });
        shard s;
        const auto stream = s.connect(server.endpoint());
        EXPECT_EQ(read_all(s, *stream, 8), "220 go\r\n");
        const tls_result t = s.run(stream->start_tls("mx.test", patience));
        ASSERT_TRUE(t.ok()) << t.reason;
        EXPECT_FALSE(stream->input_ready()); // session tickets are no input
        const auto info = stream->tls();
        ASSERT_TRUE(info.has_value());
        EXPECT_EQ(info->version, "TLSv1.3");
        EXPECT_FALSE(info->cipher.empty());
        EXPECT_FALSE(info->verified);
        EXPECT_FALSE(info->verify_error.empty());
        const io_result w = s.run(stream->write(big, "\r\n.\r\n", patience));
        EXPECT_TRUE(w.ok());
        EXPECT_EQ(w.bytes, big.size() + 5);
        got = read_all(s, *stream, 8);
        std::array<char, 16> buffer;
        EXPECT_EQ(s.run(stream->read_some(buffer, patience)).ec, errc::end_of_stream);
    }
    EXPECT_EQ(got, "250 ok\r\n");
    EXPECT_EQ(seen, big + "\r\n.\r\n");
}

TEST(TlsStream, VerifiesAgainstTrustedRootsAndTheName)
{
    const test_certificate certificate;
    for (const char* name : {"mx.test", "other.test"})
    {
        std::string seen;
        loopback_server server([&](tcp::socket& socket) { serve_tls(socket, certificate, seen); });
        shard s;
        X509_STORE_add_cert(SSL_CTX_get_cert_store(s.tls.native()), certificate.certificate());
        const auto stream = s.connect(server.endpoint());
        read_all(s, *stream, 8);
        const tls_result t = s.run(stream->start_tls(name, patience));
        ASSERT_TRUE(t.ok()) << t.reason;
        EXPECT_EQ(stream->tls()->verified, name == std::string_view("mx.test"));
        stream->close();
    }
}

TEST(TlsStream, OldProtocolsAreRefused)
{
    const test_certificate certificate;
    loopback_server server(
        [&](tcp::socket& socket)
        {
            asio::ssl::context context(asio::ssl::context::tls_server);
            certificate.apply(context);
            SSL_CTX_set_security_level(context.native_handle(), 0);
            SSL_CTX_set_max_proto_version(context.native_handle(), TLS1_1_VERSION);
            asio::ssl::stream<tcp::socket&> tls(socket, context);
            error_code ec;
            tls.handshake(asio::ssl::stream_base::server, ec);
            EXPECT_TRUE(ec.failed());
        });
    shard s;
    const auto stream = s.connect(server.endpoint());
    const tls_result t = s.run(stream->start_tls("mx.test", patience));
    EXPECT_FALSE(t.ok());
    EXPECT_FALSE(t.reason.empty());
    EXPECT_FALSE(stream->tls().has_value());
}

TEST(TlsStream, GarbageInsteadOfAHandshake)
{
    loopback_server server(
        [&](tcp::socket& socket)
        {
            say(socket, "454 TLS not available\r\n");
            read_until(socket, "never");
        });
    shard s;
    const auto stream = s.connect(server.endpoint());
    const tls_result t = s.run(stream->start_tls("", patience));
    EXPECT_EQ(t.ec, errc::tls_failed);
    EXPECT_FALSE(t.reason.empty());
}

TEST(TlsStream, AStalledHandshakeTimesOut)
{
    manual_clock clock;
    loopback_server server([&](tcp::socket& socket) { read_until(socket, "never"); });
    shard s(clock);
    const auto stream = s.connect(server.endpoint());
    const tls_result t = s.run(stream->start_tls("mx.test", seconds{60}),
                               [&]
                               {
                                   clock.now += seconds{60};
                                   s.sweeper.sweep();
                               });
    EXPECT_EQ(t.ec, errc::timed_out);
}

// --- dialling -------------------------------------------------------------------------------

TEST(TcpDialer, BindsTheSourceAddress)
{
    std::promise<std::string> peer;
    loopback_server server([&](tcp::socket& socket)
                           { peer.set_value(socket.remote_endpoint().address().to_string()); });
    shard s;
    dial_target target;
    target.remote = server.endpoint();
    target.local = asio::ip::make_address("127.0.0.7");
    const auto dialled = s.run(s.dialer.dial(target));
    ASSERT_TRUE(dialled.ok()) << dialled.ec.message();
    EXPECT_EQ(peer.get_future().get(), "127.0.0.7");
    EXPECT_EQ(dialled.stream->local_endpoint().address().to_string(), "127.0.0.7");
}

TEST(TcpDialer, RefusedForbiddenAndImpossible)
{
    shard s;
    tcp::endpoint nobody;
    {
        tcp::acceptor acceptor(s.context, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
        nobody = acceptor.local_endpoint();
    }
    dial_target target;
    target.remote = nobody;
    EXPECT_EQ(s.run(s.dialer.dial(target)).ec, asio::error::connection_refused);
    target.local = asio::ip::make_address("192.0.2.1"); // not ours
    EXPECT_TRUE(s.run(s.dialer.dial(target)).ec.failed());
    target.local = asio::ip::make_address("::1"); // another family
    EXPECT_TRUE(s.run(s.dialer.dial(target)).ec.failed());

    const network_list forbidden = default_forbidden_networks();
    tcp_dialer strict(s.context.get_executor(), s.sweeper, s.tls, forbidden);
    target = {};
    target.remote = nobody;
    const auto refused = s.run(strict.dial(target));
    EXPECT_EQ(refused.ec, errc::forbidden_address);
    EXPECT_EQ(refused.stream, nullptr);
}

TEST(TcpDialer, ConnectTimesOut)
{
    // A listener whose queue is full answers no SYN.
    manual_clock clock;
    shard s(clock);
    tcp::acceptor full(s.context);
    full.open(tcp::v4());
    full.bind(tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0));
    full.listen(0);
    std::vector<tcp::socket> fillers;
    for (int i = 0; i < 4; ++i)
    {
        fillers.emplace_back(s.context);
        fillers.back().open(tcp::v4());
        fillers.back().native_non_blocking(true);
        const tcp::endpoint to = full.local_endpoint();
        // Not Asio's connect(): that waits even on a non-blocking socket.
        static_cast<void>(::connect(fillers.back().native_handle(), to.data(),
                                    static_cast<socklen_t>(to.size())));
    }
    dial_target target;
    target.remote = full.local_endpoint();
    target.timeout = seconds{5};
    const auto dialled = s.run(s.dialer.dial(target),
                               [&]
                               {
                                   clock.now += seconds{5};
                                   s.sweeper.sweep();
                               });
    EXPECT_EQ(dialled.ec, errc::timed_out);
}

} // namespace
} // namespace hikyaku::net
