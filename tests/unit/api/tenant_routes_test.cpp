#include "support.h"

#include <atomic>
#include <thread>

namespace hikyaku::api
{
namespace
{

constexpr const char* every_route[][2] = {
    {"GET", "/v1/fields"},
    {"POST", "/v1/fields"},
    {"GET", "/v1/fields/email"},
    {"PATCH", "/v1/fields/email"},
    {"DELETE", "/v1/fields/name"},
    {"GET", "/v1/contacts"},
    {"POST", "/v1/contacts"},
    {"GET", "/v1/contacts/con_1"},
    {"PATCH", "/v1/contacts/con_1"},
    {"PUT", "/v1/contacts/con_1"},
    {"DELETE", "/v1/contacts/con_1"},
    {"GET", "/v1/contacts/by/email/a@b.example"},
    {"PUT", "/v1/contacts/by/email/a@b.example"},
    {"POST", "/v1/contacts:count"},
    {"POST", "/v1/contacts:search"},
    {"POST", "/v1/contacts:import"},
    {"POST", "/v1/contacts/con_1:unsubscribe"},
    {"POST", "/v1/uploads"},
    {"GET", "/v1/uploads/upl_1"},
    {"GET", "/v1/jobs"},
    {"GET", "/v1/jobs/job_1"},
    {"POST", "/v1/jobs/job_1:cancel"},
    {"GET", "/v1/jobs/job_1/errors"},
    {"GET", "/v1/suppressions"},
    {"POST", "/v1/suppressions"},
    {"DELETE", "/v1/suppressions/a@b.example"},
    {"GET", "/v1/domains"},
    {"POST", "/v1/domains"},
    {"GET", "/v1/domains/dom_1"},
    {"DELETE", "/v1/domains/dom_1"},
    {"GET", "/v1/keys"},
    {"POST", "/v1/keys"},
    {"GET", "/v1/keys/key_1"},
    {"DELETE", "/v1/keys/key_1"},
    {"GET", "/v1/operation-logs"},
    {"GET", "/v1/openapi.json"},
};

TEST_F(ApiTest, EveryRouteWantsAKeyWithTheScope)
{
    const auto narrow = make_key({identity::scope::events_read});
    for (const auto& [method, path] : every_route)
    {
        const auto nobody = send(method, path, "", {}, "");
        EXPECT_EQ(nobody.status, 401U) << method << path;
        EXPECT_TRUE(nobody.find_header("WWW-Authenticate").has_value()) << path;
        EXPECT_EQ(send(method, path, "", {}, "hk_nonsense").status, 401U) << path;
        EXPECT_EQ(send(method, path, "", {}, narrow).status, 403U) << method << path;
    }
}

TEST_F(ApiTest, ASuspendedTenantIsRefused)
{
    ASSERT_TRUE(tenants_->suspend(oplog::system_actor(), tenant_).has_value());
    const auto refused = send("GET", "/v1/contacts");
    EXPECT_EQ(refused.status, 403U);
    EXPECT_EQ(code_of(refused), "tenant_suspended");
}

TEST_F(ApiTest, AFullDiskRefusesChangesOnly)
{
    free_ = 1;
    disk_.poll();
    const auto refused = send("POST", "/v1/contacts", R"({"fields":{"email":"a@b.example"}})");
    EXPECT_EQ(refused.status, 503U);
    EXPECT_EQ(code_of(refused), "disk_full");
    EXPECT_TRUE(refused.find_header("Retry-After").has_value() || refused.details->retry_after);
    EXPECT_EQ(send("POST", "/v1/contacts:count", "{}").status, 200U);
    EXPECT_EQ(send("GET", "/v1/contacts").status, 200U);
}

TEST_F(ApiTest, AContactIsCreatedChangedAndDeleted)
{
    const auto made =
        send("POST", "/v1/contacts", R"({"fields":{"email":"a@b.example","name":"飛脚"}})");
    ASSERT_EQ(made.status, 201U) << made.body;
    const auto body = parse(made);
    const std::string id(body.at("id").as_string());
    const std::string path = "/v1/contacts/" + id;
    EXPECT_EQ(made.find_header("ETag"), "\"1\"");
    EXPECT_EQ(made.find_header("Location"), path);
    EXPECT_EQ(body.at("fields").at("name").as_string(), "飛脚");
    EXPECT_NE(body.at("created_at").as_string().find("+09:00"), std::string::npos);

    const std::string change = R"({"fields":{"name":"x"}})";
    EXPECT_EQ(code_of(send("PATCH", path, change, {{"If-Match", "\"9\""}})), "revision_conflict");
    EXPECT_EQ(send("PATCH", path, change, {{"If-Match", "W/nonsense"}}).status, 400U);
    const auto changed = send("PATCH", path, change, {{"If-Match", "\"1\""}});
    ASSERT_EQ(changed.status, 200U);
    EXPECT_EQ(changed.find_header("ETag"), "\"2\"");
    EXPECT_EQ(parse(send("GET", path)).at("fields").at("email").as_string(), "a@b.example");
    EXPECT_EQ(send("PUT", path, R"({"fields":{"email":"a@b.example"}})").status, 200U);
    EXPECT_EQ(parse(send("GET", path)).at("fields").as_object().if_contains("name"), nullptr);

    EXPECT_EQ(send("GET", path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("PATCH", path, change, {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("POST", path + ":unsubscribe", "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", path).status, 204U);
    EXPECT_EQ(send("GET", path).status, 404U);
}

TEST_F(ApiTest, ContactsByUpdateKey)
{
    const std::string path = "/v1/contacts/by/email/a@b.example";
    EXPECT_EQ(send("GET", path).status, 404U);
    EXPECT_EQ(send("PUT", path, R"({"fields":{"name":"one"}})").status, 201U);
    EXPECT_EQ(send("PUT", path, R"({"fields":{"name":"two"}})").status, 200U);
    EXPECT_EQ(parse(send("GET", path)).at("fields").at("name").as_string(), "two");
    EXPECT_EQ(send("GET", path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("PUT", "/v1/contacts/by/name/x", R"({"fields":{}})").status, 404U);
    EXPECT_EQ(send("PUT", "/v1/contacts/by/email/nonsense", R"({"fields":{}})").status, 422U);
}

struct refused_row
{
    const char* body;
    unsigned status;
    const char* pointer;
};

TEST_F(ApiTest, WrongContactsAreRefusedWithTheirPlace)
{
    const refused_row rows[] = {
        {R"({"fields":{"emial":"a@b.example"}})", 422, "/fields/emial"},
        {R"({"fields":{"email":"nonsense"}})", 422, "/fields/email"},
        {R"({"fields":{"email":7}})", 422, "/fields/email"},
        {R"({"fields":{},"x":1})", 422, "/x"},
        {R"({"fields":[]})", 422, "/fields"},
        {R"({})", 422, "/fields"},
        {R"([])", 422, ""},
        {R"({"fields":{"a/b":1}})", 422, "/fields/a~1b"},
        {R"({"fields":{"name":"a","name":"b"}})", 400, ""},
        {"{\"fields\":{\"name\":\"\xFF\"}}", 400, ""},
        {R"({"fields":)", 400, ""},
    };
    for (const auto& row : rows)
    {
        const auto refused = send("POST", "/v1/contacts", row.body);
        EXPECT_EQ(refused.status, row.status) << row.body;
        EXPECT_EQ(pointer_of(refused), row.pointer) << row.body;
    }
    const std::string deep = std::string(5000, '[') + std::string(5000, ']');
    EXPECT_EQ(send("POST", "/v1/contacts", deep).status, 400U);
    EXPECT_EQ(send("POST", "/v1/contacts", "x", {{"Content-Type", "text/plain"}}).status, 415U);
    const auto near = send("POST", "/v1/contacts", R"({"fields":{"emial":"a@b.example"}})");
    EXPECT_NE(near.details->errors[0].detail.find("email"), std::string::npos);
}

TEST_F(ApiTest, ContactListsAndQuestionsArePaged)
{
    for (int i = 0; i < 5; ++i)
    {
        create_contact("c" + std::to_string(i) + "@b.example");
    }
    const auto first = parse(send("GET", "/v1/contacts?limit=3"));
    EXPECT_EQ(first.at("data").as_array().size(), 3U);
    const std::string cursor(first.at("next_cursor").as_string());
    const auto rest = parse(send("GET", "/v1/contacts?limit=3&cursor=" + cursor));
    EXPECT_EQ(rest.at("data").as_array().size(), 2U);
    EXPECT_TRUE(rest.at("next_cursor").is_null());
    EXPECT_EQ(send("GET", "/v1/contacts?cursor=" + cursor, "", {}, other_key_).status, 422U);
    EXPECT_EQ(send("GET", "/v1/contacts?limit=0").status, 422U);
    EXPECT_EQ(send("GET", "/v1/contacts?limit=1001").status, 422U);
    EXPECT_EQ(send("GET", "/v1/contacts?x=1").status, 422U);

    const std::string where = R"("where":{"field":"email","op":"ne","value":"c1@b.example"})";
    const auto counted = parse(send("POST", "/v1/contacts:count", "{" + where + "}"));
    EXPECT_EQ(counted.at("count").as_int64(), 4);
    EXPECT_TRUE(counted.at("complete").as_bool());
    const auto found = parse(send("POST", "/v1/contacts:search", "{" + where + R"(,"limit":2})"));
    EXPECT_EQ(found.at("data").as_array().size(), 2U);
    const std::string next(found.at("next_cursor").as_string());
    const auto more =
        parse(send("POST", "/v1/contacts:search", "{" + where + R"(,"cursor":")" + next + "\"}"));
    EXPECT_EQ(more.at("data").as_array().size(), 2U);
    const auto wrong =
        send("POST", "/v1/contacts:count", R"({"where":{"field":"nope","op":"eq","value":1}})");
    EXPECT_EQ(wrong.status, 422U);
    EXPECT_EQ(pointer_of(wrong), "/where/field");
}

TEST_F(ApiTest, FieldsAreDefinedAndShownInTheDocument)
{
    const auto made =
        send("POST", "/v1/fields",
             R"({"name":"rank","label":"会員ランク","type":"select","options":["金","銀"]})");
    ASSERT_EQ(made.status, 201U) << made.body;
    EXPECT_EQ(send("POST", "/v1/fields", R"({"name":"rank","type":"text"})").status, 409U);
    EXPECT_EQ(pointer_of(send("POST", "/v1/fields", R"({"name":"x","type":"blob"})")), "/type");
    EXPECT_EQ(send("PATCH", "/v1/fields/rank", R"({"memo":"m"})").status, 200U);
    EXPECT_EQ(parse(send("GET", "/v1/fields/rank")).at("memo").as_string(), "m");
    EXPECT_EQ(send("GET", "/v1/fields/rank", "", {}, other_key_).status, 404U);
    const auto document = parse(send("GET", "/v1/openapi.json"));
    EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
    const auto& fields = document.at("components").at("schemas").at("ContactFields");
    EXPECT_EQ(fields.at("properties").at("rank").at("title").as_string(), "会員ランク");
    EXPECT_EQ(send("DELETE", "/v1/fields/rank").status, 204U);
    EXPECT_EQ(send("GET", "/v1/fields/rank").status, 404U);
    EXPECT_EQ(send("DELETE", "/v1/fields/email").status, 422U);
}

TEST_F(ApiTest, TheDocumentTellsOfEveryRouteAndResolves)
{
    const auto answer = send("GET", "/v1/openapi.json");
    const auto document = parse(answer);
    for (const auto& route : routes_.list())
    {
        const auto space = route.find(' ');
        std::string method = route.substr(0, space);
        for (auto& c : method)
        {
            c = static_cast<char>(c | 0x20);
        }
        const auto* path = document.at("paths").as_object().if_contains(route.substr(space + 1));
        ASSERT_NE(path, nullptr) << route;
        EXPECT_NE(path->as_object().if_contains(method), nullptr) << route;
    }
    const auto& schemas = document.at("components").at("schemas").as_object();
    constexpr std::string_view mark = "#/components/schemas/";
    for (auto at = answer.body.find(mark); at != std::string::npos;
         at = answer.body.find(mark, at + 1))
    {
        const auto begin = at + mark.size();
        const auto name = answer.body.substr(begin, answer.body.find('"', begin) - begin);
        EXPECT_NE(schemas.if_contains(name), nullptr) << name;
    }
}

TEST_F(ApiTest, SuppressionsKeysAndDomains)
{
    EXPECT_EQ(send("POST", "/v1/suppressions", R"({"address":"A@b.example"})").status, 201U);
    EXPECT_EQ(send("POST", "/v1/suppressions", R"({"address":"nonsense"})").status, 422U);
    EXPECT_EQ(send("POST", "/v1/suppressions", R"({"address":"A@b.example","reason":"x"})").status,
              422U);
    const auto list = parse(send("GET", "/v1/suppressions"));
    ASSERT_EQ(list.at("data").as_array().size(), 1U);
    EXPECT_EQ(send("DELETE", "/v1/suppressions/A@b.example", "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", "/v1/suppressions/A@b.example").status, 204U);
    const auto id = create_contact("u@b.example");
    EXPECT_EQ(send("POST", "/v1/contacts/" + id + ":unsubscribe").status, 200U);
    EXPECT_EQ(
        parse(send("GET", "/v1/suppressions?address=u@b.example")).at("data").as_array().size(),
        1U);

    const auto key = parse(send("POST", "/v1/keys", R"({"name":"k","scopes":["contacts:read"]})"));
    const std::string key_path = "/v1/keys/" + std::string(key.at("id").as_string());
    const std::string secret(key.at("key").as_string());
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, secret).status, 200U);
    EXPECT_EQ(send("GET", key_path).body.find(secret), std::string::npos);
    EXPECT_EQ(send("GET", key_path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", key_path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", key_path).status, 204U);
    EXPECT_EQ(send("GET", "/v1/contacts", "", {}, secret).status, 401U);
    EXPECT_EQ(pointer_of(send("POST", "/v1/keys", R"({"name":"k","scopes":["x"]})")), "/scopes");

    const auto domain = send("POST", "/v1/domains", R"({"domain":"shop.example"})");
    ASSERT_EQ(domain.status, 201U) << domain.body;
    EXPECT_FALSE(parse(domain).at("records").as_array().empty());
    const std::string domain_path =
        "/v1/domains/" + std::string(parse(domain).at("id").as_string());
    EXPECT_EQ(send("GET", domain_path).status, 200U);
    EXPECT_EQ(send("GET", domain_path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("POST", "/v1/domains", R"({"domain":"shop.example"})").status, 409U);
    EXPECT_EQ(send("DELETE", domain_path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("DELETE", domain_path).status, 204U);
    EXPECT_EQ(send("GET", domain_path).status, 404U);
    EXPECT_EQ(send("DELETE", domain_path).status, 404U);
    EXPECT_EQ(send("DELETE", "/v1/domains/shop.example").status, 404U);
    EXPECT_EQ(log_->list(tenant_, {}, 0, 1)->front().operation, "domain.delete");
}

TEST_F(ApiTest, AnImportRunsAndTellsOfItsErrors)
{
    const std::string csv = "email,name\r\na@b.example,A\r\nnonsense,B\r\n";
    const auto started = send("POST", "/v1/contacts:import?key=email", csv,
                              {{"Content-Type", "text/csv"}, {"Idempotency-Key", "imp"}});
    ASSERT_EQ(started.status, 202U) << started.body;
    const std::string path = "/v1/jobs/" + std::string(parse(started).at("job_id").as_string());
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    auto job = parse(send("GET", path));
    while (job.at("state").as_string() != "done" && std::chrono::steady_clock::now() < until)
    {
        std::this_thread::yield();
        job = parse(send("GET", path));
    }
    ASSERT_EQ(job.at("state").as_string(), "done") << to_json_text(job);
    EXPECT_EQ(job.at("counts").at("created").to_number<int>(), 1);
    EXPECT_EQ(job.at("counts").at("rejected").to_number<int>(), 1);
    const auto errors = send("GET", path + "/errors");
    EXPECT_EQ(errors.status, 200U);
    EXPECT_TRUE(std::filesystem::exists(errors.body_file));
    EXPECT_EQ(send("GET", path, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("GET", path + "/errors", "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("POST", path + ":cancel", "", {}, other_key_).status, 404U);
    EXPECT_EQ(code_of(send("POST", path + ":cancel")), "job_finished");
    const auto again = send("POST", "/v1/contacts:import?key=email", csv,
                            {{"Content-Type", "text/csv"}, {"Idempotency-Key", "imp"}});
    EXPECT_EQ(again.body, started.body);
    EXPECT_EQ(again.find_header("Idempotency-Replayed"), "true");

    const auto kept = send("POST", "/v1/uploads", csv, {{"Content-Type", "text/csv"}});
    ASSERT_EQ(kept.status, 201U) << kept.body;
    const std::string upload(parse(kept).at("id").as_string());
    EXPECT_EQ(send("GET", "/v1/uploads/" + upload, "", {}, other_key_).status, 404U);
    EXPECT_EQ(send("POST", "/v1/contacts:import", R"({"upload":")" + upload + "\"}").status, 202U);
    EXPECT_EQ(send("POST", "/v1/contacts:import", R"({"upload":")" + upload + "\"}", {}, other_key_)
                  .status,
              404U);
    EXPECT_EQ(send("POST", "/v1/contacts:import", R"({"upload":"x","mode":"y"})").status, 422U);
    EXPECT_EQ(send("POST", "/v1/contacts:import", R"({"upload":"x","zz":1})").status, 422U);
}

TEST_F(ApiTest, OperationLogIsFilteredAndExported)
{
    create_contact("a@b.example");
    const auto found = parse(send("GET", "/v1/operation-logs?operation=contact."));
    ASSERT_EQ(found.at("data").as_array().size(), 1U);
    const auto& entry = found.at("data").as_array()[0];
    EXPECT_EQ(entry.at("operation").as_string(), "contact.create");
    EXPECT_EQ(entry.at("ip").as_string(), "192.0.2.1");
    const auto csv = send("GET", "/v1/operation-logs", "", {{"Accept", "text/csv"}});
    EXPECT_EQ(csv.content_type, "text/csv; charset=utf-8");
    EXPECT_NE(csv.body.find("\"contact.create\""), std::string::npos);
    EXPECT_EQ(send("GET", "/v1/operation-logs?from=yesterday").status, 422U);
}

TEST_F(ApiTest, ARequestWithAKeyIsDoneOnce)
{
    const std::string body = R"({"fields":{"email":"a@b.example"}})";
    const headers key{{"Idempotency-Key", "k1"}};
    const auto first = send("POST", "/v1/contacts", body, key);
    ASSERT_EQ(first.status, 201U) << first.body;
    close();
    open();
    const auto again = send("POST", "/v1/contacts", body, key);
    EXPECT_EQ(again.status, 201U);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.find_header("Idempotency-Replayed"), "true");
    EXPECT_EQ(code_of(send("POST", "/v1/contacts", R"({"fields":{}})", key)),
              "idempotency_key_reused");
    EXPECT_EQ(send("POST", "/v1/contacts", body, key, other_key_).status, 201U);
    EXPECT_EQ(send("POST", "/v1/contacts", body, {{"Idempotency-Key", "a\nb"}}).status, 400U);
    // A refusal is not kept: the corrected request may use the key again.
    const headers second{{"Idempotency-Key", "k2"}};
    EXPECT_EQ(send("POST", "/v1/contacts", R"({"fields":{"x":1}})", second).status, 422U);
    EXPECT_EQ(send("POST", "/v1/contacts", R"({"fields":{"email":"b@b.example"}})", second).status,
              201U);
}

TEST_F(ApiTest, ASecretIsNeverReplayed)
{
    const std::string body = R"({"name":"k","scopes":["contacts:read"]})";
    const auto first = parse(send("POST", "/v1/keys", body, {{"Idempotency-Key", "k"}}));
    const auto again = send("POST", "/v1/keys", body, {{"Idempotency-Key", "k"}});
    EXPECT_EQ(again.status, 201U);
    EXPECT_EQ(parse(again).at("id"), first.at("id"));
    EXPECT_EQ(parse(again).as_object().if_contains("key"), nullptr);
}

TEST_F(ApiTest, OneOfFourWinsTheUpdateKey)
{
    std::atomic<int> created{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
    {
        threads.emplace_back(
            [&]
            {
                const auto r =
                    send("POST", "/v1/contacts", R"({"fields":{"email":"same@b.example"}})");
                (r.status == 201 ? created : refused).fetch_add(1);
                EXPECT_TRUE(r.status == 201 || code_of(r) == "duplicate") << r.status;
            });
    }
    for (auto& t : threads)
    {
        t.join();
    }
    EXPECT_EQ(created.load(), 1);
    EXPECT_EQ(refused.load(), 3);
}

} // namespace
} // namespace hikyaku::api
