#include <hikyaku/shaping/source_choice.h>

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace hikyaku::shaping
{
namespace
{

bool always(std::size_t)
{
    return true;
}

source_rule named(std::string name)
{
    source_rule s;
    s.name = std::move(name);
    return s;
}

/// "where: text" of what is wrong.
std::vector<std::string> errors_of(std::vector<source_rule> sources,
                                   const std::vector<pool_request>& pools)
{
    std::vector<std::string> out;
    const auto made = source_table::make(std::move(sources), pools, "mail.example");
    if (made.has_error())
    {
        for (const auto& e : made.error())
        {
            out.push_back(e.where + ": " + e.text);
        }
    }
    return out;
}

using texts = std::vector<std::string>;

TEST(SourceTable, WithoutSourcesTheSystemChooses)
{
    const auto table = source_table::make({}, {}, "mail.example").value();
    ASSERT_EQ(table.sources().size(), 1U);
    EXPECT_EQ(table.sources()[0].name, "default");
    EXPECT_EQ(table.sources()[0].ehlo_name, "mail.example");
    EXPECT_TRUE(table.sources()[0].uses_v4() && table.sources()[0].uses_v6());
    EXPECT_EQ(table.default_pool().shares, (std::vector<pool_share>{{0, 1}}));
}

TEST(SourceTable, WithoutPoolsAllSourcesShareEvenly)
{
    const auto table = source_table::make({named("a"), named("b")}, {}, "mail.example").value();
    EXPECT_EQ(table.default_pool().shares, (std::vector<pool_share>{{0, 1}, {1, 1}}));
}

TEST(SourceTable, FindsSourcesAndPools)
{
    source_rule b = named("b");
    b.address_v6 = "2001:db8::1";
    b.ehlo_name = "b.example";
    const auto table =
        source_table::make({named("a"), b}, {{"default", {{"a", 1}}}, {"new", {{"b", 7}}}}, "m")
            .value();
    EXPECT_EQ(table.find("b"), 1U);
    EXPECT_EQ(table.find("c"), std::nullopt);
    EXPECT_EQ(table.sources()[0].ehlo_name, "m");
    EXPECT_EQ(table.sources()[1].ehlo_name, "b.example");
    EXPECT_FALSE(table.sources()[1].uses_v4());
    ASSERT_NE(table.find_pool("new"), nullptr);
    EXPECT_EQ(table.find_pool("new")->shares, (std::vector<pool_share>{{1, 7}}));
    EXPECT_EQ(table.find_pool("old"), nullptr);
}

TEST(SourceTable, TellsEverythingThatIsWrong)
{
    source_rule wrong = named("a b");
    wrong.address_v4 = "2001:db8::1";
    wrong.address_v6 = "192.0.2.1";
    wrong.ehlo_name = "not a host";
    wrong.ptr_names = {"-x"};
    EXPECT_EQ(errors_of({wrong}, {}),
              (texts{"sources[0].name: a source needs a name of letters, digits, '-', '_' and '.'",
                     "sources[0].address_v4: expected an IPv4 address",
                     "sources[0].address_v6: expected an IPv6 address",
                     "sources[0].ehlo_name: expected a host name such as mail.example.com",
                     "sources[0].ptr_names: expected at most 16 host names"}));
    EXPECT_EQ(errors_of({named("a"), named("a")}, {}),
              (texts{"sources[1]: there are two sources called \"a\""}));
    EXPECT_EQ(errors_of({named("a")}, {{"default", {{"a", 0}, {"b", 1}, {"a", 1001}}}}),
              (texts{"pools.default[0].weight: a weight is 1 to 1000",
                     "pools.default[1].source: there is no source called \"b\"",
                     "pools.default[2].source: the source \"a\" is in the pool twice",
                     "pools.default[2].weight: a weight is 1 to 1000"}));
    EXPECT_EQ(errors_of({named("a")}, {{"x", {}}}),
              (texts{"pools.x: a pool needs at least one source",
                     "pools: a pool called default is needed"}));
    EXPECT_EQ(errors_of(std::vector<source_rule>(1001, named("a")), {}),
              (texts{"sources: at most 1000 are allowed"}));
}

TEST(SourceTable, RefusesAddressesThatAreNone)
{
    for (const char* text : {"192.0.2", "192.0.2.256", "192.0.2.010", " 192.0.2.1", "::1", "x"})
    {
        source_rule s = named("a");
        s.address_v4 = text;
        EXPECT_EQ(errors_of({s}, {}).size(), 1U) << text;
    }
    for (const char* text : {"2001:db8", "192.0.2.1", "fe80::1%eth0", "[::1]"})
    {
        source_rule s = named("a");
        s.address_v6 = text;
        EXPECT_EQ(errors_of({s}, {}).size(), 1U) << text;
    }
}

TEST(SourceTable, NumbersStayWithNames)
{
    auto table = source_table::make({named("a"), named("b")}, {}, "m").value();
    EXPECT_EQ(table.number_of(0), 0);
    EXPECT_EQ(*table.assign_numbers({{2, "old"}, {9, "b"}}),
              (std::vector<numbered_source>{{1, "a"}}));
    EXPECT_EQ(table.number_of(0), 1);
    EXPECT_EQ(table.number_of(1), 9);
    EXPECT_EQ(table.find_number(9), 1U);
    EXPECT_EQ(table.find_number(2), std::nullopt);
    EXPECT_EQ(table.find_number(0), std::nullopt);
    std::vector<numbered_source> all;
    for (unsigned n = 1; n <= 65'535; ++n)
    {
        all.push_back({static_cast<source_number>(n), "n" + std::to_string(n)});
    }
    EXPECT_TRUE(table.assign_numbers(all).has_error());
    EXPECT_EQ(table.number_of(1), 9) << "nothing changes";
}

TEST(SourceRotation, MixesByWeight)
{
    source_rotation rotation({"p", {{0, 5}, {1, 1}, {2, 1}}});
    std::string order;
    for (int i = 0; i < 14; ++i)
    {
        order += std::to_string(rotation.next(always).value());
    }
    EXPECT_EQ(order, "00102000010200");
}

TEST(SourceRotation, TakesOnlyWhatIsAvailable)
{
    source_rotation rotation({"p", {{0, 1}, {1, 1}}});
    for (int i = 0; i < 5; ++i)
    {
        EXPECT_EQ(rotation.next([](std::size_t s) { return s == 1; }), 1U);
    }
    EXPECT_EQ(rotation.next([](std::size_t) { return false; }), std::nullopt);
    std::map<std::size_t, int> counts;
    for (int i = 0; i < 10; ++i)
    {
        ++counts[rotation.next(always).value()];
    }
    EXPECT_LE(counts[0], 6) << "it is not owed the turns it was away";
}

TEST(SourceRotation, EveryStretchIsFairWhateverCameBefore)
{
    const std::vector<std::uint32_t> weights{7, 1, 3, 1000, 20};
    const std::int64_t round = 7 + 1 + 3 + 1000 + 20;
    for (unsigned seed = 1; seed <= 30; ++seed)
    {
        std::mt19937 random(seed);
        pool_rule pool{"p", {}};
        for (std::size_t i = 0; i < weights.size(); ++i)
        {
            pool.shares.push_back({i, weights[i]});
        }
        source_rotation rotation(pool);
        for (int i = 0; i < 3'000; ++i)
        {
            const auto mask = random();
            static_cast<void>(
                rotation.next([&](std::size_t s) { return ((mask >> s) & 1U) != 0; }));
        }
        std::map<std::size_t, std::int64_t> counts;
        for (std::int64_t n = 1; n <= 3 * round; ++n)
        {
            ++counts[rotation.next(always).value()];
            for (std::size_t s = 0; s < weights.size(); ++s)
            {
                const std::int64_t off = counts[s] * round - n * weights[s];
                ASSERT_LT(std::abs(off), 2 * round * round) << seed << " " << s;
            }
        }
        for (std::size_t s = 0; s < weights.size(); ++s)
        {
            EXPECT_NEAR(static_cast<double>(counts[s]), 3.0 * weights[s], 3.0) << seed << " " << s;
        }
    }
}

TEST(ChooseSource, ARetryKeepsItsSource)
{
    source_rotation rotation({"p", {{0, 1}, {1, 1}}});
    for (int i = 0; i < 3; ++i)
    {
        EXPECT_EQ(choose_source(rotation, 1, always), 1U);
    }
    EXPECT_EQ(choose_source(rotation, 1, [](std::size_t s) { return s == 0; }), std::nullopt)
        << "it waits";
    EXPECT_EQ(choose_source(rotation, 5, always), 0U) << "not in the pool any more";
    EXPECT_EQ(choose_source(rotation, std::nullopt, always), 1U);
}

} // namespace
} // namespace hikyaku::shaping
