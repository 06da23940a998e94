#include <hikyaku/base/bytes.h>
#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

namespace hikyaku
{
namespace
{

TEST(Time, Rfc3339RoundTrips)
{
    const auto t = parse_rfc3339("2026-11-24T09:00:00+09:00");
    ASSERT_TRUE(t.has_value());
    EXPECT_EQ(format_rfc3339(*t, 540), "2026-11-24T09:00:00.000+09:00");
    EXPECT_EQ(format_rfc3339(*t, 0), "2026-11-24T00:00:00.000+00:00");
    EXPECT_EQ(format_rfc3339(*t, -330), "2026-11-23T18:30:00.000-05:30");
    EXPECT_EQ(to_unix_ms(*parse_rfc3339("1970-01-01T00:00:00.1234Z")), 123);
}

TEST(Time, BadTimesAreRefused)
{
    for (const char* bad :
         {"", "2026-11-24", "2026-02-30T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T00:00:00",
          "2026-11-24T00:00:00.Z", "2026-11-24T00:00:00+9", "2026-11-24T00:00:00Zx"})
    {
        EXPECT_TRUE(parse_rfc3339(bad).has_error()) << bad;
    }
}

TEST(Time, Durations)
{
    EXPECT_EQ(parse_duration("72h")->count(), 72 * 3'600'000);
    EXPECT_EQ(parse_duration("250ms")->count(), 250);
    for (const char* bad :
         {"", "h", "-1h", "0s", "1w", "99999999999999999999h", "9223372036854775807d"})
    {
        EXPECT_TRUE(parse_duration(bad).has_error()) << bad;
    }
}

TEST(Id, RoundTripsAndSorts)
{
    EXPECT_EQ(parse_id("cmp", format_id("cmp", 0)), 0U);
    EXPECT_EQ(parse_id("cmp", format_id("cmp", ~0ULL)), ~0ULL);
    EXPECT_LT(format_id("cmp", 41), format_id("cmp", 1ULL << 40));
    EXPECT_FALSE(parse_id("cmp", format_id("con", 7)));
    EXPECT_FALSE(parse_id("cmp", "cmp_gzzzzzzzzzzzz"));
    EXPECT_FALSE(parse_id("cmp", "cmp_0000000000000 "));
    EXPECT_FALSE(parse_id("cmp", "cmp_000000000000I"));
}

TEST(Id, SourceNeverRepeatsAcrossThreads)
{
    id_source ids(system_clock());
    std::vector<std::vector<std::uint64_t>> drawn(4);
    std::vector<std::thread> threads;
    for (auto& mine : drawn)
    {
        threads.emplace_back(
            [&ids, &mine]
            {
                for (int i = 0; i < 50'000; ++i)
                {
                    mine.push_back(ids.next());
                }
            });
    }
    for (auto& t : threads)
    {
        t.join();
    }
    std::set<std::uint64_t> all;
    for (const auto& mine : drawn)
    {
        EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
        all.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(all.size(), 200'000U);
}

TEST(Bytes, ReaderNeverPassesTheEnd)
{
    std::string out;
    put_be<std::uint32_t>(out, 0xDEADBEEF);
    put_varint(out, 300);
    put_string(out, "abc");
    byte_reader whole(out);
    EXPECT_EQ(whole.be<std::uint32_t>(), 0xDEADBEEF);
    EXPECT_EQ(whole.varint(), 300U);
    EXPECT_EQ(whole.string(), "abc");
    EXPECT_TRUE(whole.ok() && whole.at_end());
    for (std::size_t cut = 0; cut < out.size(); ++cut)
    {
        byte_reader part(std::string_view(out).substr(0, cut));
        (void)part.be<std::uint32_t>();
        (void)part.varint();
        (void)part.string();
        EXPECT_FALSE(part.ok());
    }
    byte_reader endless(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11));
    EXPECT_EQ(endless.varint(), 0U);
    EXPECT_FALSE(endless.ok());
}

TEST(Bytes, Zigzag)
{
    for (const std::int64_t v :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, INT64_MIN, INT64_MAX})
    {
        EXPECT_EQ(unzigzag(zigzag(v)), v);
    }
}

} // namespace
} // namespace hikyaku
