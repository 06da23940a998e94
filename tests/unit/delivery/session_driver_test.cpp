#include <hikyaku/delivery/session_driver.h>
#include <hikyaku/net/tcp_dialer.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace hikyaku::delivery
{
namespace
{

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

constexpr std::string_view message = "Subject: x\r\n\r\n.Hello\r\n";

/// The server's end of one connection: blocking, in a thread of its own.
class peer
{
public:
    explicit peer(tcp::socket& socket) : socket_(socket) {}

    void say(std::string_view text)
    {
        boost::system::error_code ec;
        asio::write(socket_, asio::buffer(text), ec);
    }
    /// Reads until what came since the last call ends with `end`, or the stream ends.
    std::string hear(std::string_view end)
    {
        std::string got;
        char buffer[512];
        boost::system::error_code ec;
        while (!got.ends_with(end) && !ec)
        {
            got.append(buffer, socket_.read_some(asio::buffer(buffer), ec));
        }
        return got;
    }
    void greet()
    {
        say("220 mx ready\r\n");
        hear("\r\n");
        say("250-mx\r\n250 PIPELINING\r\n");
    }
    void take_commands()
    {
        hear("DATA\r\n");
        say("250 a\r\n250 b\r\n354 c\r\n");
    }

private:
    tcp::socket& socket_;
};

class server
{
public:
    explicit server(std::function<void(peer&)> serve)
        : acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0))
    {
        thread_ = std::thread(
            [this, serve = std::move(serve)]
            {
                tcp::socket socket(context_);
                acceptor_.accept(socket);
                peer p(socket);
                serve(p);
            });
    }
    ~server() { thread_.join(); }
    [[nodiscard]] tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

private:
    asio::io_context context_;
    tcp::acceptor acceptor_;
    std::thread thread_;
};

class scripted_source final : public message_source
{
public:
    asio::awaitable<std::optional<smtp::envelope>> next_message() override
    {
        co_await asio::post(asio::use_awaitable);
        if (given == messages)
        {
            co_return std::nullopt;
        }
        ++given;
        co_return smtp::envelope{"s@a.example", "r@b.example", message, false, false};
    }
    smtp::permission ask_permission() override
    {
        ++asked;
        return first_answer;
    }
    asio::awaitable<bool> wait_permission() override
    {
        ++waited;
        co_await asio::post(asio::use_awaitable);
        co_return granted_in_the_end;
    }
    void prefetch() override { prefetched_before.push_back(results.size()); }
    void settle(const smtp::transaction_result& result) override { results.push_back(result); }

    int messages = 1;
    int given = 0;
    int asked = 0;
    int waited = 0;
    smtp::permission first_answer = smtp::permission::granted;
    bool granted_in_the_end = true;
    std::vector<smtp::transaction_result> results;
    /// Outcomes that were there at each prefetch().
    std::vector<std::size_t> prefetched_before;
};

asio::awaitable<smtp::session_end> dial_and_run(net::tcp_dialer& dialer, tcp::endpoint to,
                                                smtp::client_session& session,
                                                message_source& source)
{
    net::dial_target target;
    target.remote = to;
    const net::dial_result dialled = co_await dialer.dial(target);
    EXPECT_TRUE(dialled.ok());
    const smtp::session_end end = co_await run_session(*dialled.stream, session, source);
    // The stream is closed by then: the peer sees the end.
    EXPECT_TRUE(dialled.stream->input_ready());
    co_return end;
}

smtp::session_end run(const tcp::endpoint& to, message_source& source,
                      smtp::session_options options = {})
{
    options.ehlo_name = "sender.example";
    smtp::client_session session(options);
    asio::io_context context(1);
    net::deadline_sweeper sweeper(context.get_executor());
    const net::tls_client_context tls;
    const net::network_list allowed;
    net::tcp_dialer dialer(context.get_executor(), sweeper, tls, allowed);
    smtp::session_end end;
    asio::co_spawn(context, dial_and_run(dialer, to, session, source),
                   [&end](std::exception_ptr failure, smtp::session_end e)
                   {
                       EXPECT_FALSE(failure);
                       end = std::move(e);
                   });
    context.run();
    return end;
}

