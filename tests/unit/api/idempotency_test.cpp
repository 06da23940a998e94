#include <hikyaku/api/idempotency.h>
#include <hikyaku/oplog/operation_log.h>

#include "idempotency_row.h"

#include <gtest/gtest.h>

#include <rocksdb/env.h>

namespace hikyaku::api
{
namespace
{

class fixed_clock final : public clock
{
public:
    wall_time now = from_unix_ms(1'800'000'000'000);
    [[nodiscard]] wall_time wall() const noexcept override { return now; }
    [[nodiscard]] mono_time mono() const noexcept override { return {}; }
};

class Idempotency : public testing::Test
{
protected:
    void SetUp() override
    {
        env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
        reopen();
        log_->begin_new(tenant_, oplog::system_actor(), "tenant.create").commit();
    }
    void reopen()
    {
        keys_.reset();
        log_.reset();
        db_.reset();
        store::options opts;
        opts.path = "/data";
        opts.env = env_.get();
        auto opened = store::database::open(opts);
        ASSERT_TRUE(opened.has_value());
        db_ = std::move(*opened);
        log_ = std::make_unique<oplog::operation_log>(*db_, clock_);
        keys_ = std::make_unique<idempotency>(*db_, clock_);
    }
    idempotency::outcome begin(std::string_view key, char body = 'b',
                               std::string_view path = "/v1/contacts")
    {
        return keys_->begin(tenant_, {"POST", path, key, std::string(32, body)});
    }
    /// A change of the request, with its row.
    void commit(const idempotency::ticket& t, const std::string& object)
    {
        oplog::actor who{"key", "api key", "", "", t.row_writer()};
        auto c = log_->begin(tenant_, who, "contact.create");
        c.set_object(object);
        c.commit();
    }

    const tenant_id tenant_{9};
    fixed_clock clock_;
    std::unique_ptr<rocksdb::Env> env_;
    std::unique_ptr<store::database> db_;
    std::unique_ptr<oplog::operation_log> log_;
    std::unique_ptr<idempotency> keys_;
};

TEST_F(Idempotency, AnAnswerIsReplayedAfterARestart)
{
    {
        auto first = begin("k1");
        ASSERT_EQ(first.what, idempotency::verdict::fresh);
        EXPECT_EQ(begin("k1").what, idempotency::verdict::in_progress);
        EXPECT_FALSE(first.mine->has_effect());
        commit(*first.mine, "con_1");
        EXPECT_TRUE(first.mine->has_effect());
        first.mine->keep({201, "application/json", {{"ETag", "\"1\""}}, "{}"});
    }
    reopen();
    const auto again = begin("k1");
    ASSERT_EQ(again.what, idempotency::verdict::replay);
    EXPECT_EQ(again.before->status, 201U);
    EXPECT_EQ(again.before->body, "{}");
    EXPECT_EQ(again.before->headers.at(0).second, "\"1\"");
    EXPECT_EQ(begin("k1", 'x').what, idempotency::verdict::reused);
    EXPECT_EQ(begin("k1", 'b', "/v1/fields").what, idempotency::verdict::fresh);
}

TEST_F(Idempotency, ACrashBetweenTheCommitsLeavesTheObject)
{
    {
        auto first = begin("k2");
        commit(*first.mine, "con_7");
        // A later change of the same request doesn't rename it.
        commit(*first.mine, "con_8");
    }
    reopen();
    const auto again = begin("k2");
    EXPECT_EQ(again.what, idempotency::verdict::replay_object);
    EXPECT_EQ(again.object, "con_7");
}

TEST_F(Idempotency, ARefusedRequestLeavesNothing)
{
    {
        const auto first = begin("k3");
        ASSERT_EQ(first.what, idempotency::verdict::fresh);
    }
    EXPECT_EQ(begin("k3", 'x').what, idempotency::verdict::fresh);
}

TEST_F(Idempotency, ALongAnswerIsToldFromTheObject)
{
    {
        auto first = begin("k4");
        commit(*first.mine, "con_3");
        first.mine->keep({200, "", {}, std::string(idempotency::answer_bytes_max + 1, 'x')});
    }
    EXPECT_EQ(begin("k4").what, idempotency::verdict::replay_object);
}

TEST_F(Idempotency, RowsEndAfterADay)
{
    {
        auto first = begin("k5");
        commit(*first.mine, "con_5");
    }
    EXPECT_EQ(keys_->purge(tenant_, clock_.now).value(), 0U);
    clock_.now += std::chrono::hours(24);
    EXPECT_EQ(begin("k5", 'x').what, idempotency::verdict::fresh);
    EXPECT_EQ(keys_->purge(tenant_, clock_.now).value(), 1U);
    EXPECT_EQ(keys_->purge(tenant_, clock_.now).value(), 0U);
    EXPECT_EQ(keys_->purge(tenant_id{77}, clock_.now).error(),
              store::make_error_code(store::errc::no_tenant));
}

TEST_F(Idempotency, TheOperatorsRowsAreInTheBatchOfATenantThatIsMade)
{
    const idempotency::request_identity request{"POST", "/platform/v1/tenants", "p1",
                                                std::string(32, 'b')};
    {
        auto first = keys_->begin(platform_tenant, request);
        ASSERT_EQ(first.what, idempotency::verdict::fresh);
        const oplog::actor who{"operator", "operator", "", "", first.mine->row_writer()};
        auto c = log_->begin_new(tenant_id{10}, who, "tenant.create");
        c.set_object("tnt_10");
        c.commit();
    }
    reopen();
    const auto again = keys_->begin(platform_tenant, request);
    EXPECT_EQ(again.what, idempotency::verdict::replay_object);
    EXPECT_EQ(again.object, "tnt_10");
    clock_.now += std::chrono::hours(24);
    EXPECT_EQ(keys_->purge(platform_tenant, clock_.now).value(), 1U);
}

TEST_F(Idempotency, AKeyInUseIsNotPurged)
{
    {
        auto first = begin("k6");
        commit(*first.mine, "con_6");
    }
    clock_.now += std::chrono::hours(25);
    const auto again = begin("k6");
    ASSERT_EQ(again.what, idempotency::verdict::fresh);
    EXPECT_EQ(keys_->purge(tenant_, clock_.now).value(), 0U);
}

TEST_F(Idempotency, KeysArePrintable)
{
    EXPECT_TRUE(idempotency::valid_key(std::string(255, 'k')));
    EXPECT_FALSE(idempotency::valid_key(std::string(256, 'k')));
    EXPECT_FALSE(idempotency::valid_key(""));
    EXPECT_FALSE(idempotency::valid_key("a\nb"));
    EXPECT_FALSE(idempotency::valid_key("\xE3\x81\x82"));
}

TEST(IdempotencyRow, BytesAreFixedAndDamageIsFound)
{
    const idempotency_row row{from_unix_ms(1), std::string(32, 'f'), "con_1",
                              kept_answer{201, "t", {{"a", "b"}}, "{}"}};
    const std::string bytes = encode_row(row);
    const std::string golden = std::string("\x01\0\0\0\0\0\0\0\x01", 9) + std::string(32, 'f') +
                               "\x02\x05" + "con_1" + std::string("\0\xC9", 2) + "\x01t" + "\x01" +
                               "\x01" + "a" + "\x01" + "b" + "\x02{}";
    EXPECT_EQ(bytes, golden);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    {
        EXPECT_FALSE(decode_row(std::string_view(bytes).substr(0, cut)).has_value()) << cut;
    }
    EXPECT_FALSE(decode_row(bytes + "x").has_value());
}

} // namespace
} // namespace hikyaku::api
