#include <hikyaku/base/bytes.h>
#include <hikyaku/feed/outcome_index.h>

#include <gtest/gtest.h>

#include <rocksdb/env.h>

#include "../../../src/feed/outcome_rows.h"
#include "facts.h"

namespace hikyaku::feed
{
namespace
{

using namespace std::chrono_literals;

const tenant_id shop{7};
const tenant_id other{8};
const campaign_id news{42};
const campaign_id sale{43};
/// Its recipients were given with it.
const campaign_id given{44};

queue::fact make_fact(campaign_id c, std::uint32_t who, queue::disposition what)
{
    auto f = test::delivered(who);
    f.campaign = c;
    f.what = what;
    return f;
}

class OutcomeIndexTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        open_store();
        store::record r(platform_tenant);
        r.create_family(shop);
        r.create_family(other);
        db_->commit(std::move(r), store::commit_class::control);
        open_index();
    }
    void TearDown() override { index_.reset(); }
    void open_store()
    {
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
    }
    void open_index()
    {
        outcome_index_options o;
        o.gather = 1ms;
        o.has_contacts = [](tenant_id, campaign_id c) -> std::optional<bool>
        { return c.value > 50 ? std::nullopt : std::optional(c != given); };
        index_ = std::make_unique<outcome_index>(*db_, std::move(o));
    }
    void settle(tenant_id tenant, std::uint64_t seq, const std::vector<queue::fact>& facts)
    {
        queue::fact_block_writer writer;
        for (const auto& f : facts)
        {
            writer.add(f);
        }
        store::record r(tenant);
        r.put(store::space::data, queue::fact_key(seq), writer.finish());
        db_->commit(std::move(r), store::commit_class::outcome);
        if (index_)
        {
            index_->on_settled(tenant);
        }
    }
    /// "block.index campaign event" of each.
    static std::vector<std::string> told(const outcome_page& page)
    {
        std::vector<std::string> out;
        for (const auto& e : page.entries)
        {
            out.push_back(std::to_string(e.place.block) + "." + std::to_string(e.place.index) +
                          " " + std::to_string(e.what.campaign.value) + " " +
                          std::string(queue::to_string(e.what.what)) + " " +
                          std::to_string(e.what.who.value));
        }
        return out;
    }
    std::vector<std::string> of_contact(tenant_id tenant, std::uint32_t who)
    {
        const auto page = index_->of_recipient(tenant, {{}, ordinal{who}}, std::nullopt, 100);
        return page ? told(*page) : std::vector<std::string>{"error"};
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<outcome_index> index_;
};

TEST(OutcomeRowsTest, BytesAreAsDocumented)
{
    EXPECT_EQ(outcome_key({campaign_id{1}, ordinal{2}}, 3),
              std::string("X\0\0\0\0\0\0\0\x01\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xfc", 21));
    EXPECT_EQ(campaign_block_key(campaign_id{1}, 3),
              std::string("Y\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xfc", 17));
    EXPECT_EQ(folded_key(), "y");
    EXPECT_EQ(encode_number(300), std::string("\x01\xac\x02", 3));
    EXPECT_EQ(encode_outcomes({{200, queue::disposition::bounced, campaign_id{5}},
                               {1, queue::disposition::deferred, campaign_id{6}}}),
              std::string("\x01\xc8\x01\x03\0\0\0\0\0\0\0\x05\x01\x02\0\0\0\0\0\0\0\x06", 22));
    EXPECT_EQ(block_of_key(outcome_key({{}, ordinal{2}}, 77)), 77U);
}

TEST(OutcomeRowsTest, DamagedValuesAreRefused)
{
    const auto good = encode_outcomes({{1, queue::disposition::delivered, campaign_id{5}}});
    ASSERT_TRUE(decode_outcomes(good));
    EXPECT_FALSE(decode_outcomes(""));
    EXPECT_FALSE(decode_outcomes("\x02"));
    EXPECT_FALSE(decode_outcomes("\x01"));
    EXPECT_FALSE(decode_outcomes(good.substr(0, good.size() - 1)));
    EXPECT_FALSE(decode_number("\x01"));
    EXPECT_FALSE(decode_number(std::string("\x01\x01\x01", 3)));
}

TEST_F(OutcomeIndexTest, AContactsAttemptsComeNewestFirstOverAllCampaigns)
{
    using d = queue::disposition;
    settle(shop, 1, {make_fact(news, 1, d::deferred), make_fact(news, 2, d::delivered)});
    settle(shop, 2,
           {make_fact(sale, 1, d::bounced), make_fact(given, 1, d::delivered),
            make_fact(news, 1, d::delivered)});
    settle(other, 1, {make_fact(news, 1, d::failed)});
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    ASSERT_TRUE(index_->catch_up(other, 10s));
    EXPECT_EQ(
        of_contact(shop, 1),
        (std::vector<std::string>{"2.2 42 delivered 1", "2.0 43 bounced 1", "1.0 42 deferred 1"}));
    EXPECT_EQ(of_contact(shop, 2), (std::vector<std::string>{"1.1 42 delivered 2"}));
    EXPECT_EQ(of_contact(shop, 3), std::vector<std::string>{});
    EXPECT_EQ(of_contact(other, 1), (std::vector<std::string>{"1.0 42 failed 1"}));
    const auto own = index_->of_recipient(shop, {given, ordinal{1}}, std::nullopt, 10);
    ASSERT_TRUE(own.has_value());
    EXPECT_EQ(told(*own), (std::vector<std::string>{"2.1 44 delivered 1"}));
}

TEST_F(OutcomeIndexTest, PagesJoinWithoutGapOrRepeat)
{
    for (std::uint64_t seq = 1; seq <= 5; ++seq)
    {
        settle(shop, seq,
               {make_fact(news, 9, queue::disposition::deferred),
                make_fact(sale, 9, queue::disposition::deferred)});
    }
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    std::vector<std::string> all;
    std::optional<fact_place> before;
    for (int pages = 0; pages < 10; ++pages)
    {
        const auto page = index_->of_recipient(shop, {{}, ordinal{9}}, before, 3);
        ASSERT_TRUE(page.has_value());
        for (auto& line : told(*page))
        {
            all.push_back(std::move(line));
        }
        before = page->next;
        if (!before)
        {
            break;
        }
    }
    EXPECT_EQ(all, of_contact(shop, 9));
    EXPECT_EQ(all.size(), 10U);
}

TEST_F(OutcomeIndexTest, ACampaignsRecipientsComeOnceWithTheirLastFact)
{
    using d = queue::disposition;
    settle(shop, 1, {make_fact(news, 1, d::deferred), make_fact(news, 2, d::delivered)});
    settle(shop, 2, {make_fact(sale, 1, d::delivered), make_fact(news, 3, d::deferred)});
    settle(shop, 3, {make_fact(news, 1, d::delivered)});
    auto many = make_fact(news, 0, d::cancelled);
    many.count = 12;
    settle(shop, 4, {many});
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    const auto now = index_->of_campaign(shop, news, true, UINT64_MAX, std::nullopt, 10);
    ASSERT_TRUE(now.has_value());
    EXPECT_EQ(told(*now), (std::vector<std::string>{"3.0 42 delivered 1", "2.1 42 deferred 3",
                                                    "1.1 42 delivered 2"}));
    // As of block 2 the first had not come back: a walk that began then sees it once, too.
    const auto then = index_->of_campaign(shop, news, true, 2, std::nullopt, 2);
    ASSERT_TRUE(then.has_value() && then->next);
    EXPECT_EQ(told(*then), (std::vector<std::string>{"2.1 42 deferred 3", "1.1 42 delivered 2"}));
    const auto rest = index_->of_campaign(shop, news, true, 2, then->next, 2);
    ASSERT_TRUE(rest.has_value());
    EXPECT_EQ(told(*rest), (std::vector<std::string>{"1.0 42 deferred 1"}));
    EXPECT_FALSE(rest->next);
    const auto last = index_->last_in(shop, {{}, ordinal{1}}, news);
    ASSERT_TRUE(last.has_value() && *last);
    EXPECT_EQ((**last).what.what, d::delivered);
}

TEST_F(OutcomeIndexTest, GoesOnAfterARestartAndPastDamage)
{
    using d = queue::disposition;
    settle(shop, 1, {make_fact(news, 1, d::deferred)});
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    index_.reset();
    settle(shop, 2, {make_fact(news, 1, d::deferred)});
    store::record r(shop);
    r.put(store::space::data, queue::fact_key(3), "\xff nothing that was written here");
    db_->commit(std::move(r), store::commit_class::outcome);
    settle(shop, 4, {make_fact(campaign_id{99}, 1, d::deferred)});
    settle(shop, 6, {make_fact(news, 1, d::delivered)});
    open_store();
    open_index();
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    EXPECT_EQ(
        of_contact(shop, 1),
        (std::vector<std::string>{"6.0 42 delivered 1", "2.0 42 deferred 1", "1.0 42 deferred 1"}));
    EXPECT_EQ(index_->stats().facts, 3U); // the first was folded by the former process
    EXPECT_EQ(index_->stats().skipped, 2U);
    const auto folded = index_->folded(shop);
    ASSERT_TRUE(folded.has_value());
    EXPECT_EQ(*folded, 6U);
}

TEST_F(OutcomeIndexTest, RebuiltRowsAreTheSame)
{
    for (std::uint64_t seq = 1; seq <= 20; ++seq)
    {
        settle(shop, seq,
               {make_fact(news, static_cast<std::uint32_t>(seq % 7 + 1),
                          queue::disposition::deferred)});
    }
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    const auto dump = [&]
    {
        std::string out;
        for (const auto* kind : {"X", "Y"})
        {
            const auto rows = db_->find_tenant(shop);
            for (auto at = rows->scan_prefix(kind); at.valid(); at.next())
            {
                out += std::string(at.key()) + "=" + std::string(at.value()) + ";";
            }
        }
        return out;
    };
    const auto before = dump();
    ASSERT_FALSE(before.empty());
    index_.reset();
    store::record r(shop);
    r.erase_range(store::space::data, "X", "Z");
    r.erase(store::space::data, folded_key());
    db_->commit(std::move(r), store::commit_class::control);
    ASSERT_EQ(dump(), "");
    open_index();
    ASSERT_TRUE(index_->catch_up(shop, 10s));
    EXPECT_EQ(dump(), before);
}

/// What a fact costs the folding thread and the store's writer: printed, not judged.
TEST_F(OutcomeIndexTest, Cost)
{
    constexpr std::uint64_t blocks = 200;
    constexpr std::uint32_t each = 500;
    index_.reset();
    for (std::uint64_t seq = 1; seq <= blocks; ++seq)
    {
        std::vector<queue::fact> facts;
        for (std::uint32_t i = 0; i < each; ++i)
        {
            // Contacts do not come in their order.
            const auto n =
                static_cast<std::uint32_t>((seq * each + i) * 2'654'435'761U % 1'000'000);
            facts.push_back(make_fact(news, n + 1, queue::disposition::delivered));
        }
        settle(shop, seq, facts);
    }
    timespec before{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    open_index();
    ASSERT_TRUE(index_->catch_up(shop, 60s));
    timespec after{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    const auto stats = index_->stats();
    EXPECT_EQ(stats.facts, blocks * each);
    const double all = static_cast<double>(after.tv_sec - before.tv_sec) * 1e6 +
                       static_cast<double>(after.tv_nsec - before.tv_nsec) / 1e3;
    RecordProperty("us_per_fact_thread",
                   std::to_string(static_cast<double>(stats.cpu.count()) / 1e3 / (blocks * each)));
    RecordProperty("us_per_fact_all", std::to_string(all / (blocks * each)));
    std::printf("folding: %.2f us a fact on its thread, %.2f us in all\n",
                static_cast<double>(stats.cpu.count()) / 1e3 / (blocks * each),
                all / (blocks * each));
}

} // namespace
} // namespace hikyaku::feed
