#include "fixture.h"

#include <hikyaku/resolver/spf_check.h>

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>

namespace hikyaku::resolver::test
{
namespace
{

using dns::response_code;
using dns::spf_result;

class SpfCheckTest : public ResolverTest
{
protected:
    void txt(const std::string& name, const std::string& text)
    {
        server.answer(name, record_type::txt,
                      [=](packet p)
                      {
                          std::string data(1, static_cast<char>(text.size()));
                          return p.answer(name, 16, 60, data + text);
                      });
    }
    void a(const std::string& name, const std::string& ip)
    {
        server.answer(name, record_type::a, [=](packet p) { return p.address(name, ip); });
    }
    void silent(const std::string& name, record_type type)
    {
        server.on(name, type, [](const question&, bool) { return dns_server::reply{}; });
    }
    dns::spf_verdict check(const std::string& from, milliseconds timeout = spf_timeout)
    {
        dns::spf_request request;
        request.ip = *dns::parse_ip("192.0.2.1");
        request.mail_from = from;
        request.helo = "OEM COMPUTER";
        std::optional<dns::spf_verdict> out;
        asio::co_spawn(context, check_spf(*dut, time, request, timeout),
                       [&out](const std::exception_ptr& error, dns::spf_verdict verdict)
                       {
                           EXPECT_EQ(error, nullptr);
                           out = std::move(verdict);
                       });
        run_until([&out] { return out.has_value(); });
        return out.value_or(dns::spf_verdict{});
    }
};

TEST_F(SpfCheckTest, AsksUntilThereIsAVerdict)
{
    make(options());
    txt("example.jp", "v=spf1 a:%{h}.jp include:other.jp exists:%{l}.%{ir}.%{d} -all");
    server.answer("other.jp", record_type::txt,
                  [](packet p) { return p.cname("other.jp", "real.jp"); });
    txt("real.jp", "v=spf1 mx -all");
    server.answer("other.jp", record_type::mx,
                  [](packet p) { return p.mx("other.jp", 1, "m.jp"); });
    a("m.jp", "192.0.2.9");
    a("odd\xE4 one.1.2.0.192.example.jp", "127.0.0.2");
    const auto verdict = check("Odd\xE4 One@example.jp");
    EXPECT_EQ(verdict.result, spf_result::pass) << verdict.reason;
    EXPECT_EQ(verdict.mechanism, "exists:%{l}.%{ir}.%{d}");
    EXPECT_EQ(verdict.lookups, 4U);
    EXPECT_EQ(server.asked("oem computer.jp", record_type::a), 1);
}

TEST_F(SpfCheckTest, ErrorsAndEmptyAnswersDiffer)
{
    make(options());
    txt("refused.jp", "v=spf1 a:bad.jp -all");
    txt("empty.jp", "v=spf1 a:nothing.jp a:nx.jp -all");
    server.answer("bad.jp", record_type::a,
                  [](packet p) { return p.code(response_code::refused); });
    server.answer("nx.jp", record_type::a,
                  [](packet p) { return p.code(response_code::name_error); });
    const auto refused = check("a@refused.jp");
    EXPECT_EQ(refused.result, spf_result::temperror);
    EXPECT_EQ(refused.reason, "REFUSED for A of bad.jp");
    EXPECT_EQ(check("a@empty.jp").result, spf_result::fail);
    EXPECT_EQ(check("a@nx.jp").result, spf_result::none);
}

TEST_F(SpfCheckTest, LongRecordsComeOverTcp)
{
    make(options());
    server.on("example.jp", record_type::txt,
              [](const question& q, bool over_tcp)
              {
                  const unsigned flags = dns::test::response_flags | dns::test::truncated_flag;
                  packet cut(q, static_cast<std::uint16_t>(flags));
                  packet whole(q);
                  whole.answer(q.name, 16, 60, "\x0bv=spf1 +all");
                  return dns_server::reply{(over_tcp ? whole : cut).bytes()};
              });
    EXPECT_EQ(check("a@example.jp").result, spf_result::pass);
}

TEST_F(SpfCheckTest, AServerThatIsSilent)
{
    make(impatient());
    txt("slow.jp", "v=spf1 a:gone.jp -all");
    txt("why.jp", "v=spf1 -all exp=gone.jp");
    silent("gone.jp", record_type::a);
    silent("gone.jp", record_type::txt);
    EXPECT_EQ(check("a@slow.jp").result, spf_result::temperror);
    EXPECT_EQ(check("a@gone.jp").result, spf_result::temperror);
    EXPECT_EQ(check("a@why.jp").result, spf_result::fail);
}

TEST_F(SpfCheckTest, TheDeadlineEndsItBeforeTheTriesDo)
{
    auto o = options();
    o.try_timeout = std::chrono::hours{1};
    make(o);
    txt("slow.jp", "v=spf1 a:gone.jp -all");
    silent("gone.jp", record_type::a);
    const auto verdict = check("a@slow.jp", milliseconds{50});
    EXPECT_EQ(verdict.result, spf_result::temperror);
    EXPECT_EQ(verdict.reason, "no answer in time for A of gone.jp");
    EXPECT_EQ(dut->stats().deadline_passed, 1U);
}

TEST_F(SpfCheckTest, TheResolverMayGoFirst)
{
    make(options());
    silent("example.jp", record_type::txt);
    bool called = false;
    dut->look_up("example.jp", record_type::txt, time.mono() + std::chrono::hours{1},
                 [&called](const dns::rrset&) { called = true; });
    run_until([this] { return server.asked("example.jp", record_type::txt) == 1; });
    dut.reset();
    context.restart();
    context.poll();
    EXPECT_FALSE(called);
}

} // namespace
} // namespace hikyaku::resolver::test
