#include <hikyaku/queue/usage_rows.h>

#include <gtest/gtest.h>

#include <rocksdb/env.h>

namespace hikyaku::queue
{
namespace
{

constexpr tenant_id tenant{0x01020304};

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

/// "key=value", "key!" (erased) or "first-last!" of the operations of a record.
std::vector<std::string> operations(const store::record& r)
{
    std::vector<std::string> out;
    store::operation_reader in(r.bytes());
    for (store::operation op; in.next(op);)
    {
        EXPECT_EQ(op.where, store::space::queue);
        switch (op.kind)
        {
        case store::operation_kind::put:
            out.push_back(hex(op.key) + "=" + hex(op.value));
            break;
        case store::operation_kind::erase:
            out.push_back(hex(op.key) + "!");
            break;
        case store::operation_kind::erase_range:
            out.push_back(hex(op.key) + "-" + hex(op.value) + "!");
            break;
        case store::operation_kind::create_family:
        case store::operation_kind::drop_family:
            ADD_FAILURE();
        }
    }
    EXPECT_TRUE(in.ok());
    return out;
}

using texts = std::vector<std::string>;

// Golden bytes: what is on disk at a customer's must be readable for ever.
TEST(UsageGoldenBytes, Tenant)
{
    store::record r(tenant);
    put_usage(r, {20'000, 300, 2026 * 12 + 10, 301});
    EXPECT_EQ(operations(r), (texts{"5501020304=01c0b802ac0284fc02ad02"}));
}

TEST(UsageGoldenBytes, Platform)
{
    store::record r(platform_tenant);
    put_warm_up(r, {20'000, 0x0102, "mx.example", 300});
    erase_warm_up_before(r, 20'000);
    put_adaptation(r, {0x0102, "mx", "\x01x"});
    put_adaptation(r, {0x0102, "mx", ""});
    put_suspensions(r, "\x01y");
    put_suspensions(r, "");
    put_source(r, {0x0102, "one"});
    erase_warm_up_before(r, 0);
    EXPECT_EQ(operations(r), (texts{"570000000000004e2001026d782e6578616d706c65=01ac02",
                                    "570000000000000000-570000000000004e20!",
                                    "410000000001026d78=0178", "410000000001026d78!",
                                    "5300000000=0179", "5300000000!", "4f000000000102=6f6e65"}));
}

class UsageRowsTest : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        store::record r(platform_tenant);
        r.create_family(tenant);
        db_->commit(std::move(r), store::commit_class::control);
    }
    void commit(store::record r) { db_->commit(std::move(r), store::commit_class::control); }
    platform_rows load()
    {
        auto rows = load_platform_rows(db_->queue());
        EXPECT_TRUE(rows.has_value());
        return rows.has_value() ? std::move(*rows) : platform_rows{};
    }

    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
};

TEST_F(UsageRowsTest, NothingIsThereAtFirst)
{
    EXPECT_EQ(*find_usage(db_->queue(), tenant), std::nullopt);
    const auto rows = load();
    EXPECT_TRUE(rows.warm_up.empty() && rows.adaptation.empty() && rows.suspensions.empty() &&
                rows.sources.empty());
}

TEST_F(UsageRowsTest, TenantsReadBackTheirOwn)
{
    const tenant_usage used{-1, ~std::uint64_t{0}, std::numeric_limits<std::int32_t>::max(), 7};
    store::record r(tenant);
    put_usage(r, used);
    commit(std::move(r));
    EXPECT_EQ(*find_usage(db_->queue(), tenant), used);
    EXPECT_EQ(*find_usage(db_->queue(), tenant_id{tenant.value + 1}), std::nullopt);
}

TEST_F(UsageRowsTest, PlatformRowsReadBack)
{
    const std::vector<warm_up_usage> warm{{7, 1, "a", 5}, {7, 2, "", 6}, {8, 1, "a", 1}};
    const std::vector<adaptation_row> adapted{{1, "mx1.example,mx2.example", "s"}, {2, "", "t"}};
    const std::vector<source_row> sources{{1, "one"}, {65'535, "two"}};
    store::record r(platform_tenant);
    for (const auto& w : warm)
    {
        put_warm_up(r, w);
    }
    for (const auto& a : adapted)
    {
        put_adaptation(r, a);
    }
    for (const auto& s : sources)
    {
        put_source(r, s);
    }
    put_suspensions(r, "all");
    commit(std::move(r));
    auto rows = load();
    EXPECT_EQ(rows.warm_up, warm);
    EXPECT_EQ(rows.adaptation, adapted);
    EXPECT_EQ(rows.sources, sources);
    EXPECT_EQ(rows.suspensions, "all");

    store::record later(platform_tenant);
    erase_warm_up_before(later, 8);
    put_adaptation(later, {1, adapted[0].site, ""});
    put_suspensions(later, "");
    commit(std::move(later));
    rows = load();
    EXPECT_EQ(rows.warm_up, (std::vector<warm_up_usage>{{8, 1, "a", 1}}));
    EXPECT_EQ(rows.adaptation, (std::vector<adaptation_row>{{2, "", "t"}}));
    EXPECT_EQ(rows.suspensions, "");
    EXPECT_EQ(rows.sources, sources);
}

TEST_F(UsageRowsTest, DamagedRowsAreLeftOut)
{
    const std::string zero(4, '\0');
    store::record r(platform_tenant);
    const auto put = [&](const std::string& key, std::string_view value)
    { r.put(store::space::queue, key, value); };
    put("W" + zero + "12", "\x01\x05");
    put("W" + zero + std::string("\0\0\0\x07", 4) + "12a", "\x02\x05");
    put("W" + zero + std::string("\0\0\0\x07", 4) + "12b", "\x01\x85");
    put("W" + zero + std::string("\0\0\0\x07", 4) + "12c", "\x01\x05x");
    put("W" + zero + std::string("\xff\0\0\x07", 4) + "12d", "\x01\x05");
    put("A" + zero + "1", "x");
    put("O" + zero + std::string("\0\0", 2), "name");
    put("O" + zero + "123", "name");
    put_warm_up(r, {9, 1, "sound", 1});
    commit(std::move(r));
    const auto rows = load();
    EXPECT_EQ(rows.warm_up, (std::vector<warm_up_usage>{{9, 1, "sound", 1}}));
    EXPECT_TRUE(rows.adaptation.empty() && rows.sources.empty());

    for (const std::string& value :
         {std::string(), std::string("\x02\0\0\0\0", 5), std::string("\x01\0\0\0", 4),
          std::string("\x01\0\0\0\0x", 6), std::string("\x01\xff\xff\xff\xff\xff\x01\0\0\0", 10)})
    {
        store::record t(tenant);
        t.put(store::space::queue, "U\x01\x02\x03\x04", value);
        commit(std::move(t));
        EXPECT_EQ(*find_usage(db_->queue(), tenant), std::nullopt);
    }
}

TEST_F(UsageRowsTest, RowsOfDroppedTenantsGoAtTheNextStart)
{
    constexpr tenant_id gone{0x01020305};
    store::record made(platform_tenant);
    made.create_family(gone);
    commit(std::move(made));
    for (const auto id : {tenant, gone})
    {
        store::record r(id);
        put_usage(r, {1, 2, 3, 4});
        commit(std::move(r));
    }
    store::record r(platform_tenant);
    r.drop_family(gone);
    commit(std::move(r));
    ASSERT_TRUE(erase_orphaned_usage(*db_).has_value());
    EXPECT_EQ(*find_usage(db_->queue(), gone), std::nullopt);
    EXPECT_EQ(*find_usage(db_->queue(), tenant), (tenant_usage{1, 2, 3, 4}));
}

} // namespace
} // namespace hikyaku::queue
