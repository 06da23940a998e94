#include <hikyaku/queue/chunk.h>
#include <hikyaku/queue/fact.h>
#include <hikyaku/queue/keys.h>
#include <hikyaku/queue/progress.h>
#include <hikyaku/queue/rows.h>

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace hikyaku::queue
{
namespace
{

std::string hex(std::string_view bytes)
{
    std::string out;
    for (const char c : bytes)
    {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15U];
    }
    return out;
}

const campaign_ref ref{tenant_id{0x01020304}, campaign_id{0x1122334455667788}};

// Golden bytes: what is on disk at a customer's must be readable for ever.
TEST(GoldenBytes, Keys)
{
    EXPECT_EQ(hex(chunk_key(ref, {lane_id{5}, 0}, 7)), "4c01020304112233445566778800000005"
                                                       "0000000007");
    EXPECT_EQ(hex(deferred_key(ref, lane_id{5}, from_unix_ms(0x1234), ordinal{9})),
              "4401020304112233445566778800000005"
              "0000000000001234"
              "00000009");
    EXPECT_EQ(hex(progress_key(ref, {lane_id{5}, 0})), "500102030411223344556677880000000500");
    EXPECT_EQ(hex(progress_key(ref, {lane_id{5}, 3})), "500102030411223344556677880000000503");
    EXPECT_EQ(part_of_key(chunk_key(ref, {lane_id{5}, 3}, 7)), (lane_part{lane_id{5}, 3}));
    EXPECT_EQ(hex(campaign_key(row::lifecycle, ref)), "43010203041122334455667788");
}

TEST(GoldenBytes, Values)
{
    EXPECT_EQ(hex(encode_chunk({{ordinal{10}, domain_id{3}},
                                {ordinal{11}, domain_id{3}},
                                {ordinal{400}, domain_id{3}}},
                               false)),
              "01030a00840"
              "3");
    EXPECT_EQ(hex(encode_chunk({{ordinal{10}, domain_id{3}}, {ordinal{12}, domain_id{300}}}, true)),
              "02020a0301ac02");
    progress p;
    p.settle(0);
    p.settle(2);
    p.note_leased(4);
    EXPECT_EQ(hex(p.encode()), "0101030105");
    lifecycle l;
    l.state = campaign_state::sending;
    l.generation = 2;
    l.content_version = 1;
    l.expires_at = from_unix_ms(1);
    EXPECT_EQ(hex(encode(l)), "01040201000200");
    deferred_row d;
    d.state.attempts = 3;
    d.state.first_try = from_unix_ms(2);
    d.state.was_unknown = true;
    d.domain = domain_id{4};
    EXPECT_EQ(hex(encode(d)), "01030400010004");
    counters c;
    c.final_by[1] = 5;
    c.deferred_now = 6;
    c.attempts = 7;
    EXPECT_EQ(hex(encode(c)), "0109000500000000000000060007");
}

TEST(Chunk, RoundTripsAndRefusesDamage)
{
    std::mt19937 random(7);
    for (int round = 0; round < 200; ++round)
    {
        std::vector<chunk_entry> entries;
        std::uint32_t at = random() % 1000;
        const std::size_t count = 1 + random() % chunk_entries_max;
        for (std::size_t i = 0; i < count; ++i)
        {
            entries.push_back(
                {ordinal{at}, domain_id{1 + static_cast<std::uint32_t>(random() % 5000)}});
            at += 1 + random() % 50;
        }
        const auto bytes = encode_chunk(entries, true);
        EXPECT_EQ(decode_chunk(bytes, domain_id{1}), entries);
        EXPECT_FALSE(decode_chunk(bytes.substr(0, bytes.size() - 1), domain_id{1}));
        EXPECT_FALSE(decode_chunk(bytes + "x", domain_id{1}));
    }
}

TEST(Chunk, ADenseLaneCostsAboutAByteARecipient)
{
    std::vector<chunk_entry> entries;
    for (std::uint32_t i = 0; i < chunk_entries_max; ++i)
    {
        entries.push_back({ordinal{1'000'000 + 3 * i}, domain_id{1}});
    }
    EXPECT_LE(encode_chunk(entries, false).size(), chunk_entries_max + 8);
}

TEST(Progress, EqualsASetOfSettledPositions)
{
    std::mt19937 random(3);
    for (int round = 0; round < 50; ++round)
    {
        progress p;
        std::set<position> model;
        for (int i = 0; i < 400; ++i)
        {
            const position at = p.low_water() + random() % 200;
            p.settle(at);
            model.insert(at);
            const auto copy = progress::decode(p.encode());
            ASSERT_TRUE(copy);
            for (position q = 0; q < p.low_water() + 220; ++q)
            {
                ASSERT_EQ(p.is_settled(q), q < p.low_water() || model.contains(q)) << q;
                ASSERT_EQ(copy->is_settled(q), p.is_settled(q)) << q;
            }
            ASSERT_EQ(copy->low_water(), p.low_water());
            ASSERT_EQ(copy->high_water(), std::max(p.high_water(), p.low_water()));
            // The mark is exact: everything below is settled, the place itself is not.
            ASSERT_FALSE(p.is_settled(p.low_water()));
        }
    }
}

TEST(Fact, BlocksRoundTripAndInternTheirStrings)
{
    fact_block_writer writer;
    std::vector<fact> facts;
    for (std::uint32_t i = 0; i < 100; ++i)
    {
        fact f;
        f.at = from_unix_ms(1'700'000'000'000 + i);
        f.what = i % 10 == 0 ? disposition::deferred : disposition::delivered;
        f.campaign = ref.campaign;
        f.who = ordinal{i};
        f.recipient = "user" + std::to_string(i) + "@one.example";
        f.domain = "one.example";
        f.site = "mx.one.example";
        f.mx = "mx1.one.example";
        f.source = "default";
        f.attempt = 1;
        f.code = 250;
        f.enhanced = "2.0.0";
        f.reply = "2.0.0 Ok: queued";
        f.stage = "final_dot";
        f.bytes = 10'240;
        f.dkim = {"shop.example hk1 rsa-sha256"};
        f.id_domain = "shop.example";
        f.next_try = i % 10 == 0 ? from_unix_ms(1'700'000'900'000) : wall_time{};
        f.dup_possible = i == 7;
        facts.push_back(f);
        writer.add(f);
    }
    const std::string block = writer.finish();
    EXPECT_LE(block.size(), 100U * 64);
    const auto back = decode_facts(block);
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), facts.size());
    for (std::size_t i = 0; i < facts.size(); ++i)
    {
        EXPECT_EQ((*back)[i].recipient, facts[i].recipient);
        EXPECT_EQ((*back)[i].at, facts[i].at);
        EXPECT_EQ((*back)[i].what, facts[i].what);
        EXPECT_EQ((*back)[i].reply, facts[i].reply);
        EXPECT_EQ((*back)[i].next_try, facts[i].next_try);
        EXPECT_EQ((*back)[i].dkim, facts[i].dkim);
        EXPECT_EQ((*back)[i].dup_possible, facts[i].dup_possible);
        EXPECT_EQ((*back)[i].campaign, facts[i].campaign);
    }
    for (std::size_t cut = 0; cut < block.size(); cut += 7)
    {
        EXPECT_FALSE(decode_facts(std::string_view(block).substr(0, cut)));
    }
}

} // namespace
} // namespace hikyaku::queue
