#include "packet.h"

#include <hikyaku/dns/name.h>
#include <hikyaku/dns/rrset.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::dns
{
namespace
{

using test::packet;

TEST(SpfWire, QueryNamesHoldAnyByte)
{
    const std::string odd = "Macro%percent  space.\xE4\x1f.Example.COM.";
    EXPECT_EQ(canonical_name(odd), std::nullopt);
    const auto name = canonical_query_name(odd);
    ASSERT_TRUE(name.has_value());
    EXPECT_EQ(*name, "macro%percent  space.\xE4\x1f.example.com");
    for (const std::string& bad : {std::string("a\0b.com", 7), std::string("a..b"),
                                   std::string(".a"), std::string(), std::string(64, 'x') + ".jp"})
    {
        EXPECT_EQ(canonical_query_name(bad), std::nullopt) << bad;
    }

    question q{7, *name, record_type::a, true};
    EXPECT_NE(make_query(q).find(test::wire_name(*name)), std::string::npos);
    const std::string response = packet(q).address(*name, "192.0.2.1").bytes();
    const auto read = parse_response(response, q);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(alias_walk(q.name, q.type).take(*read).status, rrset_status::found);
    q.any_name_bytes = false;
    EXPECT_TRUE(parse_response(response, q).has_error());

    q = {7, "example.com", record_type::a, true};
    packet dotted(q);
    dotted.answer("example.com", 5, 60, std::string_view("\3a.b\0", 5));
    EXPECT_TRUE(parse_response(dotted.bytes(), q).has_error()) << "one name, two readings";
}

TEST(SpfWire, PtrThroughAnAlias)
{
    const question q{1, "4.3.2.1.in-addr.arpa", record_type::ptr};
    packet p(q);
    p.cname(q.name, "4.sub.3.2.1.in-addr.arpa");
    p.answer("4.sub.3.2.1.in-addr.arpa", 12, 60, test::wire_name("Mail.Example.com"));
    p.answer("other.in-addr.arpa", 12, 60, test::wire_name("forged.example.com"));
    const rrset got = alias_walk(q.name, q.type).take(*parse_response(p.bytes(), q));
    ASSERT_EQ(got.records.size(), 1U);
    EXPECT_EQ(std::get<ptr_data>(got.records[0].data).target, "mail.example.com");
    EXPECT_STREQ(record_type_name(got.records[0].type), "PTR");
}

} // namespace
} // namespace hikyaku::dns
