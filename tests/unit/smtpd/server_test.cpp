#include "server_rig.h"

#include <hikyaku/base/time.h>

#include <atomic>
#include <chrono>
#include <future>
#include <thread>

#include "peer_address.h"
#include "trace_field.h"

namespace hikyaku::smtpd::testing
{
namespace
{

server_options quick_options()
{
    server_options o;
    o.host_name = "mx.hikyaku.test";
    o.limits.greet_pause = milliseconds{0};
    return o;
}

/// A server on a free port.
struct rig
{
    explicit rig(server_options options = quick_options())
        : daemon(std::move(options), box.handler(), system_clock())
    {
        const auto started = daemon.start();
        EXPECT_TRUE(started.has_value());
        port = started.has_value() ? *started : std::uint16_t{0};
    }
    /// Waits until the counters say so.
    bool eventually(const std::function<bool(const counters&)>& holds) const
    {
        const auto until = std::chrono::steady_clock::now() + seconds{10};
        while (!holds(daemon.read_counters()))
        {
            if (std::chrono::steady_clock::now() > until)
            {
                return false;
            }
            std::this_thread::yield();
        }
        return true;
    }

    mailbox box;
    server daemon;
    std::uint16_t port = 0;
};

TEST(server, takes_a_message_and_marks_it)
{
    rig r;
    peer p(r.port);
    p.open_message();
    EXPECT_EQ(p.ask("Subject: x\r\n\r\n..body\r\n."), "250 2.0.0 Taken\r\n");
    EXPECT_EQ(p.ask("QUIT").substr(0, 3), "221");
    EXPECT_TRUE(p.at_end());
    ASSERT_EQ(r.box.mails.size(), 1u);
    const auto& mail = r.box.mails[0];
    EXPECT_EQ(mail.peer, "127.0.0.1");
    EXPECT_EQ(mail.helo, "peer.test");
    EXPECT_EQ(mail.recipients, std::vector<std::string>{"b-1@ours.test"});
    EXPECT_FALSE(mail.tls);
    EXPECT_TRUE(mail.message.starts_with(
        "Received: from peer.test ([127.0.0.1])\r\n\tby mx.hikyaku.test with ESMTP id "));
    EXPECT_TRUE(mail.message.ends_with(" +0000\r\nSubject: x\r\n\r\n.body\r\n"));
    EXPECT_TRUE(r.eventually(
        [](const counters& c)
        { return c.messages == 1 && c.open_sessions == 0 && c.ends[0] == 1 && c.sessions == 1; }));
}

TEST(server, answers_for_the_handler)
{
    rig r;
    r.box.answer = [] { return reply_text{451, "4.2.0 later"}; };
    peer p(r.port);
    p.open_message();
    EXPECT_EQ(p.ask("x\r\n."), "451 4.2.0 later\r\n");
    r.box.answer = []() -> reply_text { throw std::runtime_error("disk"); };
    EXPECT_EQ(p.ask("MAIL FROM:<>").substr(0, 3), "250");
    EXPECT_EQ(p.ask("RCPT TO:<b-1@ours.test>").substr(0, 3), "250");
    EXPECT_EQ(p.ask("DATA").substr(0, 3), "354");
    EXPECT_EQ(p.ask("x\r\n.").substr(0, 9), "451 4.3.0");
    EXPECT_EQ(r.daemon.read_counters().messages, 0u);
}

TEST(server, starttls)
{
    const certificate_files files;
    auto options = quick_options();
    options.certificate_file = files.certificate();
    options.key_file = files.key();
    rig r(options);
    {
        peer p(r.port);
        p.reply();
        EXPECT_NE(p.ask("EHLO a").find("250-STARTTLS\r\n"), std::string::npos);
        EXPECT_EQ(p.ask("STARTTLS").substr(0, 3), "220");
        EXPECT_EQ(p.start_tls(), "mx.test");
        EXPECT_EQ(p.ask("MAIL FROM:<>").substr(0, 3), "503");
        EXPECT_EQ(p.ask("EHLO a").find("STARTTLS"), std::string::npos);
        EXPECT_EQ(p.ask("MAIL FROM:<>").substr(0, 3), "250");
        EXPECT_EQ(p.ask("RCPT TO:<b-1@ours.test>").substr(0, 3), "250");
        EXPECT_EQ(p.ask("DATA").substr(0, 3), "354");
        EXPECT_EQ(p.ask(std::string(500'000, 'x').insert(60'000, "\r\n") + "\r\n.").substr(0, 3),
                  "554");
        EXPECT_EQ(p.ask("QUIT").substr(0, 3), "221");
        EXPECT_TRUE(p.at_end());
    }
    files.write("other.test");
    ASSERT_TRUE(r.daemon.reload_certificate().has_value());
    {
        peer p(r.port);
        p.reply();
        p.ask("EHLO a");
        p.ask("STARTTLS");
        EXPECT_EQ(p.start_tls(TLS1_2_VERSION), "other.test");
    }
    {
        peer p(r.port);
        p.reply();
        p.ask("EHLO a");
        p.ask("STARTTLS");
        EXPECT_EQ(p.start_tls(TLS1_1_VERSION), "");
    }
    std::filesystem::remove(files.key());
    EXPECT_TRUE(r.daemon.reload_certificate().has_error());
    EXPECT_TRUE(r.eventually([](const counters& c) { return c.sessions_tls == 2; }));
}

TEST(server, what_is_injected_behind_starttls_is_never_read)
{
    const certificate_files files;
    auto options = quick_options();
    options.certificate_file = files.certificate();
    options.key_file = files.key();
    rig r(options);
    peer p(r.port);
    p.reply();
    p.ask("EHLO a");
    p.send("STARTTLS\r\nRSET\r\nNOOP\r\n");
    EXPECT_EQ(p.reply().substr(0, 3), "554");
    EXPECT_TRUE(p.at_end());
}

TEST(server, limits_of_sessions)
{
    auto options = quick_options();
    options.sessions_per_address_max = 2;
    rig r(options);
    {
        peer one(r.port);
        peer two(r.port);
        EXPECT_EQ(one.reply().substr(0, 3), "220");
        EXPECT_EQ(two.reply().substr(0, 3), "220");
        peer three(r.port);
        EXPECT_EQ(three.reply().substr(0, 9), "421 4.7.0");
        EXPECT_TRUE(three.at_end());
    }
    EXPECT_TRUE(r.eventually([](const counters& c) { return c.open_sessions == 0; }));
    peer again(r.port);
    EXPECT_EQ(again.reply().substr(0, 3), "220");
    EXPECT_EQ(r.daemon.read_counters().sessions_refused, 1u);
}

TEST(server, early_talkers)
{
    auto options = quick_options();
    options.limits.greet_pause = milliseconds{300};
    rig r(options);
    peer p(r.port);
    p.send("EHLO a\r\nMAIL FROM:<>\r\n");
    EXPECT_EQ(p.reply().substr(0, 3), "554");
    EXPECT_TRUE(p.at_end());
}

// The peer gets to read why, although it is still sending.
TEST(server, a_refusal_in_the_middle_arrives)
{
    rig r;
    peer p(r.port);
    p.open_message();
    p.send("a\nb\r\n");
    for (int i = 0; i < 100; ++i)
    {
        p.send(std::string(20'000, 'x') + "\r\n");
    }
    EXPECT_EQ(p.reply().substr(0, 9), "554 5.5.2");
    EXPECT_TRUE(p.at_end());
    EXPECT_TRUE(r.box.mails.empty());
}

TEST(server, time_limits)
{
    auto options = quick_options();
    options.limits.idle_timeout = milliseconds{200};
    rig r(options);
    peer p(r.port);
    p.reply();
    EXPECT_EQ(p.reply().substr(0, 9), "421 4.4.2");
    EXPECT_TRUE(p.at_end());
}

TEST(server, memory_of_messages_is_bounded)
{
    auto options = quick_options();
    options.smtpd_bytes_max = 300'000;
    rig r(options);
    const std::string line = std::string(998, 'x') + "\r\n";
    peer holder(r.port);
    holder.open_message();
    for (int i = 0; i < 200; ++i)
    {
        holder.send(line);
    }
    peer other(r.port);
    other.open_message();
    for (int i = 0; i < 200; ++i)
    {
        other.send(line);
    }
    // One of them has no room; which depends on who was read first. Both go on afterwards.
    const std::string codes = holder.ask(".").substr(0, 3) + other.ask(".").substr(0, 3);
    EXPECT_NE(codes.find("452"), std::string::npos) << codes;
    EXPECT_EQ(holder.ask("NOOP").substr(0, 3), "250");
    EXPECT_EQ(other.ask("NOOP").substr(0, 3), "250");
}

TEST(server, stop_answers_what_is_being_delivered_and_tells_the_others)
{
    rig r;
    std::promise<void> entered;
    std::promise<void> release;
    r.box.answer = [&]
    {
        entered.set_value();
        release.get_future().wait();
        return reply_text{250, "2.0.0 Taken"};
    };
    peer idle(r.port);
    idle.reply();
    peer busy(r.port);
    busy.open_message();
    busy.send("x\r\n.\r\n");
    entered.get_future().wait();
    auto stopped = std::async(std::launch::async, [&] { r.daemon.stop(); });
    EXPECT_EQ(idle.reply().substr(0, 9), "421 4.3.2");
    release.set_value();
    EXPECT_EQ(busy.reply(), "250 2.0.0 Taken\r\n");
    EXPECT_EQ(busy.reply().substr(0, 9), "421 4.3.2");
    stopped.get();
    EXPECT_EQ(r.daemon.read_counters().messages, 1u);
    EXPECT_EQ(r.daemon.read_counters().open_sessions, 0u);
}

TEST(server, start_tells_what_is_wrong)
{
    rig r;
    auto options = quick_options();
    options.port = r.port;
    mailbox box;
    server second(options, box.handler(), system_clock());
    EXPECT_TRUE(second.start().has_error());
    options.port = 0;
    options.certificate_file = "/nonexistent/cert.pem";
    options.key_file = "/nonexistent/key.pem";
    server third(options, box.handler(), system_clock());
    const auto failed = third.start();
    ASSERT_TRUE(failed.has_error());
    EXPECT_NE(failed.error().text.find("/nonexistent/cert.pem"), std::string::npos);
}

TEST(trace_field, is_one_field_whatever_the_peer_says)
{
    reception r;
    r.host_name = "mx.test";
    r.peer = boost::asio::ip::make_address("2001:db8::1");
    r.helo = "a(b;c";
    r.tls = true;
    r.extended = true;
    r.number = 255;
    r.at = from_unix_ms(1'795'478'400'000); // 2026-11-24T00:00:00Z
    EXPECT_EQ(make_received_field(r), "Received: from unknown ([IPv6:2001:db8::1])\r\n"
                                      "\tby mx.test with ESMTPS id 1a20ada2c00.ff;\r\n"
                                      "\tTue, 24 Nov 2026 00:00:00 +0000\r\n");
}

TEST(peer_address, networks)
{
    const auto address = [](const char* text)
    { return to_plain(boost::asio::ip::make_address(text)); };
    EXPECT_EQ(to_count_key(address("::ffff:192.0.2.7")), to_count_key(address("192.0.2.7")));
    EXPECT_NE(to_count_key(address("192.0.2.7")), to_count_key(address("192.0.2.8")));
    EXPECT_EQ(to_count_key(address("2001:db8::1")), to_count_key(address("2001:db8::ffff:1")));
    EXPECT_NE(to_count_key(address("2001:db8::1")), to_count_key(address("2001:db8:0:1::1")));
    EXPECT_EQ(to_network_text(address("192.0.2.7")), "192.0.2.0/24");
    EXPECT_EQ(to_network_text(address("2001:db8:0:1::9")), "2001:db8:0:1::/64");
}

} // namespace
} // namespace hikyaku::smtpd::testing
