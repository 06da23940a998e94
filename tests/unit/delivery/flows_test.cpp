#include "flows.h"

#include <gtest/gtest.h>

#include <map>

namespace hikyaku::delivery
{
namespace
{

constexpr flow_key broadcast_a{tenant_id{1}, false};
constexpr flow_key broadcast_b{tenant_id{2}, false};
constexpr flow_key mail_b{tenant_id{2}, true};
constexpr flow_key mail_c{tenant_id{3}, true};

lane_order at(queue::lane_index lane, int deadline_s = 100, std::uint32_t rank = 0)
{
    return {wall_time{} + seconds{deadline_s}, rank, lane};
}

/// Takes `n` units one batch after another, each at most `batch`, and counts them by flow.
std::map<flow_key, unsigned> serve(flow_table& flows, unsigned n, unsigned batch)
{
    std::map<flow_key, unsigned> units;
    while (n > 0)
    {
        const auto t = flows.next(false);
        if (!t)
        {
            break;
        }
        const unsigned take = std::min({t->credit, batch, n});
        flows.charge(t->flow, take);
        units[t->flow] += take;
        n -= take;
    }
    return units;
}

TEST(flows, tenants_get_equal_shares_whatever_their_number_of_lanes)
{
    flow_table flows;
    for (queue::lane_index lane = 0; lane < 50; ++lane)
    {
        flows.insert(broadcast_a, at(lane));
    }
    flows.insert(broadcast_b, at(50));
    const auto units = serve(flows, 3200, 16);
    EXPECT_EQ(units.at(broadcast_a), 1600U);
    EXPECT_EQ(units.at(broadcast_b), 1600U);
}

TEST(flows, transactional_mail_goes_first_and_broadcast_never_starves)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1));
    (void)serve(flows, 5, 1);
    flows.insert(mail_b, at(2));
    EXPECT_EQ(flows.next(false)->flow, mail_b)
        << "it must not wait for the broadcast's turn to end";
    const auto units = serve(flows, 900, 16);
    EXPECT_EQ(units.at(mail_b), 800U);
    EXPECT_EQ(units.at(broadcast_a), 100U);
}

TEST(flows, transactional_tenants_share)
{
    flow_table flows;
    flows.insert(mail_b, at(1));
    flows.insert(mail_c, at(2));
    const auto units = serve(flows, 100, 16);
    EXPECT_EQ(units.at(mail_b), 50U);
    EXPECT_EQ(units.at(mail_c), 50U);
}

TEST(flows, urgent_only_sees_no_broadcast)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1));
    EXPECT_FALSE(flows.next(true).has_value());
    flows.insert(mail_b, at(2));
    EXPECT_EQ(flows.next(true)->flow, mail_b);
}

TEST(flows, the_earliest_deadline_then_the_best_rank_comes_first)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1, 300));
    flows.insert(broadcast_a, at(2, 200, 5));
    flows.insert(broadcast_a, at(3, 200, 1));
    EXPECT_EQ(flows.next(false)->lane, 3U);
    EXPECT_TRUE(flows.erase(3));
    EXPECT_EQ(flows.next(false)->lane, 2U);
    flows.insert(broadcast_a, at(1, 100));
    EXPECT_EQ(flows.next(false)->lane, 1U) << "a lane's order may change";
    EXPECT_EQ(flows.lanes(), 2U);
}

TEST(flows, an_empty_flow_leaves)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1));
    EXPECT_TRUE(flows.erase(1));
    EXPECT_FALSE(flows.erase(1));
    EXPECT_TRUE(flows.empty());
    EXPECT_FALSE(flows.next(false).has_value());
}

TEST(flows, parked_leases_come_before_lanes_and_leave_with_their_campaign)
{
    flow_table flows;
    queue::lease one;
    one.campaign = {tenant_id{1}, campaign_id{7}};
    queue::lease other;
    other.campaign = {tenant_id{1}, campaign_id{8}};
    flows.insert(broadcast_a, at(1));
    flows.park(broadcast_a, one);
    flows.park(broadcast_a, other);
    ASSERT_TRUE(flows.next(false)->parked);
    EXPECT_EQ(flows.take_parked(broadcast_a).campaign, one.campaign);
    flows.charge(broadcast_a, 1);
    const auto gone =
        flows.unpark([&](const queue::lease& l) { return l.campaign == other.campaign; });
    EXPECT_EQ(gone.size(), 1U);
    EXPECT_EQ(flows.parked(), 0U);
    EXPECT_FALSE(flows.next(false)->parked);
}

TEST(flows, tenants_that_come_and_go_keep_their_mail_apart)
{
    flow_table flows;
    for (std::uint32_t id = 1; id <= 500; ++id)
    {
        const flow_key flow{tenant_id{id}, id % 3 == 0};
        queue::lease l;
        l.campaign = {flow.tenant, campaign_id{id}};
        flows.insert(flow, at(id));
        flows.insert(flow, at(id, 50)); // the flow is empty for a moment
        flows.park(flow, l);
        ASSERT_EQ(flows.next(false)->flow, flow);
        EXPECT_EQ(flows.front_parked(flow).campaign, l.campaign);
        EXPECT_EQ(flows.take_parked(flow).campaign, l.campaign);
        flows.charge(flow, 1);
        ASSERT_EQ(flows.next(false)->lane, id);
        EXPECT_TRUE(flows.erase(id));
        EXPECT_TRUE(flows.empty());
        EXPECT_TRUE(flows.unpark([](const queue::lease&) { return true; }).empty());
    }
}

TEST(flows, the_best_rank_comes_first_whether_it_is_parked_or_in_a_lane)
{
    flow_table flows;
    const auto park = [&](std::uint8_t rank, std::uint32_t who)
    {
        queue::lease l;
        l.rank = rank;
        l.who = ordinal{who};
        flows.park(broadcast_a, l);
    };
    park(3, 1);
    park(1, 2);
    park(3, 3);
    flows.insert(broadcast_a, at(1, 100, 2));
    ASSERT_TRUE(flows.next(false)->parked);
    EXPECT_EQ(flows.take_parked(broadcast_a).who, ordinal{2});
    ASSERT_FALSE(flows.next(false)->parked) << "the lane's rank is better than what is left";
    EXPECT_TRUE(flows.erase(1));
    ASSERT_TRUE(flows.next(false)->parked);
    EXPECT_EQ(flows.take_parked(broadcast_a).who, ordinal{1});
    EXPECT_EQ(flows.unpark([](const queue::lease&) { return true; }).size(), 1U);
    EXPECT_EQ(flows.parked(), 0U);
    EXPECT_TRUE(flows.empty());
}

TEST(flows, a_flow_at_its_own_limit_lets_the_others_pass)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1));
    flows.insert(broadcast_b, at(2));
    const auto first = flows.next(false)->flow;
    flows.pass(first);
    EXPECT_NE(flows.next(false)->flow, first);
}

TEST(flows, extract_takes_lanes_out)
{
    flow_table flows;
    flows.insert(broadcast_a, at(1));
    flows.insert(broadcast_b, at(2));
    EXPECT_EQ(flows.extract([](queue::lane_index lane) { return lane == 1; }).size(), 1U);
    EXPECT_EQ(flows.lanes(), 1U);
    EXPECT_EQ(flows.next(false)->flow, broadcast_b);
}

} // namespace
} // namespace hikyaku::delivery
