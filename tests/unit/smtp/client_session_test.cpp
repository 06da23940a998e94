#include "session_rig.h"

#include <gmock/gmock.h>

namespace hikyaku::smtp
{
namespace
{

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

run_record run(const server_script& script, const std::vector<envelope>& messages,
               const rig_options& options = {})
{
    return session_rig(options, script).run(messages);
}

// --- the usual flow ---------------------------------------------------------------------------

TEST(ClientSession, DeliversWithPipelining)
{
    const auto r = run(server_script::good(true), {mail_to("b@x.example"), mail_to("c@x.example")});
    ASSERT_EQ(r.results.size(), 2u);
    EXPECT_EQ(r.results[0].verdict, verdict::delivered);
    EXPECT_EQ(r.results[0].code, 250);
    EXPECT_EQ(r.results[0].enhanced, (enhanced_code{2, 0, 0}));
    EXPECT_EQ(r.results[0].text, "2.0.0 queued as 1234567");
    EXPECT_EQ(r.results[0].bytes, plain_message.size());
    EXPECT_EQ(r.results[1].verdict, verdict::delivered);
    EXPECT_EQ(r.end.reason, end_reason::finished);
    EXPECT_EQ(r.end.messages, 2u);
    EXPECT_THAT(r.commands,
                ElementsAre("EHLO sender.example", "MAIL FROM:<bounce@sender.example> SIZE=45",
                            "RCPT TO:<b@x.example>", "DATA",
                            "MAIL FROM:<bounce@sender.example> SIZE=45", "RCPT TO:<c@x.example>",
                            "DATA", "QUIT"));
    // banner, EHLO; per message commands, replies, body with dot, reply; QUIT: no write more.
    EXPECT_EQ(r.steps, 1 + 2 + 2 * 4 + 2);
}

TEST(ClientSession, DeliversWithoutPipelining)
{
    const auto r = run(server_script::good(false), {mail_to("b@x.example", dotted_message)});
    ASSERT_EQ(r.results.size(), 1u);
    EXPECT_EQ(r.results[0].verdict, verdict::delivered);
    ASSERT_EQ(r.bodies.size(), 1u);
    EXPECT_EQ(r.bodies[0], dotted_message);
    EXPECT_EQ(r.steps, 1 + 2 + 8 + 2);
}

TEST(ClientSession, FallsBackToHelo)
{
    auto s = server_script::good(true);
    s.replies["EHLO"] = {"502 5.5.1 not here\r\n"};
    const auto r = run(s, {mail_to("b@x.example")});
    EXPECT_EQ(r.results.at(0).verdict, verdict::delivered);
    EXPECT_THAT(r.commands, ElementsAre("EHLO sender.example", "HELO sender.example",
                                        "MAIL FROM:<bounce@sender.example>",
                                        "RCPT TO:<b@x.example>", "DATA", "QUIT"));
}

TEST(ClientSession, TlsForgetsWhatItLearntInTheClear)
{
    auto s = server_script::good(true, true);
    s.replies["EHLO"][1] = "250 mx.example\r\n"; // no PIPELINING, no SIZE any more
    session_rig rig({}, s);
    const auto r = rig.run({mail_to("b@x.example")});
    EXPECT_EQ(r.results.at(0).verdict, verdict::delivered);
    EXPECT_EQ(r.end.tls, tls_outcome::established);
    EXPECT_FALSE(rig.session().features().pipelining);
    EXPECT_THAT(r.commands, ElementsAre("EHLO sender.example", "STARTTLS", "EHLO sender.example",
                                        "MAIL FROM:<bounce@sender.example>",
                                        "RCPT TO:<b@x.example>", "DATA", "QUIT"));
}

TEST(ClientSession, MessagesPerConnectionEndsWithQuit)
{
    rig_options o;
    o.session.messages_per_connection = 2;
    const std::vector<envelope> three(3, mail_to("b@x.example"));
    const auto r = run(server_script::good(true), three, o);
    EXPECT_EQ(r.results.size(), 2u);
    EXPECT_EQ(r.end.reason, end_reason::finished);
    EXPECT_EQ(r.commands.back(), "QUIT");
}

TEST(ClientSession, EightBitAndUtf8Parameters)
{
    auto s = server_script::good(true);
    s.replies["EHLO"] = {"250-mx\r\n250-8bitmime\r\n250 smtputf8\r\n"};
    auto m = mail_to("\xE4\xBA\xBA@x.example");
    m.is_8bit = true;
    const auto r = run(s, {m});
    EXPECT_EQ(r.results.at(0).verdict, verdict::delivered);
    EXPECT_EQ(r.commands.at(1), "MAIL FROM:<bounce@sender.example> BODY=8BITMIME SMTPUTF8");
}

// --- replies and what becomes of them ---------------------------------------------------------

struct reply_row
{
    const char* name;
    const char* verb;
    const char* said;
    verdict expected;
    stage at;
    bool site;
    bool goes_on;
};

constexpr reply_row reply_rows[] = {
    {"MailDeferred", "MAIL", "451 4.7.1 later\r\n", verdict::deferred, stage::mail, false, true},
    {"MailBounced", "MAIL", "550 5.1.8 bad\r\n", verdict::bounced, stage::mail, false, true},
    {"Greylisted", "RCPT", "451 4.7.1 later\r\n", verdict::deferred, stage::rcpt, false, true},
    {"NoSuchUser", "RCPT", "550 5.1.1 who\r\n", verdict::bounced, stage::rcpt, false, true},
    {"DataDeferred", "DATA", "452 4.3.1 full\r\n", verdict::deferred, stage::data, false, true},
    {"DataBounced", "DATA", "554 5.5.1 no\r\n", verdict::bounced, stage::data, false, true},
    {"DotDeferred", ".", "450 4.0.0 no\r\n", verdict::deferred, stage::final_dot, false, true},
    {"DotBounced", ".", "550 5.7.1 spam\r\n", verdict::bounced, stage::final_dot, false, true},
    {"MailClosing", "MAIL", "421 4.7.0 x\r\n", verdict::deferred, stage::mail, true, false},
    {"RcptClosing", "RCPT", "421 4.7.0 x\r\n", verdict::deferred, stage::rcpt, true, false},
    {"DataClosing", "DATA", "421 4.7.0 x\r\n", verdict::deferred, stage::data, true, false},
    {"DotClosing", ".", "421 4.7.0 x\r\n", verdict::deferred, stage::final_dot, true, false},
    {"MailGoesOn", "MAIL", "354 x\r\n", verdict::deferred, stage::mail, true, false},
    {"RcptGoesOn", "RCPT", "354 x\r\n", verdict::deferred, stage::rcpt, true, false},
    {"DataAccepts", "DATA", "250 x\r\n", verdict::deferred, stage::data, true, false},
    {"DotGoesOn", ".", "354 x\r\n", verdict::unknown, stage::final_dot, true, false},
    {"DotGarbage", ".", "hello\r\n", verdict::unknown, stage::final_dot, true, false},
    {"DotOneHundred", ".", "150 x\r\n", verdict::unknown, stage::final_dot, true, false},
    {"DotTwice", ".", "250 a\r\n250 b\r\n", verdict::delivered, stage::final_dot, false, false},
    {"RcptTwice", "RCPT", "250 a\r\n250 b\r\n", verdict::deferred, stage::data, true, false},
    {"DataTwice", "DATA", "354 a\r\n250 b\r\n", verdict::deferred, stage::data, true, false},
    {"RcptShort", "RCPT", "250\r\n", verdict::delivered, stage::final_dot, false, true},
    {"RcptForwarded", "RCPT", "251 x\r\n", verdict::delivered, stage::final_dot, false, true},
};

class ReplyRows : public ::testing::TestWithParam<std::tuple<reply_row, bool>>
{
};

TEST_P(ReplyRows, DecideTheMessage)
{
    const auto& [row, pipelining] = GetParam();
    auto s = server_script::good(pipelining);
    s.replies[row.verb].insert(s.replies[row.verb].begin(), row.said);
    if (pipelining && std::string_view(row.verb) == "MAIL")
    {
        s.replies["RCPT"] = {"503 5.5.1 MAIL first\r\n", "250 2.1.5 Ok\r\n"};
        s.replies["DATA"] = {"503 5.5.1 RCPT first\r\n", "354 go on\r\n"};
    }
    const auto r = run(s, {mail_to("b@x.example"), mail_to("c@x.example")});
    ASSERT_EQ(r.results.size(), row.goes_on ? 2u : 1u);
    EXPECT_EQ(r.results[0].verdict, row.expected) << to_string(r.results[0].verdict);
    const bool extra = std::string_view(row.name) == "RcptTwice";
    if (pipelining || !extra) // one by one, the second 250 comes before DATA was said
    {
        EXPECT_EQ(r.results[0].stage, row.at) << to_string(r.results[0].stage);
    }
    EXPECT_EQ(r.results[0].site_failure, row.site);
    if (row.goes_on)
    {
        EXPECT_EQ(r.results[1].verdict, verdict::delivered);
        EXPECT_EQ(r.end.reason, end_reason::finished);
    }
    else
    {
        EXPECT_TRUE(r.end.site_failure);
    }
}

INSTANTIATE_TEST_SUITE_P(All, ReplyRows,
                         ::testing::Combine(::testing::ValuesIn(reply_rows), ::testing::Bool()),
                         [](const auto& i)
                         {
                             return std::string(std::get<0>(i.param).name) +
                                    (std::get<1>(i.param) ? "Pipelined" : "OneByOne");
                         });

// --- pipelining and refusals (T11) ------------------------------------------------------------

TEST(Pipelining, AllRefusedBut354GetsALoneDotAndNoBody)
{
    auto s = server_script::good(true);
    s.replies["RCPT"] = {"550 5.1.1 who\r\n", "250 2.1.5 Ok\r\n"};
    const auto r = run(s, {mail_to("b@x.example"), mail_to("c@x.example")});
    ASSERT_EQ(r.results.size(), 2u);
    EXPECT_EQ(r.results[0].verdict, verdict::bounced);
    EXPECT_EQ(r.results[0].stage, stage::rcpt);
    EXPECT_THAT(r.bodies, ElementsAre("", std::string(plain_message)));
}

TEST(Pipelining, MailRefusedRcptAcceptedAnd354Closes)
{
    auto s = server_script::good(true);
    s.replies["MAIL"] = {"451 4.1.8 later\r\n"};
    const auto r = run(s, {mail_to("b@x.example")});
    EXPECT_EQ(r.results.at(0).verdict, verdict::deferred);
    EXPECT_EQ(r.results.at(0).stage, stage::mail);
    EXPECT_TRUE(r.bodies.empty());
    EXPECT_EQ(r.dots_handed_over, 0);
}

TEST(Pipelining, RsetGoesWithTheNextMessageWhenTheTransactionIsOpen)
{
    auto s = server_script::good(true);
    s.replies["RCPT"] = {"550 5.1.1 who\r\n", "250 2.1.5 Ok\r\n"};
    s.replies["DATA"] = {"503 5.5.1 no recipients\r\n", "354 go\r\n"};
    const auto r = run(s, {mail_to("b@x.example"), mail_to("c@x.example")});
    EXPECT_EQ(r.results.at(0).code, 550);
    EXPECT_EQ(r.results.at(1).verdict, verdict::delivered);
    EXPECT_THAT(r.commands.at(4), "RSET");
}

TEST(Pipelining, RefusedRsetIsNoAttempt)
{
    auto s = server_script::good(true);
    s.replies["RCPT"] = {"550 5.1.1 who\r\n", "250 2.1.5 Ok\r\n"};
    s.replies["DATA"] = {"503 5.5.1 no recipients\r\n"};
    s.replies["RSET"] = {"500 5.5.1 what\r\n"};
    const auto r = run(s, {mail_to("b@x.example"), mail_to("c@x.example")});
    EXPECT_EQ(r.results.at(1).verdict, verdict::not_attempted);
    EXPECT_EQ(r.end.reason, end_reason::peer_refused);
}

TEST(Pipelining, RefusalStandsWhenTheConnectionDiesAfterIt)
{
    auto s = server_script::good(true);
    s.replies["RCPT"] = {"550 5.1.1 who\r\n"};
    s.replies["DATA"] = {"garbage\r\n"};
    const auto r = run(s, {mail_to("b@x.example")});
    EXPECT_EQ(r.results.at(0).verdict, verdict::bounced);
    EXPECT_EQ(r.results.at(0).code, 550);
    EXPECT_EQ(r.end.reason, end_reason::protocol_error);
}

// --- permission -------------------------------------------------------------------------------

TEST(Permission, WaitSendsTheBodyFirstAndTheDotAlone)
{
    rig_options o;
    o.permissions = {permission::wait, permission::granted};
    const auto r = run(server_script::good(true), {mail_to("b@x.example", dotted_message)}, o);
    EXPECT_EQ(r.results.at(0).verdict, verdict::delivered);
    EXPECT_EQ(r.bodies.at(0), dotted_message);
}

TEST(Permission, RefusedBeforeTheBody)
{
    rig_options o;
    o.permissions = {permission::refused};
    const auto r = run(server_script::good(true), {mail_to("b@x.example")}, o);
    EXPECT_EQ(r.results.at(0).verdict, verdict::not_attempted);
    EXPECT_EQ(r.dots_handed_over, 0);
    EXPECT_THAT(r.wire, ::testing::EndsWith("DATA\r\n"));
    EXPECT_EQ(r.end.reason, end_reason::permission_refused);
    EXPECT_FALSE(r.end.site_failure);
}

TEST(Permission, RefusedAfterTheBody)
{
    rig_options o;
    o.permissions = {permission::wait, permission::refused};
    const auto r = run(server_script::good(true), {mail_to("b@x.example")}, o);
    EXPECT_EQ(r.results.at(0).verdict, verdict::not_attempted);
    EXPECT_EQ(r.dots_handed_over, 0);
    EXPECT_TRUE(r.bodies.empty());
}

// --- driven by hand: early replies, deadlines -------------------------------------------------

/// A session brought up to its first next_message.
struct by_hand
{
    client_session session;
    mono_time now{seconds{50}};

