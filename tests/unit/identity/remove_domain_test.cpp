#include "rig.h"

namespace hikyaku::identity
{
namespace
{

TEST_F(IdentityTest, ARemovedDomainSignsNoMore)
{
    const auto t = make_tenant().row.id;
    const auto d = domains_->add(operator_, t, "shop.example", false);
    ASSERT_TRUE(d.has_value());
    ASSERT_TRUE(domains_->load_identities(t, "shop.example").has_value());
    ASSERT_TRUE(domains_->remove(operator_, t, d->id, {}).has_value());
    EXPECT_FALSE(domains_->load_identities(t, "shop.example").has_value()) << "left in memory";
    EXPECT_FALSE(domains_->find(t, d->id)->has_value());
    EXPECT_EQ(count_entries(t, "domain.delete"), 1U);
    EXPECT_EQ(domains_->remove(operator_, t, d->id, {}).error().kind, problem_kind::not_found);
    reopen();
    EXPECT_FALSE(domains_->find_by_name(t, "shop.example")->has_value());
    const auto again = domains_->add(operator_, t, "shop.example", false);
    ASSERT_TRUE(again.has_value());
    EXPECT_NE(again->keys[0].dns_text, d->keys[0].dns_text) << "the old key came back";
}

TEST_F(IdentityTest, ADomainInUseOrOfAnotherTenantStays)
{
    const auto t = make_tenant().row.id;
    const auto other = make_tenant("Other").row.id;
    const auto d = domains_->add(operator_, t, "shop.example", false);
    ASSERT_TRUE(d.has_value());
    const auto refused =
        domains_->remove(operator_, t, d->id, [](const sender_domain& asked)
                         { return std::optional<std::string>("used: " + asked.domain); });
    EXPECT_EQ(refused.error().kind, problem_kind::conflict);
    EXPECT_EQ(refused.error().text, "used: shop.example");
    EXPECT_EQ(domains_->remove(operator_, other, d->id, {}).error().kind, problem_kind::not_found);
    EXPECT_EQ(domains_->remove(operator_, tenant_id{77}, d->id, {}).error().kind,
              problem_kind::not_found);
    EXPECT_TRUE(domains_->load_identities(t, "shop.example").has_value());
    EXPECT_EQ(count_entries(t, "domain.delete"), 0U);
}

} // namespace
} // namespace hikyaku::identity
