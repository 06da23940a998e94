#include "rig.h"

#include <hikyaku/base/bytes.h>

#include "domain_keys.h"
#include "rows.h"

namespace hikyaku::identity
{
namespace
{

const dns_record* find_record(const std::vector<dns_record>& all, std::string_view name,
                              std::string_view purpose)
{
    for (const auto& r : all)
    {
        if (r.name == name && r.purpose == purpose)
        {
            return &r;
        }
    }
    return nullptr;
}

TEST_F(IdentityTest, ADomainComesWithTheRecordsToPublish)
{
    const auto t = make_tenant().row.id;
    const auto d = domains_->add(operator_, t, "Shop.Example");
    ASSERT_TRUE(d.has_value());
    EXPECT_EQ(d->domain, "shop.example");
    EXPECT_EQ(d->return_path_domain, "bounce.shop.example");
    const auto records = domains_->records_of(*d);
    EXPECT_EQ(records.size(), 6U);
    const auto* rsa = find_record(records, "hk1r._domainkey.shop.example", "dkim");
    ASSERT_NE(rsa, nullptr);
    EXPECT_TRUE(rsa->value.starts_with("v=DKIM1; k=rsa; p=MII")) << rsa->value;
    const auto* ed = find_record(records, "hk1e._domainkey.shop.example", "dkim");
    ASSERT_NE(ed, nullptr);
    EXPECT_TRUE(ed->value.starts_with("v=DKIM1; k=ed25519; p=")) << ed->value;
    const auto* spf = find_record(records, "shop.example", "spf");
    ASSERT_NE(spf, nullptr);
    EXPECT_EQ(spf->value, "v=spf1 a:mail.host.example ~all");
    const auto* mx = find_record(records, "bounce.shop.example", "return_path_mx");
    ASSERT_NE(mx, nullptr);
    EXPECT_EQ(mx->type, "MX");
    EXPECT_EQ(mx->value, "10 mail.host.example");
    EXPECT_NE(find_record(records, "bounce.shop.example", "return_path_spf"), nullptr);
    EXPECT_NE(find_record(records, "_dmarc.shop.example", "dmarc"), nullptr);
    EXPECT_EQ(count_entries(t, "domain.create"), 1U);
}

TEST_F(IdentityTest, SpfNamesTheIncludeOrTheAddresses)
{
    domain_options_.source_addresses = {"192.0.2.1", "2001:db8::1"};
    reopen();
    sender_domain d;
    d.domain = "shop.example";
    EXPECT_EQ(find_record(domains_->records_of(d), "shop.example", "spf")->value,
              "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all");
    domain_options_.spf_include = "spf.host.example";
    reopen();
    EXPECT_EQ(find_record(domains_->records_of(d), "shop.example", "spf")->value,
              "v=spf1 include:spf.host.example ~all");
}

TEST_F(IdentityTest, TheEnvelopeUsesTheSharedDomainUntilTheOwnIsVerified)
{
    const auto t = make_tenant().row.id;
    auto d = *domains_->add(operator_, t, "shop.example", false);
    EXPECT_EQ(domains_->envelope_domain(d), "bounce.shop.example");
    domain_options_.return_path_domain = "bounce.host.example";
    reopen();
    EXPECT_EQ(domains_->envelope_domain(d), "bounce.host.example");
    const domain_checks found{true, true, true, false, clock_.wall()};
    ASSERT_TRUE(domains_->set_checks(operator_, t, d.id, found).has_value());
    d = **domains_->find(t, d.id);
    EXPECT_EQ(d.checks, found);
    EXPECT_EQ(domains_->envelope_domain(d), "bounce.shop.example");
    EXPECT_EQ(domains_->set_checks(operator_, t, d.id + 1, found).error().kind,
              problem_kind::not_found);
}

TEST_F(IdentityTest, IdentitiesAreOpenedOnceAndSurviveARestart)
{
    const auto t = make_tenant().row.id;
    const auto d = *domains_->add(operator_, t, "ショップ.example");
    EXPECT_EQ(d.domain, "xn--xckya1d0c.example");
    const auto first = domains_->load_identities(t, d.domain);
    ASSERT_TRUE(first.has_value()) << first.error().text;
    ASSERT_EQ((*first)->size(), 2U);
    EXPECT_EQ((**first)[0].selector, "hk1r");
    EXPECT_EQ((**first)[0].key->kind(), dkim::algorithm::rsa_sha256);
    EXPECT_EQ((**first)[1].selector, "hk1e");
    EXPECT_EQ((**first)[0].key->dns_record(), d.keys[0].dns_text);
    EXPECT_EQ(domains_->load_identities(t, "ショップ.EXAMPLE")->get(), first->get());
    reopen();
    const auto again = domains_->load_identities(t, d.domain);
    ASSERT_TRUE(again.has_value());
    EXPECT_NE(again->get(), first->get());
    EXPECT_EQ((**again)[0].key->dns_record(), d.keys[0].dns_text);
}

TEST_F(IdentityTest, NamesAreUniquePerTenantAndOthersDoNotSeeThem)
{
    const auto a = make_tenant().row.id;
    const auto b = make_tenant().row.id;
    const auto d = *domains_->add(operator_, a, "shop.example", false);
    EXPECT_EQ(domains_->add(operator_, a, "SHOP.example", false).error().kind,
              problem_kind::conflict);
    EXPECT_FALSE(domains_->find(b, d.id)->has_value());
    EXPECT_FALSE(domains_->find_by_name(b, "shop.example")->has_value());
    EXPECT_TRUE(domains_->load_identities(b, "shop.example").has_error());
    EXPECT_EQ((*domains_->find_by_name(a, "Shop.EXAMPLE"))->id, d.id);
    EXPECT_FALSE(domains_->find_by_name(a, "not a domain")->has_value());
    EXPECT_EQ(domains_->list(a, 0, 10)->size(), 1U);
    EXPECT_EQ(domains_->list(a, d.id, 10)->size(), 0U);
    EXPECT_EQ(domains_->list(tenant_id{1}, 0, 10)->size(), 0U);
    EXPECT_TRUE(domains_->add(operator_, b, "shop.example", false).has_value());
}

TEST_F(IdentityTest, ASealedKeyOpensOnlyWhereItBelongs)
{
    const auto t = make_tenant().row.id;
    auto d = *domains_->add(operator_, t, "shop.example", false);
    EXPECT_TRUE(open_domain_keys(master_, d).has_value());
    EXPECT_EQ(d.keys[0].sealed_private_key.find("PRIVATE"), std::string::npos);
    auto moved = d;
    moved.tenant.value += 1;
    EXPECT_TRUE(open_domain_keys(master_, moved).has_error());
    moved = d;
    moved.id += 1;
    EXPECT_TRUE(open_domain_keys(master_, moved).has_error());
    moved = d;
    moved.keys[0].selector = "other";
    EXPECT_TRUE(open_domain_keys(master_, moved).has_error());
    const crypto::master_key other(crypto::sha256("another"));
    EXPECT_TRUE(open_domain_keys(other, d).has_error());
    moved = d;
    moved.keys.clear();
    EXPECT_TRUE(open_domain_keys(master_, moved).has_error());
}

TEST_F(IdentityTest, WhatIsNoDomainIsRefused)
{
    const auto t = make_tenant().row.id;
    const std::string label(60, 'a');
    const std::string bad[] = {"",
                               "example",
                               "192.0.2.1",
                               "shop..example",
                               "shop.example.",
                               "-shop.example",
                               "shop example.com",
                               "shop.example\r\nMX",
                               "a@shop.example",
                               label + "." + label + "." + label + "." + label};
    for (const auto& name : bad)
    {
        const auto d = domains_->add(operator_, t, name);
        ASSERT_TRUE(d.has_error()) << name;
        EXPECT_EQ(d.error().kind, problem_kind::invalid) << name;
        EXPECT_EQ(d.error().field, "domain");
    }
    EXPECT_EQ(domains_->add(operator_, tenant_id{4}, "shop.example").error().kind,
              problem_kind::not_found);
    domain_options_.domains_per_tenant_max = 1;
    reopen();
    ASSERT_TRUE(domains_->add(operator_, t, "shop.example", false).has_value());
    EXPECT_EQ(domains_->add(operator_, t, "two.example", false).error().kind, problem_kind::limit);
}

TEST_F(IdentityTest, ADamagedRowIsAnErrorNotAnAbsence)
{
    const auto t = make_tenant().row.id;
    const auto d = *domains_->add(operator_, t, "shop.example", false);
    store::record r(t);
    r.put(store::space::data, domain_row_key(d.id), "\x03nonsense");
    db_->commit(std::move(r), store::commit_class::control);
    EXPECT_EQ(domains_->find(t, d.id).error().kind, problem_kind::unavailable);
    EXPECT_EQ(domains_->list(t, 0, 10).error().kind, problem_kind::unavailable);
    EXPECT_TRUE(domains_->load_identities(t, "shop.example").has_error());
}

} // namespace
} // namespace hikyaku::identity
