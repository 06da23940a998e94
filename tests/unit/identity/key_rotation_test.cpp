#include <hikyaku/identity/key_rotation.h>

#include <gtest/gtest.h>

namespace hikyaku::identity
{
namespace
{

using kind = key_sighting::kind;
constexpr milliseconds week = std::chrono::hours{7 * 24};
constexpr wall_time start = from_unix_ms(1'795'392'000'000);

std::vector<dkim_key_row> make_keys()
{
    std::vector<dkim_key_row> keys{{"hk1r", dkim::algorithm::rsa_sha256, "p", "old"},
                                   {"hk1e", dkim::algorithm::ed25519_sha256, "q", "old"},
                                   {"hk2r", dkim::algorithm::rsa_sha256, "r", "new"},
                                   {"hk2e", dkim::algorithm::ed25519_sha256, "s", "new"}};
    for (auto& key : keys)
    {
        key.since = start;
        key.state = key.selector.starts_with("hk2") ? key_state::pending : key_state::active;
    }
    return keys;
}

std::vector<key_sighting> both(kind rsa, kind ed, seconds ttl = seconds{300})
{
    return {{"hk2r", rsa, ttl}, {"hk2e", ed, ttl}};
}

std::vector<key_state> states_of(const std::vector<dkim_key_row>& keys)
{
    std::vector<key_state> out;
    for (const auto& key : keys)
    {
        out.push_back(key.state);
    }
    return out;
}

using enum key_state;

TEST(KeyRotation, SwitchesWhenBothWereSeenForTheirTtl)
{
    auto keys = make_keys();
    auto done = advance_keys(keys, both(kind::seen, kind::missing), start, week);
    EXPECT_TRUE(done.changed);
    EXPECT_TRUE(done.events.empty());
    done = advance_keys(keys, both(kind::seen, kind::seen), start + seconds{100}, week);
    EXPECT_EQ(keys[3].seen, start + seconds{100});
    EXPECT_EQ(keys[2].seen, start);
    // The first one is ready, the second not yet.
    done = advance_keys(keys, both(kind::seen, kind::seen), start + seconds{399}, week);
    EXPECT_FALSE(done.changed);
    EXPECT_EQ(states_of(keys), (std::vector{active, active, pending, pending}));
    done = advance_keys(keys, both(kind::seen, kind::seen), start + seconds{400}, week);
    EXPECT_EQ(states_of(keys), (std::vector{retiring, retiring, active, active}));
    EXPECT_EQ(done.events, (std::vector<key_event>{{"hk1r", active, retiring},
                                                   {"hk1e", active, retiring},
                                                   {"hk2r", pending, active},
                                                   {"hk2e", pending, active}}));
    EXPECT_EQ(keys[0].since, start + seconds{400});
    EXPECT_EQ(keys[0].sealed_private_key, "old");
}

TEST(KeyRotation, ARecordThatVanishesStartsTheWaitAnew)
{
    auto keys = make_keys();
    advance_keys(keys, both(kind::seen, kind::seen), start, week);
    advance_keys(keys, both(kind::missing, kind::seen), start + seconds{200}, week);
    EXPECT_FALSE(keys[2].seen.has_value());
    advance_keys(keys, both(kind::seen, kind::seen), start + seconds{300}, week);
    EXPECT_EQ(states_of(keys)[2], pending);
    advance_keys(keys, both(kind::seen, kind::seen), start + seconds{600}, week);
    EXPECT_EQ(states_of(keys)[2], active);
}

TEST(KeyRotation, NoAnswerNeitherEndsTheWaitNorSwitches)
{
    auto keys = make_keys();
    advance_keys(keys, both(kind::seen, kind::seen), start, week);
    auto done = advance_keys(keys, both(kind::unknown, kind::seen), start + seconds{999}, week);
    EXPECT_FALSE(done.changed);
    EXPECT_FALSE(advance_keys(keys, {}, start + seconds{999}, week).changed);
    EXPECT_EQ(keys[2].seen, start);
    done = advance_keys(keys, both(kind::seen, kind::seen), start + seconds{1000}, week);
    EXPECT_EQ(done.events.size(), 4U);
}

TEST(KeyRotation, ALongerTtlSeenLaterCounts)
{
    auto keys = make_keys();
    advance_keys(keys, both(kind::seen, kind::seen, seconds{10}), start, week);
    const auto done =
        advance_keys(keys, both(kind::seen, kind::seen, seconds{60}), start + seconds{10}, week);
    EXPECT_TRUE(done.changed);
    EXPECT_TRUE(done.events.empty());
    EXPECT_EQ(keys[2].ttl, seconds{60});
}

TEST(KeyRotation, RetiredKeysAreErasedAndForgottenAtTheNextSwitch)
{
    auto keys = make_keys();
    advance_keys(keys, both(kind::seen, kind::seen, seconds{0}), start, week);
    EXPECT_FALSE(has_expired_key(keys, start + week - seconds{1}, week));
    EXPECT_FALSE(advance_keys(keys, {}, start + week - seconds{1}, week).changed);
    EXPECT_TRUE(has_expired_key(keys, start + week, week));
    const auto done = advance_keys(keys, {}, start + week, week);
    EXPECT_EQ(done.events.size(), 2U);
    EXPECT_EQ(states_of(keys), (std::vector{gone, gone, active, active}));
    EXPECT_TRUE(keys[0].sealed_private_key.empty());
    EXPECT_EQ(keys[2].sealed_private_key, "new");
    EXPECT_FALSE(has_expired_key(keys, start + week * 2, week));
    keys.push_back({"hk3r", dkim::algorithm::rsa_sha256, "t", "newest"});
    keys.back().state = pending;
    advance_keys(keys, {{"hk3r", kind::seen, seconds{0}}}, start + week * 2, week);
    EXPECT_EQ(states_of(keys), (std::vector{retiring, retiring, active}));
}

TEST(KeyRotation, AClockThatWasSetBackStartsTheWaitAnew)
{
    auto keys = make_keys();
    advance_keys(keys, both(kind::seen, kind::seen), start, week);
    advance_keys(keys, both(kind::seen, kind::seen), start - seconds{5'000}, week);
    EXPECT_EQ(keys[2].seen, start - seconds{5'000});
}

} // namespace
} // namespace hikyaku::identity