TEST(SessionDriver, DeliversTwoMessagesAndQuits)
{
    std::string bodies;
    server s(
        [&](peer& p)
        {
            p.greet();
            for (int i = 0; i < 2; ++i)
            {
                p.take_commands();
                bodies += p.hear("\r\n.\r\n");
                p.say("250 2.0.0 queued\r\n");
            }
            p.hear("QUIT\r\n");
            p.say("221 bye\r\n");
            p.hear("never");
        });
    scripted_source source;
    source.messages = 2;
    const auto end = run(s.endpoint(), source);
    EXPECT_EQ(end.reason, smtp::end_reason::finished);
    EXPECT_EQ(end.messages, 2u);
    ASSERT_EQ(source.results.size(), 2u);
    EXPECT_EQ(source.results[1].verdict, smtp::verdict::delivered);
    EXPECT_EQ(source.waited, 0);
    const std::string one = "Subject: x\r\n\r\n..Hello\r\n.\r\n";
    EXPECT_EQ(bodies, one + one);
}

TEST(SessionDriver, WaitSendsTheBodyThenAsksAgain)
{
    for (const bool granted : {true, false})
    {
        std::string body;
        {
            server s(
                [&](peer& p)
                {
                    p.greet();
                    p.take_commands();
                    body = p.hear("\r\n.\r\n");
                    p.say("250 2.0.0 queued\r\n");
                    p.hear("QUIT\r\n");
                    p.say("221 bye\r\n");
                    p.hear("never");
                });
            scripted_source source;
            source.first_answer = smtp::permission::wait;
            source.granted_in_the_end = granted;
            const auto end = run(s.endpoint(), source);
            EXPECT_EQ(source.asked, 1);
            EXPECT_EQ(source.waited, 1);
            ASSERT_EQ(source.results.size(), 1u);
            EXPECT_EQ(source.results[0].verdict,
                      granted ? smtp::verdict::delivered : smtp::verdict::not_attempted);
            EXPECT_EQ(end.reason == smtp::end_reason::permission_refused, !granted);
        }
        EXPECT_EQ(body.ends_with("\r\n.\r\n"), granted);
        EXPECT_TRUE(body.starts_with("Subject: x\r\n\r\n..Hello\r\n"));
    }
}

TEST(SessionDriver, ConnectionLostAfterTheDotIsUnknown)
{
    server s(
        [&](peer& p)
        {
            p.greet();
            p.take_commands();
            p.hear("\r\n.\r\n");
        });
    scripted_source source;
    const auto end = run(s.endpoint(), source);
    ASSERT_EQ(source.results.size(), 1u);
    EXPECT_EQ(source.results[0].verdict, smtp::verdict::unknown);
    EXPECT_EQ(end.reason, smtp::end_reason::connection_lost);
    EXPECT_THAT(end.text, ::testing::HasSubstr("closed by the peer"));
}

TEST(SessionDriver, SilentServerTimesOut)
{
    server s(
        [&](peer& p)
        {
            p.say("220");
            p.hear("never");
        });
    scripted_source source;
    smtp::session_options options;
    options.timeouts.banner = milliseconds{50};
    const auto end = run(s.endpoint(), source, options);
    EXPECT_EQ(end.reason, smtp::end_reason::timed_out);
    EXPECT_EQ(end.stage, smtp::stage::banner);
    EXPECT_TRUE(end.site_failure);
    EXPECT_TRUE(source.results.empty());
    EXPECT_EQ(source.given, 0);
}

TEST(SessionDriver, ServerThatCannotTlsFailsTheHandshake)
{
    server s(
        [&](peer& p)
        {
            p.say("220 mx ready\r\n");
            p.hear("\r\n");
            p.say("250-mx\r\n250 STARTTLS\r\n");
            p.hear("STARTTLS\r\n");
            p.say("220 go\r\n");
            p.hear("never");
        });
    scripted_source source;
    smtp::session_options options;
    options.timeouts.tls_handshake = milliseconds{50};
    const auto end = run(s.endpoint(), source, options);
    EXPECT_EQ(end.reason, smtp::end_reason::tls_failed);
    EXPECT_EQ(end.tls, smtp::tls_outcome::failed);
    EXPECT_EQ(source.given, 0);
}

} // namespace
} // namespace hikyaku::delivery
