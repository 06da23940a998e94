#include "campaign_submit.h"
#include "client_rig.h"

#include <atomic>

#include <sys/stat.h>

namespace hikyaku::cli
{
namespace
{

http::response json_answer(unsigned status, const char* text)
{
    return http::response::json(status, *parse_json(text));
}

struct client_test : testing::Test
{
    scratch dir;
    stub_server server;
    terminal t;
    std::atomic<int> reports{0};

    void begin()
    {
        server.start();
        t.variables["HIKYAKU_URL"] = server.url();
        t.variables["HIKYAKU_KEY_FILE"] = dir.file("key", "hk_1_secret\n");
        t.variables["HIKYAKU_PLATFORM_URL"] = server.url();
        t.variables["HIKYAKU_TOKEN_FILE"] = dir.file("token", std::string(40, 't') + "\n");
    }
    void serve_campaign(const char* end_state)
    {
        server.on("POST", "/v1/campaigns", [](const http::request&)
                  { return json_answer(201, R"({"id":"cmp_1","state":"draft"})"); });
        server.on("POST", "/v1/campaigns/{id}:start", [](const http::request&)
                  { return json_answer(202, R"({"id":"cmp_1","state":"scheduled"})"); });
        server.on("GET", "/v1/campaigns/{id}/report",
                  [this, end_state](const http::request&)
                  {
                      const int n = ++reports;
                      json::object r{{"id", "cmp_1"},   {"name", "News"},
                                     {"audience", 100}, {"recipients", 100},
                                     {"deferred", 2},   {"expansion_complete", true}};
                      r["state"] = n < 4 ? "sending" : end_state;
                      r["delivered"] = n < 4 ? n * 20 : 97;
                      r["bounced"] = n < 4 ? 0 : 3;
                      return http::response::json(200, r);
                  });
    }
    [[nodiscard]] std::string campaign_file() const
    {
        return dir.file("news.json", R"({"name":"News"})");
    }
};

TEST_F(client_test, SubmitCreatesAndStarts)
{
    serve_campaign("finished");
    begin();
    EXPECT_EQ(t.run({"campaign", "submit", campaign_file()}), 0) << t.err.str();
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[0].line, "POST /v1/campaigns");
    EXPECT_EQ(seen[0].body, R"({"name":"News"})");
    EXPECT_EQ(seen[0].authorization, "Bearer hk_1_secret");
    EXPECT_EQ(seen[0].idempotency_key, derived_key("news.json", R"({"name":"News"})"));
    EXPECT_EQ(seen[0].idempotency_key.size(), 64U);
    EXPECT_EQ(seen[1].line, "POST /v1/campaigns/cmp_1:start");
    EXPECT_EQ(seen[1].idempotency_key, "start-cmp_1");
    EXPECT_EQ(t.out.str(), "cmp_1 is scheduled.\n");
}

TEST_F(client_test, TheKeyDependsOnNameAndContentOnly)
{
    EXPECT_EQ(derived_key("/a/news.json", "x"), derived_key("/b/news.json", "x"));
    EXPECT_NE(derived_key("news.json", "x"), derived_key("news.json", "y"));
    EXPECT_NE(derived_key("news.json", "x"), derived_key("other.json", "x"));
}

TEST_F(client_test, DraftDoesNotStart)
{
    serve_campaign("finished");
    begin();
    EXPECT_EQ(t.run({"campaign", "submit", campaign_file(), "--draft", "--idempotency-key", "mine",
                     "--json"}),
              0);
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].idempotency_key, "mine");
    EXPECT_EQ(t.out.str(), "{\"id\":\"cmp_1\",\"state\":\"draft\"}\n");
}

TEST_F(client_test, FollowEndsWithTheCampaign)
{
    serve_campaign("finished");
    begin();
    EXPECT_EQ(t.run({"campaign", "submit", campaign_file(), "--follow"}), 0) << t.err.str();
    EXPECT_EQ(reports, 4);
    EXPECT_EQ(t.waits, 3);
    EXPECT_NE(t.out.str().find("20/100 sent"), std::string::npos) << t.out.str();
    EXPECT_NE(t.out.str().find("delivered    97\n"), std::string::npos) << t.out.str();
    EXPECT_EQ(t.out.str().find('\r'), std::string::npos);
}

