#include "rig.h"

#include <hikyaku/crypto/api_token.h>

#include <thread>

namespace hikyaku::identity
{
namespace
{

std::string with_other_end(std::string text)
{
    // The last character of 43 carries 4 bits: 'A' and 'E' are both canonical.
    text.back() = text.back() == 'A' ? 'E' : 'A';
    return text;
}

TEST_F(IdentityTest, AKeyCarriesItsNameAndScopes)
{
    const auto t = make_tenant().row.id;
    const auto made =
        keys_->create(operator_, t, "shop system", {scope::messages_send, scope::contacts_read});
    ASSERT_TRUE(made.has_value());
    const auto who = keys_->authenticate("bEaReR  " + made->text);
    ASSERT_TRUE(who.has_value());
    EXPECT_EQ(who->tenant, t);
    EXPECT_EQ(who->key_id, made->key.id);
    EXPECT_EQ(who->key_name, "shop system");
    EXPECT_TRUE(who->scopes.has(scope::messages_send));
    EXPECT_FALSE(who->scopes.has(scope::contacts_write));
    const auto actor = make_actor(*who, "192.0.2.1", "req");
    EXPECT_EQ(actor.name, "shop system");
    EXPECT_EQ(actor.group, "api key");
    EXPECT_EQ(count_entries(t, "key.create"), 1U);
}

TEST_F(IdentityTest, WrongCredentialsAreToldApartOnlyByForm)
{
    const auto t = make_tenant().row.id;
    const auto key = *keys_->create(operator_, t, "k", {scope::jobs});
    const std::string unknown = crypto::make_api_token(12345);
    const struct
    {
        std::string header;
        auth_failure expected;
    } rows[] = {
        {"", auth_failure::missing},
        {"Basic dTpw", auth_failure::malformed},
        {"Bearer", auth_failure::malformed},
        {"Bearer ", auth_failure::malformed},
        {"Bearer" + key.text, auth_failure::malformed},
        {"Bearer " + key.text + " ", auth_failure::malformed},
        {"Bearer " + key.text.substr(1), auth_failure::malformed},
        {"Bearer " + std::string(100'000, 'x'), auth_failure::malformed},
        {"Bearer " + with_other_end(key.text), auth_failure::refused},
        {"Bearer " + unknown, auth_failure::refused},
    };
    for (const auto& row : rows)
    {
        const auto who = keys_->authenticate(row.header);
        ASSERT_TRUE(who.has_error()) << row.header.substr(0, 80);
        EXPECT_EQ(who.error(), row.expected) << row.header.substr(0, 80);
    }
    EXPECT_TRUE(keys_->authenticate("Bearer " + key.text).has_value());
}

TEST_F(IdentityTest, TheSecretIsNowhereInTheStore)
{
    const auto t = make_tenant().row.id;
    const auto key = *keys_->create(operator_, t, "k", {scope::jobs});
    const std::string secret = key.text.substr(key.text.size() - 43);
    const auto holds = [&](const store::reader& from)
    {
        for (auto it = from.scan("", ""); it.valid(); it.next())
        {
            if (it.value().find(secret) != std::string_view::npos)
            {
                return true;
            }
        }
        return false;
    };
    EXPECT_FALSE(holds(db_->platform()));
    EXPECT_FALSE(holds(*db_->find_tenant(t)));
}

TEST_F(IdentityTest, ARevokedKeyIsRefusedAtOnceAndAfterARestart)
{
    const auto t = make_tenant().row.id;
    const auto key = *keys_->create(operator_, t, "k", {scope::jobs});
    ASSERT_TRUE(keys_->authenticate("Bearer " + key.text).has_value());
    clock_.move(seconds{5});
    const auto gone = keys_->revoke(operator_, t, key.key.id);
    ASSERT_TRUE(gone.has_value());
    EXPECT_EQ(gone->revoked, clock_.wall());
    EXPECT_EQ(keys_->authenticate("Bearer " + key.text).error(), auth_failure::refused);
    reopen();
    EXPECT_EQ(keys_->authenticate("Bearer " + key.text).error(), auth_failure::refused);
    clock_.move(seconds{5});
    EXPECT_EQ(keys_->revoke(operator_, t, key.key.id)->revoked, gone->revoked);
    EXPECT_EQ(count_entries(t, "key.revoke"), 1U);
}

TEST_F(IdentityTest, AnotherTenantsKeyIsNotFound)
{
    const auto a = make_tenant().row.id;
    const auto b = make_tenant().row.id;
    const auto key = *keys_->create(operator_, a, "k", {scope::jobs});
    EXPECT_FALSE(keys_->find(b, key.key.id)->has_value());
    EXPECT_TRUE(keys_->find(a, key.key.id)->has_value());
    EXPECT_EQ(keys_->revoke(operator_, b, key.key.id).error().kind, problem_kind::not_found);
    EXPECT_TRUE(keys_->authenticate("Bearer " + key.text).has_value());
    EXPECT_EQ(keys_->list(a, 0, 10)->size(), 2U);
    EXPECT_EQ(keys_->list(b, 0, 10)->size(), 1U);
    EXPECT_EQ(keys_->list(a, 0, 1)->size(), 1U);
    EXPECT_EQ(keys_->list(a, key.key.id, 10)->size(), 0U);
    EXPECT_EQ(keys_->list(a, ~0ULL, 10)->size(), 0U);
}

TEST_F(IdentityTest, NobodyGivesAwayMoreThanHeHas)
{
    const auto t = make_tenant().row.id;
    const auto made = keys_->create(operator_, t, "k", {scope::jobs, scope::contacts_read},
                                    {scope::jobs, scope::access_write});
    ASSERT_TRUE(made.has_error());
    EXPECT_EQ(made.error().kind, problem_kind::forbidden);
    EXPECT_EQ(keys_->create(operator_, t, "k", {}).error().kind, problem_kind::invalid);
    EXPECT_EQ(keys_->create(operator_, tenant_id{3}, "k", {scope::jobs}).error().kind,
              problem_kind::not_found);
}

TEST_F(IdentityTest, RevokedKeysDoNotCountAgainstTheLimit)
{
    key_limits_.keys_per_tenant_max = 2;
    reopen();
    const auto t = make_tenant().row.id;
    const auto second = *keys_->create(operator_, t, "k", {scope::jobs});
    EXPECT_EQ(keys_->create(operator_, t, "k", {scope::jobs}).error().kind, problem_kind::limit);
    ASSERT_TRUE(keys_->revoke(operator_, t, second.key.id).has_value());
    EXPECT_TRUE(keys_->create(operator_, t, "k", {scope::jobs}).has_value());
}

TEST_F(IdentityTest, RevokingWhileOthersAuthenticateNeverLeavesTheKeyCached)
{
    const auto t = make_tenant().row.id;
    for (int round = 0; round < 20; ++round)
    {
        const auto key = *keys_->create(operator_, t, "k", {scope::jobs});
        const std::string header = "Bearer " + key.text;
        std::atomic<bool> stop{false};
        std::thread other(
            [&]
            {
                while (!stop)
                {
                    (void)keys_->authenticate(header);
                }
            });
        ASSERT_TRUE(keys_->revoke(operator_, t, key.key.id).has_value());
        EXPECT_EQ(keys_->authenticate(header).error(), auth_failure::refused);
        stop = true;
        other.join();
        EXPECT_EQ(keys_->authenticate(header).error(), auth_failure::refused);
    }
}

TEST(Scopes, NamesGoBothWays)
{
    const auto everything = scope_set::all().names();
    EXPECT_EQ(everything.size(), scope_count);
    EXPECT_EQ(*scope_set::parse(everything), scope_set::all());
    const std::vector<std::string> star{"*"};
    EXPECT_EQ(*scope_set::parse(star), scope_set::all());
    const std::vector<std::string> one{"campaigns:send"};
    EXPECT_EQ(*scope_set::parse(one), scope_set{scope::campaigns_send});
    const std::vector<std::string> bad{"campaigns:sned"};
    EXPECT_EQ(scope_set::parse(bad).error().field, "scopes");
    EXPECT_TRUE(scope_set::parse({}).has_error());
    EXPECT_EQ(scope_set::from_bits(~0U), scope_set::all());
}

} // namespace
} // namespace hikyaku::identity
