#include "support.h"

#include <hikyaku/api/request_limits.h>

namespace hikyaku::api
{
namespace
{

class stopped_clock final : public clock
{
public:
    mono_time now{seconds{1'000}};
    [[nodiscard]] wall_time wall() const noexcept override { return {}; }
    [[nodiscard]] mono_time mono() const noexcept override { return now; }
};

TEST(RequestLimits, ABurstIsGrantedAndThenTheRate)
{
    stopped_clock clock;
    request_limits limits(clock, {.per_s = 2, .burst = 5});
    for (std::uint64_t left = 5; left-- > 0;)
    {
        const auto q = limits.take(1);
        EXPECT_TRUE(q.granted);
        EXPECT_EQ(q.remaining, left);
        // (5 - left) / 2 seconds, rounded up.
        EXPECT_EQ(q.reset, seconds((5 - left + 1) / 2));
    }
    const auto refused = limits.take(1);
    EXPECT_FALSE(refused.granted);
    EXPECT_EQ(refused.remaining, 0U);
    EXPECT_EQ(refused.reset, seconds{1});
    clock.now += milliseconds{499};
    EXPECT_FALSE(limits.take(1).granted);
    clock.now += milliseconds{1};
    EXPECT_TRUE(limits.take(1).granted);
    EXPECT_FALSE(limits.take(1).granted);
    clock.now += seconds{60};
    EXPECT_EQ(limits.take(1).remaining, 4U) << "a rest earns the burst and no more";
}

TEST(RequestLimits, OneKeyTakesNothingFromAnother)
{
    stopped_clock clock;
    request_limits limits(clock, {.per_s = 1, .burst = 1});
    EXPECT_TRUE(limits.take(1).granted);
    EXPECT_FALSE(limits.take(1).granted);
    EXPECT_TRUE(limits.take(2).granted);
}

TEST(RequestLimits, FullBucketsAreForgottenAndUsedOnesAreNot)
{
    stopped_clock clock;
    request_limits limits(clock, {.per_s = 1, .burst = 3});
    for (std::uint64_t key = 1; key <= request_limits::buckets_kept; ++key)
    {
        EXPECT_TRUE(limits.take(key).granted);
    }
    EXPECT_EQ(limits.buckets(), request_limits::buckets_kept);
    clock.now += seconds{1};
    EXPECT_TRUE(limits.take(0).granted);
    EXPECT_EQ(limits.buckets(), 1U);
    for (std::uint64_t key = 1; key <= 2 * request_limits::buckets_kept; ++key)
    {
        EXPECT_TRUE(limits.take(key).granted);
    }
    EXPECT_EQ(limits.buckets(), 2 * request_limits::buckets_kept + 1) << "none of them is full";
    EXPECT_EQ(limits.take(0).remaining, 1U);
}

TEST(RequestLimits, TheHeadersFollowTheDraft)
{
    stopped_clock clock;
    request_limits limits(clock, {});
    const auto q = limits.take(1);
    auto answer = http::response::empty(204);
    limits.tell(q, answer);
    EXPECT_EQ(answer.find_header("RateLimit-Policy"), R"("key";q=1000;w=2)");
    EXPECT_EQ(answer.find_header("RateLimit"), R"("key";r=999;t=1)");
}

TEST_F(ApiTest, AKeyThatAsksTooOftenIsToldWhenToComeBack)
{
    stopped_clock clock;
    request_limits limits(clock, {.per_s = 1, .burst = 2});
    all_->limits = &limits;
    const auto first = send("GET", "/v1/contacts");
    EXPECT_EQ(first.status, 200U);
    EXPECT_EQ(first.find_header("RateLimit-Policy"), R"("key";q=2;w=2)");
    EXPECT_EQ(first.find_header("RateLimit"), R"("key";r=1;t=1)");
    const auto wrong = send("POST", "/v1/fields", "{}");
    EXPECT_EQ(wrong.status, 422U);
    EXPECT_EQ(wrong.find_header("RateLimit"), R"("key";r=0;t=2)") << "refused ones count too";
    for (const auto* method : {"GET", "POST"})
    {
        const auto refused = send(method, "/v1/contacts", "{}");
        EXPECT_EQ(refused.status, 429U);
        EXPECT_EQ(code_of(refused), "rate_limited");
        EXPECT_EQ(refused.find_header("Retry-After"), "1");
        EXPECT_EQ(refused.find_header("RateLimit"), R"("key";r=0;t=1)");
    }
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, other_key_).status, 200U);
    clock.now += seconds{1};
    EXPECT_EQ(send("GET", "/v1/contacts").status, 200U);
}

TEST_F(ApiTest, AForbiddenRequestIsCountedOnce)
{
    stopped_clock clock;
    request_limits limits(clock, {.per_s = 1, .burst = 9});
    all_->limits = &limits;
    const auto narrow = make_key({identity::scope::contacts_read});
    const auto refused = send("POST", "/v1/contacts", "{}", {}, narrow);
    EXPECT_EQ(refused.status, 403U);
    EXPECT_EQ(refused.find_header("RateLimit"), R"("key";r=8;t=1)");
    // The listener's hook admits first, the route sees that it did.
    http::request r;
    r.route = "GET /v1/contacts";
    r.headers.add("Authorization", "Bearer " + narrow);
    EXPECT_FALSE(make_tenant_hook(*all_)(r).has_value());
    EXPECT_FALSE(make_tenant_hook(*all_)(r).has_value());
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, narrow).find_header("RateLimit"),
              R"("key";r=6;t=3)");
    EXPECT_FALSE(send("GET", "/v1/contacts", "", {}, "").find_header("RateLimit").has_value());
}

} // namespace
} // namespace hikyaku::api
