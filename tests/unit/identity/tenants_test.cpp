#include "rig.h"

#include "rows.h"

namespace hikyaku::identity
{
namespace
{

TEST_F(IdentityTest, ANewTenantHasFamilyRowKeyHookRowsAndLogAfterARestart)
{
    hook_ = [](const tenant& t, store::record& data)
    { data.put(store::space::data, "schema", t.name); };
    reopen();
    const auto made = make_tenant("株式会社ショップ");
    EXPECT_EQ(made.row.time_zone, "Asia/Tokyo");
    EXPECT_EQ(made.row.offset_minutes, 540);
    EXPECT_EQ(parse_tenant_id(public_id(made.row.id)), made.row.id);
    EXPECT_TRUE(public_id(made.row.id).starts_with("tnt_"));
    reopen();
    const auto found = tenants_->find(made.row.id);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->name, "株式会社ショップ");
    EXPECT_EQ(found->admin_email, "admin@shop.example");
    EXPECT_EQ(found->created, clock_.wall());
    EXPECT_EQ(db_->find_tenant(made.row.id)->find("schema")->value(), "株式会社ショップ");
    EXPECT_EQ(count_entries(made.row.id, "tenant.create"), 1U);
    EXPECT_EQ(count_entries(platform_tenant, "tenant.create"), 1U);
    EXPECT_FALSE(log_->find_break(made.row.id)->has_value());
    const auto who = keys_->authenticate("Bearer " + made.key_text);
    ASSERT_TRUE(who.has_value());
    EXPECT_EQ(who->tenant, made.row.id);
    EXPECT_EQ(who->scopes, scope_set::all());
}

TEST_F(IdentityTest, NumbersAreSecondsMadeUniqueAndNeverGoBack)
{
    const auto first = make_tenant().row.id;
    // 2020-01-01 to 2026-11-23.
    EXPECT_EQ(first.value, 1'795'392'000U - 1'577'836'800U);
    EXPECT_EQ(make_tenant().row.id.value, first.value + 1);
    clock_.move(-std::chrono::hours{1});
    EXPECT_EQ(make_tenant().row.id.value, first.value + 2);
    clock_.move(std::chrono::hours{2});
    EXPECT_EQ(make_tenant().row.id.value, first.value + 3600);
}

TEST_F(IdentityTest, BadNamesAndAddressesAreRefusedAndLeaveNothing)
{
    struct
    {
        std::string name;
        std::string email;
        const char* field;
    } const rows[] = {
        {"", "a@shop.example", "name"},
        {" x", "a@shop.example", "name"},
        {"a\nb", "a@shop.example", "name"},
        {"a\xC2\x85", "a@shop.example", "name"},
        {"\xFF", "a@shop.example", "name"},
        {std::string(257, 'x'), "a@shop.example", "name"},
        {"x", "", "admin_email"},
        {"x", "shop.example", "admin_email"},
        {"x", "@shop.example", "admin_email"},
        {"x", "a@", "admin_email"},
        {"x", "a b@shop.example", "admin_email"},
        {"x", "a\r\nBcc: b@shop.example", "admin_email"},
        {"x", "a..b@shop.example", "admin_email"},
        {"x", "a@shop_example..", "admin_email"},
        {"x", std::string(65, 'a') + "@shop.example", "admin_email"},
    };
    for (const auto& row : rows)
    {
        const auto made = tenants_->create(operator_, row.name, row.email);
        ASSERT_TRUE(made.has_error()) << row.name << ' ' << row.email;
        EXPECT_EQ(made.error().kind, problem_kind::invalid);
        EXPECT_EQ(made.error().field, row.field);
    }
    EXPECT_TRUE(tenants_->list({}, 10).empty());
    EXPECT_TRUE(db_->tenants().empty());
}

TEST_F(IdentityTest, TheHostsLimitHolds)
{
    tenant_limits_.tenants_max = 2;
    reopen();
    make_tenant();
    make_tenant();
    const auto third = tenants_->create(operator_, "x", "a@shop.example");
    ASSERT_TRUE(third.has_error());
    EXPECT_EQ(third.error().kind, problem_kind::limit);
}

TEST_F(IdentityTest, ListGoesPageByPage)
{
    for (int i = 0; i < 5; ++i)
    {
        make_tenant("t" + std::to_string(i));
    }
    std::vector<std::string> names;
    tenant_id after{};
    for (auto page = tenants_->list(after, 2); !page.empty(); page = tenants_->list(after, 2))
    {
        EXPECT_LE(page.size(), 2U);
        for (const auto& t : page)
        {
            names.push_back(t.name);
            after = t.id;
        }
    }
    EXPECT_EQ(names, (std::vector<std::string>{"t0", "t1", "t2", "t3", "t4"}));
}

TEST_F(IdentityTest, ASuspendedTenantsKeysAreRefusedUntilItIsResumed)
{
    const auto made = make_tenant();
    const std::string header = "Bearer " + made.key_text;
    ASSERT_TRUE(keys_->authenticate(header).has_value());
    ASSERT_TRUE(tenants_->suspend(operator_, made.row.id).has_value());
    EXPECT_EQ(keys_->authenticate(header).error(), auth_failure::tenant_suspended);
    reopen();
    EXPECT_EQ(tenants_->find(made.row.id)->state, tenant_state::suspended);
    EXPECT_EQ(keys_->authenticate(header).error(), auth_failure::tenant_suspended);
    ASSERT_TRUE(tenants_->suspend(operator_, made.row.id).has_value());
    EXPECT_EQ(count_entries(made.row.id, "tenant.suspend"), 1U);
    EXPECT_EQ(count_entries(platform_tenant, "tenant.suspend"), 1U);
    ASSERT_TRUE(tenants_->resume(operator_, made.row.id).has_value());
    EXPECT_TRUE(keys_->authenticate(header).has_value());
    EXPECT_EQ(tenants_->suspend(operator_, tenant_id{7}).error().kind, problem_kind::not_found);
    EXPECT_EQ(tenants_->suspend(operator_, platform_tenant).error().kind, problem_kind::not_found);
}

TEST_F(IdentityTest, AQuotaIsKeptLoggedAndTakenBack)
{
    const auto id = make_tenant().row.id;
    const shaping::quota_limits five{5, 100, {2, 3}};
    const auto set = tenants_->set_quota(operator_, id, five);
    ASSERT_TRUE(set.has_value());
    EXPECT_EQ(set->quota, five);
    ASSERT_TRUE(tenants_->set_quota(operator_, id, five).has_value());
    EXPECT_EQ(count_entries(id, "tenant.quota"), 1U);
    EXPECT_EQ(count_entries(platform_tenant, "tenant.quota"), 1U);
    reopen();
    EXPECT_EQ(tenants_->find(id)->quota, five);
    const auto wrong = tenants_->set_quota(operator_, id, shaping::quota_limits{0, {}, {}});
    ASSERT_TRUE(wrong.has_error());
    EXPECT_EQ(wrong.error().kind, problem_kind::invalid);
    EXPECT_EQ(wrong.error().field, "quota");
    EXPECT_EQ(tenants_->find(id)->quota, five);
    ASSERT_TRUE(tenants_->set_quota(operator_, id, std::nullopt).has_value());
    reopen();
    EXPECT_FALSE(tenants_->find(id)->quota);
    EXPECT_EQ(tenants_->set_quota(operator_, tenant_id{7}, five).error().kind,
              problem_kind::not_found);
}

TEST_F(IdentityTest, AClosedTenantWithoutDataIsLeftAlone)
{
    const auto made = make_tenant();
    tenant closed = made.row;
    closed.state = tenant_state::closed;
    store::record r(platform_tenant);
    r.put(store::space::data, tenant_row_key(closed.id), encode(closed));
    r.drop_family(closed.id);
    db_->commit(std::move(r), store::commit_class::control);
    reopen();
    EXPECT_EQ(tenants_->find(closed.id)->state, tenant_state::closed);
    EXPECT_EQ(tenants_->resume(operator_, closed.id).error().kind, problem_kind::conflict);
    EXPECT_EQ(tenants_->suspend(operator_, closed.id).error().kind, problem_kind::conflict);
    EXPECT_EQ(keys_->create(operator_, closed.id, "k", {scope::jobs}).error().kind,
              problem_kind::not_found);
    EXPECT_EQ(keys_->revoke(operator_, closed.id, made.key.id).error().kind,
              problem_kind::not_found);
    EXPECT_EQ(keys_->authenticate("Bearer " + made.key_text).error(),
              auth_failure::tenant_suspended);
    EXPECT_GT(make_tenant().row.id, closed.id);
}

TEST(TenantId, OnlyTheCanonicalFormOfARealTenantIsTaken)
{
    EXPECT_EQ(parse_tenant_id(public_id(tenant_id{1}))->value, 1U);
    EXPECT_FALSE(parse_tenant_id(public_id(platform_tenant)).has_value());
    EXPECT_FALSE(parse_tenant_id(format_id("tnt", 1ULL << 32)).has_value());
    EXPECT_FALSE(parse_tenant_id(format_id("key", 1)).has_value());
    EXPECT_FALSE(parse_tenant_id("").has_value());
}

} // namespace
} // namespace hikyaku::identity
