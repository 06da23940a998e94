#include "fixture.h"

#include <hikyaku/resolver/source_check.h>

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <optional>

namespace hikyaku::resolver::test
{
namespace
{

using dns::response_code;

dns::ip_address ip(const char* text)
{
    return *dns::parse_ip(text);
}

TEST(SourceCheckNames, AreReversed)
{
    EXPECT_EQ(ptr_name(ip("192.0.2.10")), "10.2.0.192.in-addr.arpa");
    EXPECT_EQ(ptr_name(ip("2001:db8::567:89ab")),
              "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    EXPECT_EQ(dnsbl_name(ip("192.0.2.99"), "bl.example"), "99.2.0.192.bl.example");
}

TEST(SourceCheckLists, OnlyTheListNetworkLists)
{
    EXPECT_EQ(is_listed({}), false);
    EXPECT_EQ(is_listed({ip("127.0.0.2")}), true);
    EXPECT_EQ(is_listed({ip("192.0.2.1")}), std::nullopt) << "a parked zone";
    EXPECT_EQ(is_listed({ip("127.255.255.254")}), std::nullopt) << "the list refuses to tell";
    EXPECT_EQ(is_listed({ip("127.255.255.254"), ip("127.0.0.4")}), true);
}

class SourceCheckTest : public ResolverTest
{
protected:
    void ptr(const std::string& at, const std::string& name)
    {
        server.answer(at, record_type::ptr,
                      [=](packet p) { return p.answer(at, 12, 60, wire_name(name)); });
    }
    void a(const std::string& name, const std::string& address)
    {
        server.answer(name, record_type::a, [=](packet p) { return p.address(name, address); });
    }
    void fails(const std::string& name, record_type type)
    {
        server.answer(name, type, [](packet p) { return p.code(response_code::server_failure); });
    }
    static std::string wire_name(const std::string& name)
    {
        std::string out;
        for (std::size_t from = 0; from < name.size();)
        {
            const auto dot = std::min(name.find('.', from), name.size());
            out += static_cast<char>(dot - from);
            out += name.substr(from, dot - from);
            from = dot + 1;
        }
        return out + '\0';
    }
    /// "check ok|bad|unknown: detail" of every finding.
    std::vector<std::string> check(const checked_source& source,
                                   const std::vector<std::string>& zones = {})
    {
        std::optional<std::vector<source_finding>> found;
        asio::co_spawn(
            context, check_source(*dut, time, source, zones),
            [&found](const std::exception_ptr& error, std::vector<source_finding> findings)
            {
                EXPECT_EQ(error, nullptr);
                found = std::move(findings);
            });
        run_until([&found] { return found.has_value(); });
        std::vector<std::string> out;
        for (const auto& f : *found)
        {
            EXPECT_EQ(f.source, source.name);
            out.push_back(std::string(to_string(f.check)) + " " +
                          (f.ok ? *f.ok ? "ok" : "bad" : "unknown") + ": " + f.detail);
        }
        return out;
    }

    const checked_source source{"one", {ip("192.0.2.1")}, "mail.example", {}};
    const std::string reverse = "1.2.0.192.in-addr.arpa";
    using texts = std::vector<std::string>;
};

TEST_F(SourceCheckTest, EverythingIsInOrder)
{
    make(options());
    ptr(reverse, "Mail.example");
    a("mail.example", "192.0.2.1");
    EXPECT_EQ(check(source, {"bl.example"}),
              (texts{"ptr ok: mail.example", "forward_confirmed ok: mail.example",
                     "ehlo_name ok: mail.example", "dnsbl ok: bl.example"}));
}

TEST_F(SourceCheckTest, NothingIsThere)
{
    make(options());
    EXPECT_EQ(check(source), (texts{"ptr bad: no PTR record at " + reverse,
                                    "forward_confirmed bad: no name to confirm",
                                    "ehlo_name bad: mail.example has no address of this family"}));
    EXPECT_EQ(check({"one", {}, "mail.example", {}}),
              (texts{"ehlo_name bad: mail.example has no address"}));
}

TEST_F(SourceCheckTest, NamesThatLeadElsewhere)
{
    make(options());
    ptr(reverse, "other.example");
    a("other.example", "192.0.2.9");
    a("mail.example", "192.0.2.8");
    server.answer("1.2.0.192.bl.example", record_type::a,
                  [](packet p) { return p.address("1.2.0.192.bl.example", "127.0.0.2"); });
    checked_source wants = source;
    wants.ptr_names = {"mail.example"};
    EXPECT_EQ(check(wants, {"bl.example"}),
              (texts{"ptr bad: other.example, expected mail.example",
                     "forward_confirmed bad: other.example does not lead back to the address",
                     "ehlo_name bad: mail.example does not lead to the address",
                     "dnsbl bad: bl.example lists it: 127.0.0.2"}));
}

TEST_F(SourceCheckTest, NoAnswerMeansNothingIsKnown)
{
    make(options());
    fails(reverse, record_type::ptr);
    fails("mail.example", record_type::a);
    fails("1.2.0.192.bl.example", record_type::a);
    const auto found = check(source, {"bl.example"});
    ASSERT_EQ(found.size(), 4U);
    for (const auto& f : found)
    {
        EXPECT_NE(f.find(" unknown: "), std::string::npos) << f;
    }
}

TEST_F(SourceCheckTest, ASourceOfTheSystemsChoiceHasItsName)
{
    make(options());
    a("mail.example", "192.0.2.77");
    EXPECT_EQ(check({"default", {}, "mail.example", {}}), (texts{"ehlo_name ok: mail.example"}));
}

} // namespace
} // namespace hikyaku::resolver::test
