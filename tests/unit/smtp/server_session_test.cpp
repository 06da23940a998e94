#include "server_rig.h"

#include <gtest/gtest.h>

namespace hikyaku::smtp::testing
{
namespace
{

const std::string message = "Subject: bounce\r\n\r\n..stuffed\r\n.\tnot the end\r\nlast\r\n";
const std::string unstuffed = "Subject: bounce\r\n\r\n.stuffed\r\n\tnot the end\r\nlast\r\n";

TEST(server_session, takes_a_message)
{
    server_world world;
    const auto r = world.run(std::deque<std::string>{
        greeting, "MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\n", "RCPT TO:<b-x@ours.test>\r\n",
        "DATA\r\n", message + ".\r\n", "QUIT\r\n"});
    EXPECT_EQ(r.codes(), "220 250 250 250 354 250 221");
    ASSERT_EQ(r.messages.size(), 1u);
    EXPECT_EQ(r.messages[0].message, unstuffed);
    EXPECT_EQ(r.messages[0].mail_from, "");
    EXPECT_EQ(r.messages[0].recipients, std::vector<std::string>{"b-x@ours.test"});
    EXPECT_EQ(r.end, server_end::quit);
    EXPECT_NE(r.wire.find("250 2.0.0 Taken\r\n"), std::string::npos);
    EXPECT_EQ(world.budget.left(), 64u << 20);
}

TEST(server_session, offers_what_it_can_do)
{
    server_world world;
    const auto r = world.run(greeting);
    for (const auto* word : {"PIPELINING", "SIZE 10485760", "STARTTLS", "ENHANCEDSTATUSCODES",
                             "8BITMIME", "250 SMTPUTF8"})
    {
        EXPECT_NE(r.wire.find(word), std::string::npos) << word;
    }
    EXPECT_EQ(r.wire.find("AUTH"), std::string::npos);
    EXPECT_EQ(r.wire.find("CHUNKING"), std::string::npos);
}

TEST(server_session, any_cut_of_the_input_gives_the_same)
{
    const std::string inputs[] = {
        envelope + message + ".\r\nQUIT\r\n",
        envelope + ".\r\n" + "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@else.test>\r\nRSET\r\nQUIT\r\n",
        envelope + "a\r\n.\n",
        envelope + "a\n.\r\nMAIL FROM:<a@b.test>\r\n",
        envelope + "a\r.\r\n.\r\n",
        envelope + std::string("x\0y\r\n.\r\nQUIT\r\n", 14),
        greeting + "NOOP\nMAIL FROM:<>\r\n",
        greeting + std::string(5000, 'x') + "\r\nQUIT\r\n",
        greeting + "GET / HTTP/1.1\r\nHost: x\r\n",
        greeting + "BDAT 5 LAST\r\nQUIT\r\n",
        envelope + std::string(70'000, 'y') + "\r\n.\r\nQUIT\r\n"};
    for (const auto& input : inputs)
    {
        server_world world;
        const auto whole = world.run(input);
        for (const std::size_t bytes : {1u, 2u, 3u, 7u, 64u, 1000u})
        {
            const auto cut = world.run(input, bytes);
            EXPECT_EQ(cut.codes(), whole.codes()) << input.substr(0, 120) << bytes;
            EXPECT_EQ(cut.end, whole.end);
            ASSERT_EQ(cut.messages.size(), whole.messages.size());
            for (std::size_t i = 0; i < cut.messages.size(); ++i)
            {
                EXPECT_EQ(cut.messages[i].message, whole.messages[i].message);
            }
        }
    }
}

// Every sequence that some server takes, or took, for the end of data; behind it a second envelope.
TEST(server_session, no_end_of_data_but_the_real_one)
{
    using namespace std::string_literals;
    const std::string ends[] = {"\n.\n"s,         "\n.\r\n"s,       "\r\n.\n"s,     "\r.\r"s,
                                "\r\n.\r"s,       "\r.\r\n"s,       "\n.\r"s,       "\r.\n"s,
                                "\r\r\n.\r\r\n"s, "\r\n.\r\r\n"s,   "\r\r\n.\r\n"s, "\0\r\n.\n"s,
                                "\r\0\n.\r\0\n"s, "\r\n\0.\r\n\n"s, "\n\r\n.\r\n"s, "\r\n.\r\0\n"s,
                                "\r\n.\0\r\n\r"s, "\x85.\x85\n"s,   "\n\n.\n\n"s,   "\r\n.\n\r\n"s};
    for (const auto& end : ends)
    {
        for (const std::size_t bytes : {0u, 1u})
        {
            server_world world;
            const auto r = world.run(envelope + "body" + end +
                                         "MAIL FROM:<evil@a.test>\r\nRCPT TO:<v@ours.test>\r\n"
                                         "DATA\r\nsmuggled\r\n.\r\nQUIT\r\n",
                                     bytes);
            EXPECT_TRUE(r.messages.empty());
            EXPECT_EQ(r.codes(), "220 250 250 250 354 554");
            EXPECT_EQ(r.end, server_end::bare_newline);
            EXPECT_TRUE(r.linger);
            EXPECT_EQ(r.checked.size(), 1u);
        }
    }
}

TEST(server_session, dots_that_do_not_end_it)
{
    using namespace std::string_literals;
    // All of it is one message, whatever it looks like.
    for (const auto& part :
         {"\r\n..\r\n"s, "\r\n.a\r\n"s, "\r\n. \r\n"s, "\r\n\t.\r\n"s, "\xC2\x85.\xC2\x85"s,
          "\xE2\x80\xA8.\xE2\x80\xA8"s, "\x0B.\x0B"s, "\x0C.\x0C"s, "\x1C.\x1C"s})
    {
        server_world world;
        const auto r = world.run(envelope + "body" + part + "QUIT\r\n\r\n.\r\nQUIT\r\n");
        EXPECT_EQ(r.codes(), "220 250 250 250 354 250 221");
        ASSERT_EQ(r.messages.size(), 1u);
        EXPECT_NE(r.messages[0].message.find("QUIT\r\n"), std::string::npos);
    }
}

TEST(server_session, nul_is_refused_without_losing_the_place)
{
    server_world world;
    const auto r = world.run(envelope + std::string("a\0b\r\n.\r\n", 8) + "NOOP\r\nQUIT\r\n");
    EXPECT_EQ(r.codes(), "220 250 250 250 354 554 250 221");
    EXPECT_TRUE(r.messages.empty());
}

struct command_row
{
    const char* name;
    std::string input;
    const char* codes;
};

TEST(server_session, commands)
{
    const command_row rows[] = {
        {"no greeting", "MAIL FROM:<>\r\n", "220 503"},
        {"helo", "HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<x@ours.test>\r\n", "220 250 250 250"},
        {"helo, parameters", "HELO a\r\nMAIL FROM:<> SIZE=1\r\n", "220 250 555"},
        {"empty name", "EHLO\r\nHELO \r\nEHLO a b\r\nEHLO a\x01\r\n", "220 501 501 501 500"},
        {"lower case", "ehlo a\r\nmail from:<a@b.test>\r\nrcpt to:<x@OURS.test>\r\n",
         "220 250 250 550"},
        {"blank before the path", greeting + "MAIL FROM: <a@b.test>\r\n", "220 250 250"},
        {"no brackets", greeting + "MAIL FROM:a@b.test\r\n", "220 250 501"},
        {"junk behind", greeting + "MAIL FROM:<a@b.test>x\r\n", "220 250 501"},
        {"no colon", greeting + "MAIL FROM <a@b.test>\r\n", "220 250 501"},
        {"no domain", greeting + "MAIL FROM:<a>\r\n", "220 250 553"},
        {"two at", greeting + "MAIL FROM:<a@b@c.test>\r\n", "220 250 553"},
        {"quoted", greeting + "MAIL FROM:<\"a> b\"@c.test>\r\n", "220 250 250"},
        {"source route",
         greeting + "MAIL FROM:<@a.test,@b.test:c@d.test>\r\nRCPT TO:<@x.test:y@ours.test>\r\n",
         "220 250 250 250"},
        {"open route", greeting + "MAIL FROM:<@a.test>\r\n", "220 250 501"},
        {"nested mail", greeting + "MAIL FROM:<>\r\nMAIL FROM:<>\r\n", "220 250 250 503"},
        {"rcpt first", greeting + "RCPT TO:<x@ours.test>\r\n", "220 250 503"},
        {"null recipient", greeting + "MAIL FROM:<>\r\nRCPT TO:<>\r\n", "220 250 250 553"},
        {"postmaster", greeting + "MAIL FROM:<>\r\nRCPT TO:<PostMaster>\r\n", "220 250 250 250"},
        {"no relay", greeting + "MAIL FROM:<>\r\nRCPT TO:<a@else.test>\r\n", "220 250 250 550"},
        {"percent hack", greeting + "MAIL FROM:<>\r\nRCPT TO:<a%b.test@else.test>\r\n",
         "220 250 250 550"},
        {"dsn parameters", greeting + "MAIL FROM:<>\r\nRCPT TO:<a@ours.test> NOTIFY=NEVER\r\n",
         "220 250 250 555"},
        {"size too large", greeting + "MAIL FROM:<> SIZE=10485761\r\n", "220 250 552"},
        {"size of 2^64", greeting + "MAIL FROM:<> SIZE=18446744073709551616\r\n", "220 250 552"},
        {"bad sizes", greeting + "MAIL FROM:<> SIZE=\r\nMAIL FROM:<> SIZE=1x\r\n",
         "220 250 501 501"},
        {"twice", greeting + "MAIL FROM:<> SIZE=1 SIZE=1\r\n", "220 250 555"},
        {"binary", greeting + "MAIL FROM:<> BODY=BINARYMIME\r\n", "220 250 555"},
        {"unknown parameter", greeting + "MAIL FROM:<> AUTH=<>\r\n", "220 250 555"},
        {"utf8", greeting + "MAIL FROM:<\xE5\xA4\xAA@b.test> SMTPUTF8\r\n", "220 250 250"},
        {"utf8, unsaid", greeting + "MAIL FROM:<\xE5\xA4\xAA@b.test>\r\n", "220 250 553"},
        {"not utf8", greeting + "MAIL FROM:<\xFF@b.test> SMTPUTF8\r\n", "220 250 553"},
        {"data first", greeting + "DATA\r\n", "220 250 503"},
        {"unknown", greeting + "WIZ\r\nXCLIENT A=B\r\n", "220 250 500 500"},
        {"absent", greeting + "AUTH PLAIN x\r\nEXPN list\r\nTURN\r\n", "220 250 502 502 502"},
        {"others", greeting + "NOOP x\r\nVRFY a\r\nHELP\r\nRSET\r\n", "220 250 250 252 214 250"},
        {"arguments", greeting + "RSET x\r\nQUIT x\r\nVRFY\r\n", "220 250 501 501 501"},
        {"control character", greeting + "NOOP a\tb\r\nNOOP \x7F\r\n", "220 250 500 500"},
        {"nul", greeting + std::string("NOOP\0\r\n", 7), "220 250 500"},
        {"empty line", greeting + "\r\n", "220 250 500"},
        {"bare lf", greeting + "NOOP\nNOOP\r\n", "220 250 500"},
        {"bare cr", greeting + "NOOP\rNOOP\r\n", "220 250 500"},
        {"lf first", "\nEHLO a\r\n", "220 500"},
        {"http", "POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nMAIL FROM:<>\r\n", "220 554"},
        {"bdat", greeting + "MAIL FROM:<>\r\nRCPT TO:<x@ours.test>\r\nBDAT 6 LAST\r\nQUIT\r\n",
         "220 250 250 250 502"},
        {"long line", greeting + "NOOP " + std::string(3000, 'x') + "\r\nNOOP\r\n",
         "220 250 500 250"},
        {"endless line", greeting + std::string(70'000, 'x') + "\r\nNOOP\r\n", "220 250 500"},
        {"too many errors", greeting + "A\r\nB\r\nC\r\nD\r\nE\r\nF\r\nG\r\nH\r\nI\r\nJ\r\nK\r\n",
         "220 250 500 500 500 500 500 500 500 500 500 421"},
    };
    for (const auto& row : rows)
    {
        for (const std::size_t bytes : {0u, 1u})
        {
            server_world world;
            const auto r = world.run(row.input, bytes);
            EXPECT_EQ(r.codes(), row.codes) << row.name;
            EXPECT_TRUE(r.messages.empty()) << row.name;
        }
    }
}

TEST(server_session, data_that_follows_a_refusal_is_never_a_command)
{
    server_world world;
    const auto r = world.run(greeting + "MAIL FROM:<>\r\nRCPT TO:<x@else.test>\r\nDATA\r\n"
                                        "RCPT TO:<x@ours.test>\r\n.\r\n");
    EXPECT_EQ(r.codes(), "220 250 250 550 554");
    EXPECT_EQ(r.end, server_end::out_of_turn);
    EXPECT_EQ(r.checked.size(), 1u);

    // A client that waits goes on.
    const auto waits = world.run(std::deque<std::string>{
        greeting + "MAIL FROM:<>\r\nRCPT TO:<x@else.test>\r\nDATA\r\n", "RSET\r\nQUIT\r\n"});
    EXPECT_EQ(waits.codes(), "220 250 250 550 554 250 221");
}

TEST(server_session, speaking_before_the_greeting)
{
    server_world world;
    world.early_talker = true;
    const auto r = world.run(greeting);
    EXPECT_EQ(r.codes(), "554");
    EXPECT_EQ(r.end, server_end::out_of_turn);
}

TEST(server_session, starttls_forgets_everything)
{
    server_world world;
    const auto r = world.run(std::deque<std::string>{greeting + "MAIL FROM:<>\r\n", "STARTTLS\r\n",
                                                     "MAIL FROM:<>\r\n", greeting, "STARTTLS\r\n",
                                                     "RCPT TO:<x@ours.test>\r\n", "QUIT\r\n"});
    EXPECT_EQ(r.codes(), "220 250 250 220 <TLS> 503 250 503 503 221");
    const auto after = r.wire.substr(r.wire.find("<TLS>"));
    EXPECT_EQ(after.find("STARTTLS\r\n"), std::string::npos);
}

// CVE-2011-0411 and its kin: what was sent in the clear is never read as if under TLS.
TEST(server_session, nothing_may_follow_starttls)
{
    for (const auto* injected : {"RSET\r\n", "MAIL FROM:<>\r\n", "x", "\r\n", "\n"})
    {
        server_world world;
        const auto r =
            world.run(std::deque<std::string>{greeting, std::string("STARTTLS\r\n") + injected});
        EXPECT_EQ(r.codes(), "220 250 554");
        EXPECT_EQ(r.end, server_end::out_of_turn);
    }
    server_world world;
    world.tls_works = false;
    EXPECT_EQ(world.run(greeting + "STARTTLS\r\n").end, server_end::tls_failed);
    world.options.offer_tls = false;
    EXPECT_EQ(world.run(greeting + "STARTTLS\r\n").codes(), "220 250 502");
    EXPECT_EQ(world.run(greeting + "STARTTLS x\r\n").codes(), "220 250 501");
}

TEST(server_session, recipients)
{
    server_world world;
    std::string input = greeting + "MAIL FROM:<>\r\n";
    for (int i = 0; i < 101; ++i)
    {
        input += "RCPT TO:<b-" + std::to_string(i) + "@ours.test>\r\n";
    }
    const auto r = world.run(input + "RCPT TO:<b-1@ours.test>\r\nDATA\r\n.\r\nQUIT\r\n");
    EXPECT_NE(r.wire.find("452 4.5.3"), std::string::npos);
    ASSERT_EQ(r.messages.size(), 1u);
    EXPECT_EQ(r.messages[0].recipients.size(), 100u);
    EXPECT_EQ(r.checked.size(), 100u); // one that is known is not asked again
    EXPECT_EQ(r.messages[0].message, "");
}

TEST(server_session, answers_are_made_safe)
{
    server_world world;
    const std::pair<server_reply, const char*> rows[] = {
        {{250, "fine"}, "250 2.0.0 fine\r\n"},
        {{250, ""}, "250 2.0.0 Ok\r\n"},
        {{250, "5.1.1 contradiction"}, "250 2.0.0 5.1.1 contradiction\r\n"},
        {{451, "4.7.1 wait"}, "451 4.7.1 wait\r\n"},
        {{550, "no\r\n250 yes"}, "550 5.7.0 no? 250 yes\r\n"},
        {{999, "odd"}, "451 4.3.0 odd\r\n"},
        {{421, "gone"}, "451 4.3.0 gone\r\n"},
        {{354, "more"}, "451 4.3.0 more\r\n"},
        {{251, "\xE3\x81\x82"}, "250 2.0.0 ???\r\n"},
    };
    for (const auto& [reply, said] : rows)
    {
        world.delivered = reply;
        const auto r = world.run(envelope + ".\r\nQUIT\r\n");
        EXPECT_NE(r.wire.find(std::string("\r\n") + said + "221"), std::string::npos)
            << said << r.wire;
    }
}

TEST(server_session, limits_of_size_and_memory)
{
    server_world world;
    world.options.limits.message_bytes_max = 1000;
    const std::string kilobyte = std::string(498, 'x') + "\r\n" + std::string(498, 'y') + "\r\n";
    EXPECT_EQ(world.run(envelope + kilobyte + ".\r\nQUIT\r\n").codes(),
              "220 250 250 250 354 250 221");
    for (const std::size_t bytes : {0u, 1u, 100u})
    {
        EXPECT_EQ(world.run(envelope + kilobyte + "\r\n.\r\nQUIT\r\n", bytes).codes(),
                  "220 250 250 250 354 552 221");
    }
    world.options.limits.message_bytes_max = 1u << 20;
    world.budget = message_budget(30'000);
    EXPECT_EQ(world.run(greeting + "MAIL FROM:<> SIZE=40000\r\n").codes(), "220 250 452");
    std::string large;
    for (int i = 0; i < 40; ++i)
    {
        large += kilobyte;
    }
    const auto r = world.run(envelope + large + ".\r\nQUIT\r\n", 1000);
    EXPECT_EQ(r.codes(), "220 250 250 250 354 452 221");
    EXPECT_EQ(world.budget.left(), 30'000u);
    // And what fits is taken afterwards.
    EXPECT_EQ(world.run(envelope + kilobyte + ".\r\nQUIT\r\n").messages.size(), 1u);
}

TEST(server_session, a_message_that_breaks_off_is_nobodys)
{
    server_world world;
    for (const auto after :
         {server_event_kind::closed, server_event_kind::timed_out, server_event_kind::stopping})
    {
        world.after = after;
        const auto r = world.run(envelope + "Subject: x\r\n\r\nhalf");
        EXPECT_TRUE(r.messages.empty());
        EXPECT_EQ(r.codes(), after == server_event_kind::closed ? "220 250 250 250 354"
                                                                : "220 250 250 250 354 421");
        EXPECT_EQ(world.budget.left(), 64u << 20);
    }
}

TEST(server_session, time)
{
    server_options options{"mx.hikyaku.test", false, {}};
    message_budget budget(1u << 20);
    server_session session(options, budget);
    mono_time now{seconds{1000}};
    const auto event = [&](server_event_kind kind)
    { return session.resume(server_event::of(kind), now); };
    (void)event(server_event_kind::started);
    (void)session.resume(server_event::paused(false), now);
    auto a = event(server_event_kind::written);
    ASSERT_EQ(a.kind, server_action_kind::read);
    EXPECT_EQ(a.timeout, milliseconds{300'000});
    // A command that drips in gains no time by that; the session as a whole has its end.
    now += seconds{200};
    a = session.resume(server_event::bytes_read("NO"), now);
    EXPECT_EQ(a.timeout, milliseconds{100'000});
    for (int i = 0; i < 3; ++i)
    {
        now += i == 0 ? seconds{1} : seconds{290};
        a = session.resume(server_event::bytes_read("OP\r\nNO"), now);
        ASSERT_EQ(a.kind, server_action_kind::write);
        a = event(server_event_kind::written);
    }
    EXPECT_EQ(a.timeout, milliseconds{119'000}); // 900 s - 781 s
    now += a.timeout;
    a = event(server_event_kind::timed_out);
    ASSERT_EQ(a.kind, server_action_kind::write);
    EXPECT_TRUE(a.bytes.starts_with("421 4.4.2 This session"));
    a = event(server_event_kind::timed_out);
    EXPECT_EQ(a.kind, server_action_kind::done);
    EXPECT_EQ(session.end(), server_end::timed_out);
}

TEST(server_session, idle_commands)
{
    server_world world;
    std::string input = greeting;
    for (int i = 0; i < 200; ++i)
    {
        input += "NOOP\r\n";
    }
    const auto r = world.run(input);
    EXPECT_EQ(r.end, server_end::too_many_errors);
    EXPECT_TRUE(r.codes().ends_with("250 421"));
}

} // namespace
} // namespace hikyaku::smtp::testing
