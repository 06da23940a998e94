#include "support.h"

namespace hikyaku::api
{
namespace
{

TEST_F(ApiTest, TheOperatorIsRootTheDaemonOrTheToken)
{
    EXPECT_EQ(operate("GET", "/platform/v1/status", "", 0).status, 200U);
    EXPECT_EQ(operate("GET", "/platform/v1/status", "", 4242).status, 200U);
    EXPECT_EQ(operate("GET", "/platform/v1/status", "", 1000).status, 401U);
    http::request r;
    r.method = "GET";
    r.target = "/platform/v1/status";
    EXPECT_EQ(send_to(platform_, r).status, 401U);
    auto tenant = r;
    tenant.headers.add("Authorization", "Bearer " + key_);
    EXPECT_EQ(send_to(platform_, tenant).status, 401U);
    std::ifstream file(token_file_);
    std::string token;
    std::getline(file, token);
    auto right = r;
    right.headers.add("Authorization", "Bearer " + token);
    EXPECT_EQ(send_to(platform_, right).status, 200U);
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, token).status, 401U);
    for (const auto& route : platform_.list())
    {
        auto any = r;
        any.method = route.substr(0, route.find(' '));
        any.target = route.substr(route.find(' ') + 1);
        const bool open = !any.target.starts_with("/platform/");
        EXPECT_EQ(send_to(platform_, any).status != 401U, open) << route;
    }
}

TEST_F(ApiTest, TenantsAreMadeSuspendedAndResumed)
{
    const auto made =
        operate("POST", "/platform/v1/tenants", R"({"name":"New","admin_email":"a@new.example"})");
    ASSERT_EQ(made.status, 201U) << made.body;
    const auto body = parse(made);
    const std::string key(body.at("key").at("key").as_string());
    const std::string path = "/platform/v1/tenants/" + std::string(body.at("id").as_string());
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, key).status, 200U);
    EXPECT_EQ(operate("GET", path).status, 200U);
    EXPECT_EQ(operate("POST", path + ":suspend").status, 200U);
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, key).status, 403U);
    EXPECT_EQ(operate("POST", path + ":resume").status, 200U);
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, key).status, 200U);
    EXPECT_EQ(operate("GET", "/platform/v1/tenants/tnt_0").status, 404U);
    EXPECT_EQ(operate("POST", "/platform/v1/tenants", R"({"name":"x","y":1})").status, 422U);
    EXPECT_EQ(parse(operate("GET", "/platform/v1/tenants?limit=2")).at("data").as_array().size(),
              2U);
    const auto log = log_->list(platform_tenant, {}, 0, 10);
    ASSERT_TRUE(log.has_value());
    EXPECT_EQ(log->front().operation, "tenant.resume");
}

TEST_F(ApiTest, TheOperatorsRequestsAreReplayed)
{
    const headers once{{"Idempotency-Key", "t1"}};
    const std::string body = R"({"name":"New","admin_email":"a@new.example"})";
    const auto post = [&](const std::string& text, std::uint32_t uid = 4242)
    { return operate("POST", "/platform/v1/tenants", text, uid, once); };
    const auto made = post(body);
    ASSERT_EQ(made.status, 201U) << made.body;
    const std::string id(parse(made).at("id").as_string());
    const auto count = tenants_->list(tenant_id{0}, 1000).size();

    // The row came with the tenant in one batch: it is there without the second commit.
    close();
    open();
    const auto again = post(body);
    EXPECT_EQ(again.status, 201U);
    EXPECT_EQ(again.find_header("Idempotency-Replayed"), "true");
    EXPECT_EQ(parse(again).at("id").as_string(), id);
    EXPECT_FALSE(parse(again).as_object().contains("key")) << "a secret was kept";
    EXPECT_EQ(tenants_->list(tenant_id{0}, 1000).size(), count);
    EXPECT_EQ(code_of(post(R"({"name":"Else","admin_email":"a@new.example"})")),
              "idempotency_key_reused");
    EXPECT_EQ(post(body, 1000).status, 401U) << "a replay needs the credentials too";
    // A tenant's key of the same name is another key.
    const std::string field = R"({"name":"f1","label":"F","type":"text"})";
    EXPECT_EQ(send("POST", "/v1/fields", field, once).status, 201U);

    const std::string path = "/platform/v1/tenants/" + id;
    EXPECT_EQ(operate("POST", path + ":suspend", "", 4242, once).status, 200U);
    EXPECT_EQ(operate("POST", path + ":resume").status, 200U);
    const auto suspended = operate("POST", path + ":suspend", "", 4242, once);
    EXPECT_EQ(parse(suspended).at("state").as_string(), "suspended") << "the answer of then";
    EXPECT_EQ(parse(operate("GET", path)).at("state").as_string(), "active");
}

TEST_F(ApiTest, ARefusedRequestOfTheOperatorLeavesNoKey)
{
    const headers once{{"Idempotency-Key", "t2"}};
    EXPECT_EQ(operate("POST", "/platform/v1/tenants", R"({"name":"x"})", 4242, once).status, 422U);
    const auto made = operate("POST", "/platform/v1/tenants",
                              R"({"name":"New","admin_email":"a@new.example"})", 4242, once);
    EXPECT_EQ(made.status, 201U) << made.body;
    EXPECT_EQ(
        operate("POST", "/platform/v1/tenants", "{}", 4242, {{"Idempotency-Key", "あ"}}).status,
        400U);
}

TEST_F(ApiTest, ProbesReloadAndMetrics)
{
    EXPECT_EQ(operate("GET", "/healthz", "", 1000).status, 200U);
    EXPECT_EQ(operate("GET", "/readyz", "", 1000).status, 200U);
    std::string why = "starting";
    all_->hooks.not_ready = [&] { return why; };
    EXPECT_EQ(operate("GET", "/readyz").status, 503U);
    EXPECT_EQ(operate("GET", "/metrics").status, 503U);
    all_->hooks.metrics = [] { return std::string("hikyaku_up 1\n"); };
    EXPECT_EQ(operate("GET", "/metrics").body, "hikyaku_up 1\n");
    all_->hooks.reload = []() -> result<std::vector<std::string>, failure>
    { return std::vector<std::string>{"data_dir: needs a restart"}; };
    EXPECT_EQ(parse(operate("POST", "/platform/v1/reload")).at("needs_restart").as_array().size(),
              1U);
    all_->hooks.reload = []() -> result<std::vector<std::string>, failure>
    { return failure{"line 3"}; };
    EXPECT_EQ(operate("POST", "/platform/v1/reload").status, 422U);
}

} // namespace
} // namespace hikyaku::api