TEST_F(client_test, FollowDrawsInPlaceOnATerminal)
{
    serve_campaign("finished");
    begin();
    t.is_terminal = true;
    t.columns = 70;
    EXPECT_EQ(t.run({"campaign", "report", "cmp_1", "--follow"}), 0);
    EXPECT_NE(t.out.str().find("\r[####"), std::string::npos) << t.out.str();
    EXPECT_NE(t.out.str().find("100.0%"), std::string::npos);
}

TEST_F(client_test, FollowPrintsReportsAsJsonLines)
{
    serve_campaign("finished");
    begin();
    EXPECT_EQ(t.run({"campaign", "report", "cmp_1", "--follow", "--json"}), 0);
    const auto text = t.out.str();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
    EXPECT_EQ(text.find("{\"id\":\"cmp_1\""), 0U);
}

TEST_F(client_test, FollowTellsOfPauseAndCancel)
{
    serve_campaign("paused");
    begin();
    EXPECT_EQ(t.run({"campaign", "report", "cmp_1", "--follow"}), 1);
    EXPECT_NE(t.err.str().find("campaign resume cmp_1"), std::string::npos);
}

TEST_F(client_test, InterruptedFollowSaysThatTheCampaignGoesOn)
{
    serve_campaign("finished");
    begin();
    t.interrupt_after = 1;
    EXPECT_EQ(t.run({"campaign", "submit", campaign_file(), "--follow"}), 0);
    EXPECT_EQ(reports, 2);
    EXPECT_NE(t.err.str().find("goes on"), std::string::npos);
    EXPECT_NE(t.err.str().find("hikyaku campaign cancel cmp_1"), std::string::npos);
}

TEST_F(client_test, RefusalsNameThePointer)
{
    server.on("POST", "/v1/campaigns",
              [](const http::request&)
              {
                  return http::response::problem(
                      {.status = 422,
                       .code = "invalid_fields",
                       .detail = "One field is wrong.",
                       .errors = {{"/audience", "missing", "must be given"}}});
              });
    begin();
    EXPECT_EQ(t.run({"campaign", "submit", campaign_file()}), 1);
    EXPECT_NE(t.err.str().find("/audience: must be given (missing)"), std::string::npos);
    EXPECT_EQ(t.out.str(), "");
}

TEST_F(client_test, BrokenFileIsToldByLineAndNeverSent)
{
    begin();
    EXPECT_EQ(t.run({"campaign", "submit", dir.file("bad.json", "{\n  \"name\": ,\n}")}), 2);
    EXPECT_NE(t.err.str().find("line 2, column"), std::string::npos) << t.err.str();
    EXPECT_TRUE(server.seen().empty());
}

TEST_F(client_test, ExitStatusOfWhatGoesWrong)
{
    server.on("GET", "/v1/keys",
              [](const http::request&)
              {
                  return http::response::problem(
                      {.status = 401, .code = "unauthorized", .detail = "No such key."});
              });
    begin();
    EXPECT_EQ(t.run({"key", "list"}), 4);
    EXPECT_NE(t.err.str().find("HIKYAKU_KEY_FILE"), std::string::npos);

    terminal nobody;
    nobody.variables = t.variables;
    // Port 1 of loopback: nothing listens there.
    EXPECT_EQ(nobody.run({"key", "list", "--url", "http://127.0.0.1:1"}), 3);
    EXPECT_NE(nobody.err.str().find("systemctl status"), std::string::npos);

    terminal keyless;
    keyless.variables["HIKYAKU_URL"] = server.url();
    EXPECT_EQ(keyless.run({"key", "list"}), 2);
    EXPECT_NE(keyless.err.str().find("--key-file"), std::string::npos);

    terminal split;
    split.variables = t.variables;
    EXPECT_EQ(split.run({"key", "list", "--key-file", dir.file("k2", "hk_1 x\r\ny\n")}), 2);
    EXPECT_EQ(t.run({"key", "list", "--url", "ftp://x"}), 2);
}

