// Stored bytes are an interface: these rows must be readable for ever.
#include "rows.h"

#include <hikyaku/crypto/hex.h>

#include <gtest/gtest.h>

namespace hikyaku::identity
{
namespace
{

tenant sample_tenant()
{
    return {tenant_id{0x0CF5B280},
            "Shop",
            "a@b.c",
            "Asia/Tokyo",
            540,
            tenant_state::suspended,
            from_unix_ms(1'795'392'000'000),
            {}};
}

key_row sample_key()
{
    key_row row;
    row.key = {0x0102030405060708, tenant_id{9},    "k",
               {scope::jobs},      from_unix_ms(1), from_unix_ms(2)};
    row.hash.fill(0xAB);
    return row;
}

sender_domain sample_domain()
{
    sender_domain d;
    d.id = 7;
    d.tenant = tenant_id{9};
    d.domain = "s.jp";
    d.return_path_domain = "b.s.jp";
    d.keys = {{"hk1r", dkim::algorithm::rsa_sha256, "p", "sealed"},
              {"hk1e", dkim::algorithm::ed25519_sha256, "q", "box"}};
    d.keys[0].since = from_unix_ms(4);
    d.keys[1].state = key_state::pending;
    d.keys[1].since = from_unix_ms(5);
    d.keys[1].seen = from_unix_ms(6);
    d.keys[1].ttl = seconds{300};
    d.checks = {true, false, true, false, from_unix_ms(3)};
    check_finding dkim;
    dkim.what = check_kind::dkim;
    dkim.state = check_state::ok;
    dkim.last = check_state::fail;
    dkim.last_at = from_unix_ms(7);
    dkim.about = "a";
    dkim.seen = "s";
    dkim.expected = "e";
    check_finding dmarc;
    dmarc.what = check_kind::dmarc;
    dmarc.state = check_state::unknown;
    dmarc.last = check_state::warn;
    dmarc.last_at = from_unix_ms(8);
    dmarc.about = "m";
    dmarc.record = dns_record{"TXT", "dm", "v", "dmarc"};
    d.checks.findings = {dkim, dmarc};
    d.created = from_unix_ms(4);
    return d;
}

TEST(Rows, TenantQuota)
{
    auto t = sample_tenant();
    t.quota = shaping::quota_limits{5, std::nullopt, {1, 300}};
    const auto bytes = encode(t);
    EXPECT_EQ(crypto::encode_hex(bytes).substr(crypto::encode_hex(encode(sample_tenant())).size()),
              "05000201ac02");
    const auto back = decode_tenant(tenant_row_key(t.id), bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->quota, t.quota);
    // No quota of its own, and limits that name none, are two things.
    t.quota.emplace();
    EXPECT_EQ(decode_tenant(tenant_row_key(t.id), encode(t))->quota, t.quota);
    // The ramp falls: no such row was ever written.
    auto damaged = bytes;
    damaged[damaged.size() - 3] = '\x7f';
    damaged[damaged.size() - 2] = '\x01';
    damaged[damaged.size() - 1] = '\x00';
    EXPECT_FALSE(decode_tenant(tenant_row_key(t.id), damaged));
}

TEST(Rows, TenantOfVersionOneHasNoQuota)
{
    std::string old = encode(sample_tenant());
    ASSERT_EQ(old.back(), '\0');
    old.pop_back();
    EXPECT_FALSE(decode_tenant(tenant_row_key(sample_tenant().id), old));
    old.front() = 1;
    const auto t = decode_tenant(tenant_row_key(sample_tenant().id), old);
    ASSERT_TRUE(t);
    EXPECT_EQ(t->name, "Shop");
    EXPECT_FALSE(t->quota);
}

TEST(Rows, GoldenBytes)
{
    EXPECT_EQ(crypto::encode_hex(tenant_row_key(tenant_id{0x0CF5B280})), "540cf5b280");
    EXPECT_EQ(crypto::encode_hex(key_row_key(1)), "4b0000000000000001");
    EXPECT_EQ(crypto::encode_hex(tenant_key_row_key(tenant_id{9}, 1)),
              "6b000000090000000000000001");
    EXPECT_EQ(crypto::encode_hex(domain_row_key(7)), "640000000000000007");
    EXPECT_EQ(crypto::encode_hex(encode(sample_tenant())),
              "0202000001a205b3d000b8080a417369612f546f6b796f0453686f7005614062"
              "2e6300");
    EXPECT_EQ(crypto::encode_hex(encode(sample_key())),
              "010000000900004000"
              "00000000000000010000000000000002"
              "abababababababababababababababababababababababababababababababab"
              "016b");
    EXPECT_EQ(crypto::encode_hex(encode(sample_domain())),
              "020500000000000000040000000000000003"
              "04732e6a7006622e732e6a7002"
              "0104686b31720170067365616c6564"
              "0200000000000000040000000000000000" // active
              "00"
              "0204686b3165017103626f78"
              "0100000000000000050000000000000006" // pending, seen
              "ac02"
              "02"
              "010103000000000000000701610173016500" // dkim: ok, was fail
              "0504020000000000000008016d0000010354585402646d0176"
              "0564"
              "6d617263");
}

TEST(Rows, DomainsOfVersion1AreStillRead)
{
    const auto bytes = crypto::decode_hex("010500000000000000040000000000000003"
                                          "04732e6a7006622e732e6a7002"
                                          "0104686b3172017006"
                                          "7365616c6564"
                                          "0204686b3165017103626f78");
    ASSERT_TRUE(bytes.has_value());
    const auto d = decode_domain(tenant_id{9}, domain_row_key(7), *bytes);
    ASSERT_TRUE(d.has_value());
    ASSERT_EQ(d->keys.size(), 2U);
    EXPECT_EQ(d->keys[1].selector, "hk1e");
    EXPECT_EQ(d->keys[1].state, key_state::active);
    EXPECT_EQ(d->keys[1].since, from_unix_ms(4));
    EXPECT_TRUE(d->checks.findings.empty());
    EXPECT_TRUE(d->checks.return_path);
}

TEST(Rows, ComeBackAsTheyWere)
{
    const auto t = decode_tenant(tenant_row_key(sample_tenant().id), encode(sample_tenant()));
    ASSERT_TRUE(t.has_value());
    EXPECT_EQ(encode(*t), encode(sample_tenant()));
    EXPECT_EQ(t->offset_minutes, 540);
    const auto k = decode_key(key_row_key(sample_key().key.id), encode(sample_key()));
    ASSERT_TRUE(k.has_value());
    EXPECT_EQ(encode(*k), encode(sample_key()));
    const auto d = decode_domain(tenant_id{9}, domain_row_key(7), encode(sample_domain()));
    ASSERT_TRUE(d.has_value());
    EXPECT_EQ(encode(*d), encode(sample_domain()));
    EXPECT_EQ(d->checks, sample_domain().checks);
}

TEST(Rows, EveryCutAndEveryLongerValueIsDamaged)
{
    const std::string rows[] = {encode(sample_tenant()), encode(sample_key()),
                                encode(sample_domain())};
    const std::string keys[] = {tenant_row_key(tenant_id{1}), key_row_key(1), domain_row_key(1)};
    const auto is_read = [&](std::size_t kind, std::string_view key, std::string_view value)
    {
        return kind == 0   ? decode_tenant(key, value).has_value()
               : kind == 1 ? decode_key(key, value).has_value()
                           : decode_domain(tenant_id{9}, key, value).has_value();
    };
    for (std::size_t kind = 0; kind < 3; ++kind)
    {
        ASSERT_TRUE(is_read(kind, keys[kind], rows[kind]));
        for (std::size_t size = 0; size < rows[kind].size(); ++size)
        {
            EXPECT_FALSE(is_read(kind, keys[kind], rows[kind].substr(0, size))) << kind << size;
        }
        EXPECT_FALSE(is_read(kind, keys[kind], rows[kind] + "x"));
        EXPECT_FALSE(is_read(kind, keys[kind] + "x", rows[kind]));
        EXPECT_FALSE(is_read(kind, "Z" + keys[kind].substr(1), rows[kind]));
        std::string newer = rows[kind];
        newer[0] = 3;
        EXPECT_FALSE(is_read(kind, keys[kind], newer));
    }
    std::string wrong_state = rows[0];
    wrong_state[1] = 4;
    EXPECT_FALSE(is_read(0, keys[0], wrong_state));
}

} // namespace
} // namespace hikyaku::identity
