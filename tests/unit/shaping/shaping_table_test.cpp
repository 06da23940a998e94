#include <hikyaku/shaping/shaping_table.h>

#include <gtest/gtest.h>

#include <set>

namespace hikyaku::shaping
{
namespace
{

using namespace std::chrono_literals;

limits_patch connections(std::uint32_t n)
{
    limits_patch patch;
    patch.connections_max = n;
    return patch;
}

provider_rule rule(std::string name, std::vector<std::string> suffixes,
                   std::vector<std::string> domains, limits_patch patch)
{
    return {std::move(name), std::move(suffixes), std::move(domains), std::move(patch)};
}

limits_layer layer_of(const effective_limits& e, std::string_view key)
{
    for (const limit_origin& origin : e.trace)
    {
        if (origin.key == key)
        {
            return origin.layer;
        }
    }
    ADD_FAILURE() << key;
    return limits_layer::built_in;
}

const std::vector<std::string> google_mx = {"ASPMX.L.Google.com.", "alt1.aspmx.l.google.com"};

TEST(ShapingTable, EmptyIsTheBuiltInDefaults)
{
    const auto e = shaping_table{}.effective("example.com", {});
    EXPECT_EQ(e.limits, site_limits{});
    EXPECT_EQ(e.provider, "");
    for (const limit_origin& origin : e.trace)
    {
        EXPECT_EQ(origin.layer, limits_layer::built_in);
    }
}

TEST(ShapingTable, LayersWinInOrder)
{
    shaping_table table;
    limits_patch base = connections(7);
    base.messages_per_connection = 70;
    base.tls = tls_mode::verified;
    base.idle_max = 7s;
    ASSERT_TRUE(table.set_default(base).has_value());
    limits_patch google = connections(5);
    google.messages_per_connection = 50;
    google.tls = tls_mode::required;
    ASSERT_TRUE(table.add_provider(rule("google", {".google.com"}, {}, google)).has_value());
    limits_patch site = connections(3);
    site.messages_per_connection = 30;
    ASSERT_TRUE(table.add_site("Alt1.ASPMX.l.google.com.", site).has_value());
    ASSERT_TRUE(table.add_domain("Shop.Example", connections(1)).has_value());

    const auto e = table.effective("shop.example.", google_mx);
    EXPECT_EQ(e.provider, "google");
    EXPECT_EQ(e.limits.connections_max, 1U);
    EXPECT_EQ(e.limits.connections_initial, 1U) << "at most connections_max";
    EXPECT_EQ(layer_of(e, "connections_max"), limits_layer::domain);
    EXPECT_EQ(e.limits.messages_per_connection, 30U);
    EXPECT_EQ(layer_of(e, "messages_per_connection"), limits_layer::site);
    EXPECT_EQ(e.limits.tls, tls_mode::required);
    EXPECT_EQ(layer_of(e, "tls"), limits_layer::provider);
    EXPECT_EQ(e.limits.idle_max, 7s);
    EXPECT_EQ(layer_of(e, "idle_max"), limits_layer::defaults);
    EXPECT_EQ(layer_of(e, "session_max"), limits_layer::built_in);
}

TEST(ShapingTable, MatchesTheLongestSuffixOnLabelBounds)
{
    shaping_table table;
    ASSERT_TRUE(table.add_provider(rule("m365", {".outlook.com"}, {}, {})).has_value());
    ASSERT_TRUE(table.add_provider(rule("olc", {".olc.outlook.com"}, {}, {})).has_value());
    ASSERT_TRUE(
        table.add_provider(rule("one", {"mx.one.example"}, {"vanity.example"}, {})).has_value());
    struct
    {
        const char* domain;
        std::vector<std::string> mx;
        const char* provider;
    } const rows[] = {
        {"a.example", {"x.olc.outlook.com"}, "olc"},
        {"a.example", {"x.y.mail.outlook.com"}, "m365"},
        {"a.example", {"outlook.com"}, ""},
        {"a.example", {"evil-outlook.com"}, ""},
        {"a.example", {"outlook.com.evil.example"}, ""},
        {"a.example", {"mx.one.example"}, "one"},
        {"a.example", {"sub.mx.one.example"}, ""},
        {"a.example", {"backup.a.example", "x.olc.outlook.com"}, "olc"},
        {"vanity.example", {"x.olc.outlook.com"}, "one"},
        {"a.example", {""}, ""},
        {"a.example", {"."}, ""},
        {"a.example", {std::string(100'000, '.')}, ""},
    };
    for (const auto& row : rows)
    {
        EXPECT_EQ(table.provider_of(row.domain, row.mx), row.provider)
            << row.mx.front().substr(0, 40);
        EXPECT_EQ(table.effective(row.domain, row.mx).provider, row.provider);
    }
}

TEST(ShapingTable, NoneRemovesARate)
{
    shaping_table table;
    limits_patch none;
    none.message_rate = std::optional<rate>{};
    ASSERT_TRUE(table.add_domain("relay.example", none).has_value());
    EXPECT_EQ(table.effective("relay.example", {}).limits.message_rate, std::nullopt);
    EXPECT_NE(table.effective("other.example", {}).limits.message_rate, std::nullopt);
}

TEST(ShapingTable, RefusesBadInputAndStaysUnchanged)
{
    shaping_table table;
    ASSERT_TRUE(table.add_provider(rule("a", {".a.example"}, {"a.example"}, {})).has_value());
    EXPECT_TRUE(table.add_provider(rule("a", {".b.example"}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {".b.example", ".A.example"}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {".b.example"}, {"A.example"}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {".b.example", ".B.example"}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {"."}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {"..x"}, {}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {}, {".dot.example"}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {}, {"日本.example"}, {})).has_error());
    EXPECT_TRUE(table.add_provider(rule("b", {".b.example"}, {}, connections(0))).has_error());
    EXPECT_EQ(table.provider_of("x.example", std::vector<std::string>{"mx.b.example"}), "");
    EXPECT_TRUE(table.add_provider(rule("b", {".b.example"}, {}, {})).has_value());

    EXPECT_TRUE(table.set_default(connections(10'001)).has_error());
    EXPECT_TRUE(table.add_domain("", {}).has_error());
    EXPECT_TRUE(table.add_domain("a b", {}).has_error());
    EXPECT_TRUE(table.add_site("mx.example", connections(2)).has_value());
    const auto twice = table.add_site("MX.example.", connections(3));
    ASSERT_TRUE(twice.has_error());
    EXPECT_NE(twice.error().text.find("given twice"), std::string::npos);
}

TEST(Limits, EachKeyIsListedOnceAndChecked)
{
    std::set<std::string_view> keys;
    for_each_limit([&](std::string_view key, auto, auto) { keys.insert(key); });
    EXPECT_EQ(keys.size(), 18U);
    limits_patch patch;
    patch.idle_max = 0ms;
    const auto checked = check_patch(patch);
    ASSERT_TRUE(checked.has_error());
    EXPECT_NE(checked.error().text.find("idle_max"), std::string::npos);
    limits_patch rated;
    rated.message_rate = rate{0, 1s, 1};
    EXPECT_TRUE(check_patch(rated).has_error());
    rated.message_rate = rate{1, 1s, 1};
    EXPECT_TRUE(check_patch(rated).has_value());
    EXPECT_EQ(parse_tls_mode("verified"), tls_mode::verified);
    EXPECT_EQ(parse_tls_mode("Verified"), std::nullopt);
    EXPECT_EQ(to_string(tls_mode::off), "off");
}

} // namespace
} // namespace hikyaku::shaping