TEST_F(client_test, ListsGoOverEveryPage)
{
    server.on("GET", "/platform/v1/tenants",
              [](const http::request& r)
              {
                  return json_answer(200, r.query.find("cursor")
                                              ? R"({"data":[{"id":"tnt_2"}],"next_cursor":null})"
                                              : R"({"data":[{"id":"tnt_1"}],"next_cursor":"a b"})");
              });
    begin();
    EXPECT_EQ(t.run({"tenant", "list", "--json"}), 0) << t.err.str();
    EXPECT_EQ(t.out.str(), "{\"id\":\"tnt_1\"}\n{\"id\":\"tnt_2\"}\n");
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_EQ(seen[1].line, "GET /platform/v1/tenants?limit=1000&cursor=a%20b");
    EXPECT_EQ(seen[1].authorization, "Bearer " + std::string(40, 't'));
}

TEST_F(client_test, TenantKeyGoesToItsFileOnly)
{
    server.on("POST", "/platform/v1/tenants",
              [](const http::request&)
              {
                  return json_answer(201,
                                     R"({"id":"tnt_1","name":"Shop","admin_email":"a@b.example",
                      "key":{"id":"key_1","name":"first","key":"hk_1_secret"}})");
              });
    begin();
    const auto out = dir.path("shop.key");
    EXPECT_EQ(t.run({"tenant", "create", "Shop", "--admin-email", "a@b.example", "--key-out", out,
                     "--json"}),
              0)
        << t.err.str();
    EXPECT_EQ(t.out.str().find("hk_1_secret"), std::string::npos);
    std::ifstream in(out);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "hk_1_secret\n");
    struct stat info{};
    ASSERT_EQ(::stat(out.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    // A second one never overwrites it, and asks nothing of the server.
    EXPECT_EQ(t.run({"tenant", "create", "Shop", "--admin-email", "a@b.example", "--key-out", out}),
              2);
    EXPECT_EQ(server.seen().size(), 1U);
}

TEST_F(client_test, RefusedTenantLeavesNoKeyFile)
{
    server.on("POST", "/platform/v1/tenants",
              [](const http::request&)
              {
                  return http::response::problem(
                      {.status = 422, .code = "invalid_fields", .detail = "No."});
              });
    begin();
    const auto out = dir.path("shop.key");
    EXPECT_EQ(t.run({"tenant", "create", "Shop", "--admin-email", "x", "--key-out", out}), 1);
    EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(client_test, ImportUploadsWaitsAndFetchesTheErrors)
{
    std::atomic<int> looks{0};
    server.on(
        "POST", "/v1/uploads",
        [](const http::request&) { return json_answer(201, R"({"id":"upl_1","bytes":9})"); }, true);
    server.on("POST", "/v1/contacts:import",
              [](const http::request&) { return json_answer(202, R"({"job_id":"job_1"})"); });
    server.on("GET", "/v1/jobs/{id}",
              [&looks](const http::request&)
              {
                  return json_answer(200, ++looks < 3 ? R"({"id":"job_1","state":"running",
                      "progress":{"done":5,"total":9},"counts":{"rows":1}})"
                                                      : R"({"id":"job_1","state":"done",
                      "progress":{"done":9,"total":9},"counts":{"rows":2,"created":1,"rejected":1},
                      "errors_url":"/v1/jobs/job_1/errors"})");
              });
    server.on("GET", "/v1/jobs/{id}/errors", [](const http::request&)
              { return http::response::text(200, "text/csv", "row,reason\n2,bad\n"); });
    begin();
    const auto errors = dir.path("errors.csv");
    EXPECT_EQ(t.run({"contacts", "import", dir.file("m.csv", "email\na\nb\n"), "--mode", "new_only",
                     "--errors-out", errors}),
              0)
        << t.err.str();
    const auto seen = server.seen();
    ASSERT_EQ(seen.size(), 6U);
    EXPECT_EQ(seen[0].body, "email\na\nb\n");
    EXPECT_EQ(seen[1].body, R"({"upload":"upl_1","mode":"new_only","key":"email","strict":false})");
    EXPECT_NE(t.out.str().find("rejected   1\n"), std::string::npos) << t.out.str();
    std::ifstream in(errors);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "row,reason\n2,bad\n");
}