    explicit by_hand(const rig_options& o = {}) : session(o.session) {}
    action step(const io_event& e) { return session.resume(e, now); }
    action greet(bool pipelining = true)
    {
        EXPECT_EQ(step(io_event::started()).kind, action_kind::read);
        EXPECT_EQ(step(io_event::bytes_read("220 hi\r\n")).kind, action_kind::write);
        EXPECT_EQ(step(io_event::written()).kind, action_kind::read);
        return step(io_event::bytes_read(pipelining ? "250-x\r\n250 PIPELINING\r\n" : "250 x\r\n"));
    }
    action up_to_354()
    {
        EXPECT_EQ(greet().kind, action_kind::next_message);
        EXPECT_EQ(step(io_event::message(mail_to("b@x.example"))).kind, action_kind::write);
        EXPECT_EQ(step(io_event::written()).kind, action_kind::read);
        return step(io_event::bytes_read("250 a\r\n250 b\r\n354 c\r\n"));
    }
};

TEST(EarlyReply, PositiveReplyBeforeTheDotIsNeverTheAnswerToIt)
{
    for (const auto first : {permission::granted, permission::wait})
    {
        by_hand h;
        ASSERT_EQ(h.up_to_354().kind, action_kind::ask_permission);
        EXPECT_EQ(h.step(io_event::permission_is(first, true)).kind, action_kind::read);
        EXPECT_EQ(h.step(io_event::bytes_read("250 2.0.0 queued\r\n")).kind, action_kind::done);
        EXPECT_EQ(h.session.take_result().verdict, verdict::deferred);
        EXPECT_EQ(h.session.end().reason, end_reason::protocol_error);
    }
}

TEST(EarlyReply, BetweenBodyAndDot)
{
    by_hand h;
    ASSERT_EQ(h.up_to_354().kind, action_kind::ask_permission);
    EXPECT_EQ(h.step(io_event::permission_is(permission::wait)).kind, action_kind::write);
    const auto again = h.step(io_event::written());
    EXPECT_EQ(again.kind, action_kind::ask_permission);
    EXPECT_TRUE(again.must_answer);
    EXPECT_EQ(h.step(io_event::permission_is(permission::granted, true)).kind, action_kind::read);
    EXPECT_EQ(h.step(io_event::bytes_read("552 5.3.4 too big\r\n")).kind, action_kind::done);
    const auto& r = h.session.take_result();
    EXPECT_EQ(r.verdict, verdict::bounced); // a refusal is believed: the dot was not out
    EXPECT_EQ(r.stage, stage::body);
}

TEST(EarlyReply, IdleConnectionThatSaid421IsNoAttempt)
{
    by_hand h;
    static_cast<void>(h.up_to_354());
    static_cast<void>(h.step(io_event::permission_is(permission::granted)));
    static_cast<void>(h.step(io_event::written()));
    EXPECT_EQ(h.step(io_event::bytes_read("250 ok\r\n")).kind, action_kind::next_message);
    EXPECT_EQ(h.session.take_result().verdict, verdict::delivered);
    EXPECT_EQ(h.step(io_event::message(mail_to("c@x.example"), true)).kind, action_kind::read);
    EXPECT_EQ(h.step(io_event::bytes_read("421 idle too long\r\n")).kind, action_kind::done);
    EXPECT_EQ(h.session.take_result().verdict, verdict::not_attempted);
}

TEST(EarlyReply, FreshConnectionThatSaid421IsDeferred)
{
    by_hand h;
    ASSERT_EQ(h.greet().kind, action_kind::next_message);
    EXPECT_EQ(h.step(io_event::message(mail_to("c@x.example"), true)).kind, action_kind::read);
    EXPECT_EQ(h.step(io_event::bytes_read("421 too busy\r\n")).kind, action_kind::done);
    const auto& r = h.session.take_result();
    EXPECT_EQ(r.verdict, verdict::deferred);
    EXPECT_TRUE(r.site_failure);
}

TEST(Deadline, DrippingBytesDoNotExtendIt)
{
    by_hand h;
    const auto first = h.step(io_event::started());
    EXPECT_EQ(first.timeout, milliseconds{std::chrono::minutes{5}});
    h.now += seconds{200};
    const auto second = h.step(io_event::bytes_read("2"));
    EXPECT_EQ(second.kind, action_kind::read);
    EXPECT_EQ(second.timeout, milliseconds{seconds{100}});
    h.now += seconds{100};
    EXPECT_EQ(h.step(io_event::bytes_read("2")).kind, action_kind::done);
    EXPECT_EQ(h.session.end().reason, end_reason::timed_out);
    EXPECT_TRUE(h.session.end().site_failure);
    EXPECT_EQ(h.session.end().stage, stage::banner);
}

TEST(Deadline, EachReplyOfABatchHasItsOwn)
{
    by_hand h;
    ASSERT_EQ(h.greet().kind, action_kind::next_message);
    static_cast<void>(h.step(io_event::message(mail_to("b@x.example"))));
    static_cast<void>(h.step(io_event::written()));
    h.now += seconds{299};
    EXPECT_EQ(h.step(io_event::bytes_read("250 a\r\n250 b\r\n")).timeout, milliseconds{120'000});
}

TEST(Deadline, BodyTimeGrowsWithItsSize)
{
    const std::string big = std::string(plain_message) + std::string(409'600, 'x') + "\r\n";
    by_hand h;
    ASSERT_EQ(h.greet().kind, action_kind::next_message);
    static_cast<void>(h.step(io_event::message(mail_to("b@x.example", big))));
    static_cast<void>(h.step(io_event::written()));
    static_cast<void>(h.step(io_event::bytes_read("250 a\r\n250 b\r\n354 c\r\n")));
    const auto a = h.step(io_event::permission_is(permission::granted));
    EXPECT_EQ(a.timeout, milliseconds{seconds{180 + 100}});
    EXPECT_EQ(a.bytes.data(), big.data()); // no dot to stuff: not copied
    EXPECT_EQ(a.tail, ".\r\n");
    EXPECT_EQ(h.step(io_event::closed("reset", big.size())).kind, action_kind::done);
    EXPECT_EQ(h.session.take_result().verdict, verdict::deferred); // all but the dot
}

TEST(Deadline, SessionMaxIsCheckedBetweenMessages)
{
    by_hand h;
    static_cast<void>(h.up_to_354());
    static_cast<void>(h.step(io_event::permission_is(permission::granted)));
    static_cast<void>(h.step(io_event::written()));
    h.now += seconds{300};
    const auto a = h.step(io_event::bytes_read("250 ok\r\n"));
    EXPECT_EQ(a.bytes, "QUIT\r\n");
    EXPECT_EQ(h.session.take_result().verdict, verdict::delivered);
    static_cast<void>(h.step(io_event::written()));
    EXPECT_EQ(h.step(io_event::timed_out()).kind, action_kind::done);
    EXPECT_EQ(h.session.end().reason, end_reason::finished);
}

TEST(ClientSession, ReusedConnectionThatDiesAtMailIsNoAttempt)
{
    rig_options o;
    o.injected = {fault_kind::close, 7 + 1, 0}; // the read after the second MAIL
    const auto r =
        run(server_script::good(true), {mail_to("b@x.example"), mail_to("c@x.example")}, o);
    ASSERT_EQ(r.results.size(), 2u);
    EXPECT_EQ(r.results[0].verdict, verdict::delivered);
    EXPECT_EQ(r.results[1].verdict, verdict::not_attempted);
    o.injected.step = 4; // the same on the fresh connection
    const auto fresh = run(server_script::good(true), {mail_to("b@x.example")}, o);
    EXPECT_EQ(fresh.results.at(0).verdict, verdict::deferred);
}

// --- refused before the connection ------------------------------------------------------------

struct greeting_row
{
    const char* name;
    const char* banner;
    const char* ehlo;
    end_reason reason;
    stage at;
    int code;
};

constexpr greeting_row greeting_rows[] = {
    {"Listed", "554 5.7.1 listed\r\n", "250 x\r\n", end_reason::peer_refused, stage::banner, 554},
    {"Busy", "421 4.3.2 busy\r\n", "250 x\r\n", end_reason::peer_refused, stage::banner, 421},
    {"Http", "HTTP/1.1 400 Bad\r\n", "250 x\r\n", end_reason::protocol_error, stage::banner, 0},
    {"Ssh", "SSH-2.0-x\r\n", "250 x\r\n", end_reason::protocol_error, stage::banner, 0},
    {"GoOn", "354 x\r\n", "250 x\r\n", end_reason::protocol_error, stage::banner, 354},
    {"EarlyTalker", "220 a\r\n250 b\r\n", "250 x\r\n", end_reason::protocol_error, stage::ehlo, 0},
    {"EhloLater", "220 a\r\n", "451 x\r\n", end_reason::peer_refused, stage::ehlo, 451},
    {"EhloAndMore", "220 a\r\n", "250 x\r\n250 y\r\n", end_reason::protocol_error, stage::idle, 0},
};

TEST(Greeting, RefusalsAreTheSites)
{
    for (const auto& row : greeting_rows)
    {
        auto s = server_script::good(true);
        s.banner = row.banner;
        s.replies["EHLO"] = {row.ehlo};
        const auto r = run(s, {mail_to("b@x.example")});
        EXPECT_TRUE(r.results.empty()) << row.name;
        EXPECT_EQ(r.end.reason, row.reason) << row.name;
        EXPECT_EQ(r.end.stage, row.at) << row.name << to_string(r.end.stage);
        EXPECT_EQ(r.end.code, row.code) << row.name;
        EXPECT_TRUE(r.end.site_failure) << row.name;
    }
}

// --- TLS (T5, T6) -----------------------------------------------------------------------------

TEST(StartTls, PlaintextAfterTheGoAheadEndsTheSession)
{
    auto s = server_script::good(true, true);
    s.replies["STARTTLS"] = {"220 go\r\n250-INJECTED\r\n250 ok\r\n"};
    for (const std::size_t chunk : {0u, 64u})
    {
        rig_options o;
        o.injected.read_bytes_max = chunk;
        const auto r = run(s, {mail_to("b@x.example")}, o);
        EXPECT_TRUE(r.results.empty());
        EXPECT_EQ(r.end.tls, tls_outcome::injected);
        EXPECT_EQ(r.end.reason, end_reason::tls_failed);
        EXPECT_TRUE(r.end.site_failure);
    }
}

struct strip_row
{
    const char* name;
    const char* ehlo;     // empty: STARTTLS is offered
    const char* starttls; // the answer
    tls_outcome opportunistic;
    bool clear_delivers;
};

constexpr strip_row strip_rows[] = {
    {"NotOffered", "250 x\r\n", "", tls_outcome::not_offered, true},
    {"NotNow", "", "454 4.7.0 not now\r\n", tls_outcome::refused, true},
    {"WhatIsThat", "", "500 5.5.1 what\r\n", tls_outcome::refused, true},
    {"Garbage", "", "!\r\n", tls_outcome::not_offered, false},
    {"Odd", "", "250 ok\r\n", tls_outcome::not_offered, false},
};

TEST(StartTls, StrippingNeverPassesRequired)
{
    for (const auto& row : strip_rows)
    {
        auto s = server_script::good(true, true);
        if (*row.ehlo != '\0')
        {
            s.replies["EHLO"] = {row.ehlo};
        }
        s.replies["STARTTLS"] = {row.starttls};
        const auto free = run(s, {mail_to("b@x.example")});
        EXPECT_EQ(!free.results.empty(), row.clear_delivers) << row.name;
        if (row.clear_delivers)
        {
            EXPECT_EQ(free.end.tls, row.opportunistic) << row.name;
        }
        rig_options o;
        o.session.tls = tls_mode::required;
        const auto strict = run(s, {mail_to("b@x.example")}, o);
        EXPECT_TRUE(strict.results.empty()) << row.name;
        EXPECT_TRUE(strict.end.site_failure) << row.name;
        EXPECT_THAT(strict.wire, ::testing::Not(HasSubstr("MAIL"))) << row.name;
    }
}

TEST(StartTls, FailedHandshakeIsToldAndTheRetryStaysInTheClear)
{
    rig_options o;
    o.injected = {fault_kind::close, 5, 0};
    const auto r = run(server_script::good(true, true), {mail_to("b@x.example")}, o);
    EXPECT_EQ(r.end.tls, tls_outcome::failed);
    EXPECT_EQ(r.end.stage, stage::tls);
    o.injected = {};
    o.session.tls_already_failed = true;
    const auto again = run(server_script::good(true, true), {mail_to("b@x.example")}, o);
    EXPECT_EQ(again.results.at(0).verdict, verdict::delivered);
    EXPECT_EQ(again.end.tls, tls_outcome::not_wanted);
    EXPECT_THAT(again.wire, ::testing::Not(HasSubstr("STARTTLS")));
}

// --- refused locally (T1, T4, T10) ------------------------------------------------------------

struct local_row
{
    const char* name;
    envelope mail;
    enhanced_code code;
};

TEST(RefusedLocally, NeverOnTheWire)
{
    const std::string long_address = std::string(250, 'a') + "@x.example";
    const std::string nul("a\0b@x.example", 13);
    const std::string big = std::string(2000, 'x') + "\r\n";
    auto eight = mail_to("b@x.example");
    eight.is_8bit = true;
    auto utf8 = mail_to("b@x.example");
    utf8.needs_smtputf8 = true;
    auto from = mail_to("b@x.example");
    from.mail_from = "a@b>\r\nRCPT TO:<c@d";
    const local_row rows[] = {
        {"Injection", mail_to("a@b>\r\nRCPT TO:<c@d"), {5, 1, 3}},
        {"QuotedCrlf", mail_to("\"a\r\nRSET\r\n\"@b"), {5, 1, 3}},
        {"QuotedEscapedCr", mail_to("\"a\\\rb\"@b"), {5, 1, 3}},
        {"OpenQuote", mail_to("\"a@b"), {5, 1, 3}},
        {"Angle", mail_to("a>@b"), {5, 1, 3}},
        {"Parameter", mail_to("a@b NOTIFY=NEVER"), {5, 1, 3}},
        {"TooLong", mail_to(long_address), {5, 1, 3}},
        {"Nul", mail_to(nul), {5, 1, 3}},
        {"Empty", mail_to(""), {5, 1, 3}},
        {"Sender", from, {5, 1, 7}},
        {"TooLarge", mail_to("b@x.example", big), {5, 3, 4}},
        {"EightBit", eight, {5, 6, 3}},
        {"Utf8", utf8, {5, 6, 7}},
        {"Utf8Address", mail_to("\xE4\xBA\xBA@x.example"), {5, 6, 7}},
        {"NoLineEnd", mail_to("b@x.example", "Subject: x"), {5, 6, 0}},
        {"NoMessage", mail_to("b@x.example", ""), {5, 6, 0}},
    };
    auto s = server_script::good(true);
    s.replies["EHLO"] = {"250-x\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"};
    for (const auto& row : rows)
    {
        const auto r = run(s, {row.mail, mail_to("b@x.example")});
        ASSERT_EQ(r.results.size(), 2u) << row.name;
        EXPECT_EQ(r.results[0].verdict, verdict::refused_locally) << row.name;
        EXPECT_EQ(r.results[0].enhanced, row.code) << row.name;
        EXPECT_EQ(r.results[0].code, 0) << row.name;
        EXPECT_EQ(r.results[1].verdict, verdict::delivered) << row.name;
        EXPECT_EQ(r.commands.size(), 5u) << row.name;
        EXPECT_EQ(r.end.messages, 1u) << row.name;
    }
}

TEST(Smuggling, EndOfDataVariantsInsideAMessage)
{
    const std::string second =
        "MAIL FROM:<e@v>\r\nRCPT TO:<i@l>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n";
    const std::string variants[] = {"\n.\n",   "\n.\r\n", "\r\n.\n",     "\r.\r",    "\r.\r\n",
                                    "\r\n.\r", "\n.\r",   "\r\n.\r\r\n", "\r\n.\r\n"};
    for (const auto& v : variants)
    {
        const std::string message = "Subject: x\r\n\r\nHello" + v + second;
        const auto r = run(server_script::good(true), {mail_to("b@x.example", message)});
        ASSERT_EQ(r.results.size(), 1u);
        if (v == "\r\n.\r\n") // the one that is text like any other: stuffed
        {
            EXPECT_EQ(r.results[0].verdict, verdict::delivered);
            EXPECT_THAT(r.bodies, ElementsAre(message));
            EXPECT_EQ(r.commands.size(), 5u);
        }
        else
        {
            EXPECT_EQ(r.results[0].verdict, verdict::refused_locally);
            EXPECT_THAT(r.wire, ::testing::Not(HasSubstr("MAIL")));
        }
    }
}

// --- hostile text (T7, T12) -------------------------------------------------------------------

TEST(Hostile, RepliesAreCleanedBeforeAnybodySeesThem)
{
    auto s = server_script::good(true);
    s.replies["RCPT"] = {"550-5.1.1 \x1B[31m<script>\r\n550-5.1.1 a\rb\xFF\r\n550 5.1.1 x\r\n"};
    const auto r = run(s, {mail_to("b@x.example")});
    EXPECT_EQ(r.results.at(0).text, "5.1.1 ?[31m<script> 5.1.1 a?b? 5.1.1 x");
}

TEST(Hostile, FloodsEndTheSessionWithinLimits)
{
    std::string lines;
    for (int i = 0; i < 100'000; ++i)
    {
        lines += "250-x\r\n";
    }
    for (const std::string& flood : {lines, std::string(1 << 20, 'x'),
                                     "250 " + std::string(4096, 'y'), std::string(5000, '\0')})
    {
        auto s = server_script::good(true);
        s.replies["EHLO"] = {flood};
        rig_options o;
        o.injected.read_bytes_max = 1000;
        const auto r = run(s, {mail_to("b@x.example")}, o);
        EXPECT_EQ(r.end.reason, end_reason::protocol_error);
        EXPECT_LE(r.end.text.size(), clean_text_bytes_max);
        EXPECT_LT(r.steps, 40);
    }
}

// --- a fault at every step --------------------------------------------------------------------

struct dialogue
{
    const char* name;
    server_script script;
    std::deque<permission> permissions;
};

std::vector<dialogue> dialogues()
{
    std::vector<dialogue> all;
    for (const bool pipelining : {true, false})
    {
        all.push_back({"plain", server_script::good(pipelining), {}});
        all.push_back({"tls", server_script::good(pipelining, true), {}});
        all.push_back(
            {"wait",
             server_script::good(pipelining),
             {permission::wait, permission::granted, permission::wait, permission::refused}});
        auto refusing = server_script::good(pipelining);
        refusing.replies["RCPT"] = {"550 5.1.1 no\r\n", "250 ok\r\n", "450 4.2.1 later\r\n"};
        all.push_back({"lone dot", refusing, {}});
        refusing.replies["DATA"] = {"503 no\r\n", "354 go\r\n", "503 no\r\n"};
        all.push_back({"rset", refusing, {}});
        auto helo = server_script::good(pipelining);
        helo.replies["EHLO"] = {"500 what\r\n"};
        all.push_back({"helo", helo, {}});
    }
    return all;
}

TEST(FaultAtEveryStep, EachMessageHasOneResult)
{
    const std::vector<envelope> messages = {mail_to("b@x.example", dotted_message),
                                            mail_to("c@x.example"), mail_to("d@x.example")};
    for (const auto& d : dialogues())
    {
        rig_options base;
        base.permissions = d.permissions;
        const int steps = run(d.script, messages, base).steps;
        ASSERT_GT(steps, 8);
        for (const auto kind :
             {fault_kind::close, fault_kind::close_half_written, fault_kind::close_all_written,
              fault_kind::time_out, fault_kind::garbage, fault_kind::closing_421})
        {
            for (int step = 0; step < steps; ++step)
            {
                for (const std::size_t chunk : {0u, 7u})
                {
                    rig_options o = base;
                    o.injected = {kind, step, chunk};
                    SCOPED_TRACE(std::string(d.name) + " fault " +
                                 std::to_string(static_cast<int>(kind)) + " at " +
                                 std::to_string(step));
                    const auto r = run(d.script, messages, o);
                    ASSERT_TRUE(r.finished);
                }
            }
        }
    }
}

TEST(FaultAtEveryStep, OneByteAtATimeChangesNothing)
{
    const std::vector<envelope> messages = {mail_to("b@x.example", dotted_message),
                                            mail_to("c@x.example")};
    for (const auto& d : dialogues())
    {
        rig_options o;
        o.permissions = d.permissions;
        const auto whole = run(d.script, messages, o);
        o.injected.read_bytes_max = 1;
        const auto bytes = run(d.script, messages, o);
        ASSERT_EQ(whole.results.size(), bytes.results.size()) << d.name;
        for (std::size_t i = 0; i < whole.results.size(); ++i)
        {
            EXPECT_EQ(whole.results[i].verdict, bytes.results[i].verdict) << d.name;
            EXPECT_EQ(whole.results[i].stage, bytes.results[i].stage) << d.name;
        }
        EXPECT_EQ(whole.wire, bytes.wire) << d.name;
    }
}

} // namespace
} // namespace hikyaku::smtp