TEST_F(client_test, TailFiltersTheLog)
{
    const auto line = [](const char* event)
    {
        return R"({"seq":"1.0","ts":"2026-11-24T09:00:00.000+09:00","event":")" +
               std::string(event) + R"(","recipient":"a@b.example","site":"mx.b.example"})" + "\n";
    };
    const auto file =
        dir.file("delivery.log", line("delivered") + line("bounced") + line("delivered"));
    EXPECT_EQ(t.run({"tail", "--file", file, "--disposition", "bounced"}), 0) << t.err.str();
    EXPECT_EQ(t.out.str(),
              "2026-11-24T09:00:00.000+09:00  bounced     a@b.example  mx.b.example\n");
    terminal raw;
    EXPECT_EQ(raw.run({"tail", "--file", file, "-n", "1", "--json"}), 0);
    EXPECT_EQ(raw.out.str(), line("delivered"));
    EXPECT_EQ(raw.run({"tail", "--file", dir.path("none")}), 1);
    EXPECT_EQ(raw.run({"tail", "--file", file, "--tenant", "x"}), 2);
}

TEST_F(client_test, ConfigurationNamesTheServer)
{
    server.on("GET", "/v1/domains", [](const http::request&)
              { return json_answer(200, R"({"data":[],"next_cursor":null})"); });
    begin();
    const auto address = server.url().substr(std::string("http://").size());
    const auto config = dir.file("h.yaml", "api:\n  address: " + address + "\nshaping: \"\"\n");
    t.variables.erase("HIKYAKU_URL");
    EXPECT_EQ(t.run({"domain", "list", "--config", config}), 0) << t.err.str();
    EXPECT_EQ(server.seen().size(), 1U);
    EXPECT_EQ(t.run({"domain", "list", "--config", dir.file("bad.yaml", "apy: 1\n")}), 2);
}

TEST_F(client_test, MissingPlatformSocketIsNotReachable)
{
    const auto config =
        dir.file("h.yaml", "platform:\n  unix_socket: " + dir.path("p.sock") + "\nshaping: \"\"\n");
    EXPECT_EQ(t.run({"status", "--config", config}), 3);
    EXPECT_NE(t.err.str().find("p.sock"), std::string::npos) << t.err.str();
}

TEST_F(client_test, StatusAndShapingForPeople)
{
    server.on("GET", "/platform/v1/status",
              [](const http::request&)
              {
                  return json_answer(200, R"({"version":"1","uptime_s":90,
                      "disk":{"low":true,"free_bytes":1024},
                      "store":{"missing":{"acknowledged":9,"found":7}},
                      "delivery":{"held":true,"held_because":"gap"}})");
              });
    server.on("GET", "/platform/v1/shaping",
              [](const http::request&)
              {
                  return json_answer(200, R"({"domain":"x.example","provider":"","mx":["mx.x"],
                      "limits":{"idle_max":{"value":"90000ms","from":"provider"},
                      "rate":{"value":{"count":5,"per_ms":60000,"burst":1},"from":"default"}}})");
              });
    begin();
    EXPECT_EQ(t.run({"status"}), 0) << t.err.str();
    EXPECT_NE(t.out.str().find("1m 30s"), std::string::npos) << t.out.str();
    EXPECT_NE(t.out.str().find("LOW"), std::string::npos);
    EXPECT_NE(t.out.str().find("acknowledged up to 9, found 7"), std::string::npos);
    EXPECT_NE(t.out.str().find("held: gap"), std::string::npos);
    terminal s;
    s.variables = t.variables;
    EXPECT_EQ(s.run({"shaping", "x.example"}), 0) << s.err.str();
    EXPECT_NE(s.out.str().find("5 per 1m 00s, burst 1"), std::string::npos) << s.out.str();
    EXPECT_NE(s.out.str().find("1m 30s"), std::string::npos);
    EXPECT_EQ(server.seen().back().line, "GET /platform/v1/shaping?domain=x.example");
}

} // namespace
} // namespace hikyaku::cli
