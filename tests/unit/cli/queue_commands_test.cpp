#include "client_rig.h"

namespace hikyaku::cli
{
namespace
{

http::response json_answer(const char* text)
{
    return http::response::json(200, *parse_json(text));
}

struct queue_test : testing::Test
{
    scratch dir;
    stub_server server;
    terminal t;

    void begin()
    {
        server.start();
        t.variables["HIKYAKU_PLATFORM_URL"] = server.url();
        t.variables["HIKYAKU_TOKEN_FILE"] = dir.file("token", std::string(40, 't') + "\n");
    }
    /// Runs on a terminal of its own; its output.
    std::string output_of(const std::vector<std::string>& arguments, int expected = 0)
    {
        terminal one;
        one.variables = t.variables;
        EXPECT_EQ(one.run(arguments), expected) << one.err.str();
        return one.out.str();
    }
};

constexpr const char* first_page = R"({
  "held":false,"sessions":4,"in_flight":7,
  "sites":[{"site":"mx1.a,mx2.a","ready":1200,"scheduled":30,"in_flight":7,"sessions":4,"window":5,
    "health":"suspended","resumes_in_ms":90000,"next_action":"waits for the end of the suspension",
    "last_reply":"421 4.7.0 slow down",
    "paths":[{"source":"one","adaptations":[{"what":"message_rate","scope":"source_site",
      "site":"mx1.a,mx2.a","source":"one","rule":"slow-down","reply":"421 4.7.0 slow down",
      "value":"50/s,50","configured":"100/s,100","began":"2026-11-24T09:00:00.000+09:00",
      "ends":"2026-11-24T10:00:00.000+09:00"}]}]}],
  "suspensions":[{"what":"suspended","scope":"tenant","tenant":"tnt_1","rule":"operator",
      "reply":"ticket 5","began":"2026-11-24T09:00:00.000+09:00",
      "ends":"2026-11-24T11:00:00.000+09:00"}],
  "tenants":[{"id":"tnt_1","campaigns":1,"pending":1237,"in_flight":7}],
  "campaigns":[{"id":"cmp_1","tenant":"tnt_1","state":"sending","recipients":2000,"pending":1237,
    "in_flight":7,"counts":{"deferred_now":30,"delivered":760,"bounced":3}}],
  "next_cursor":"1200:mx1.a,mx2.a"})";

TEST_F(queue_test, TheQueueNamesSitesCausesAndEnds)
{
    server.on("GET", "/platform/v1/queue",
              [](const http::request& r)
              {
                  return json_answer(r.query.find("cursor")
                                         ? R"({"sites":[{"site":"b.example","health":"up",
                                               "next_action":"sends"}],"next_cursor":null})"
                                         : first_page);
              });
    begin();
    const auto text = output_of({"queue"});
    for (const auto* part : {"4 sessions, 7 recipients in flight", "mx1.a,mx2.a", "1,200", "4/5",
                             "suspended 1m 30s", "waits for the end of the suspension",
                             "421 4.7.0 slow down", "b.example", "50/s,50 of 100/s,100",
                             "slow-down", "mx1.a,mx2.a from one", "2026-11-24T10:00:00.000+09:00",
                             "ticket 5", "2026-11-24T11:00:00.000+09:00", "cmp_1", "1,237"})
    {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
    }
    EXPECT_EQ(server.seen().size(), 2U);
    EXPECT_EQ(server.seen().at(1).line,
              "GET /platform/v1/queue?limit=1000&cursor=1200%3Amx1.a%2Cmx2.a");
    const auto json = parse_json(output_of({"queue", "summary", "--json"}));
    ASSERT_TRUE(json.has_value());
    EXPECT_EQ(json->at("sites").as_array().size(), 2U);
    EXPECT_FALSE(json->as_object().contains("next_cursor"));
    (void)output_of({"queue", "--site", "mx1.a"});
    EXPECT_EQ(server.seen().back().line.find("GET /platform/v1/queue?limit=1000&site=mx1.a"), 0U);
}

TEST_F(queue_test, AnUnknownSiteIsSaidToBe)
{
    server.on("GET", "/platform/v1/queue", [](const http::request&)
              { return json_answer(R"({"sites":[],"campaigns":[],"next_cursor":null})"); });
    begin();
    EXPECT_EQ(output_of({"queue", "--site", "none"}, 1), "");
    EXPECT_NE(output_of({"queue"}).find("SITE"), std::string::npos);
}

TEST_F(queue_test, AnOrderNamesOneScope)
{
    for (const auto* pattern :
         {"/platform/v1/queue/sites/{id}:suspend", "/platform/v1/queue/sites/{id}:bounce"})
    {
        server.on("POST", pattern,
                  [](const http::request& r)
                  {
                      return http::response::json(
                          200, json::object{{"site", r.parameter("id")},
                                            {"until", "2026-11-24T11:00:00.000+09:00"}});
                  });
    }
    server.on("POST", "/platform/v1/queue/tenants/{id}:resume",
              [](const http::request&) { return json_answer(R"({"tenant":"tnt_1"})"); });
    server.on("POST", "/platform/v1/queue/campaigns/{id}:retry",
              [](const http::request&) { return json_answer(R"({"campaign":"cmp_1"})"); });
    begin();
    EXPECT_EQ(output_of({"queue", "suspend", "--site", "a/b,mx", "--for", "2h", "--reason", "why"}),
              "a/b,mx is suspended until 2026-11-24T11:00:00.000+09:00.\n");
    EXPECT_EQ(server.seen().at(0).line, "POST /platform/v1/queue/sites/a%2Fb%2Cmx:suspend");
    EXPECT_EQ(server.seen().at(0).body, R"({"duration":"2h","reason":"why"})");
    EXPECT_EQ(output_of({"queue", "bounce", "--site", "mx", "--for", "1h"}),
              "mx: what waits is bounced, and what comes until 2026-11-24T11:00:00.000+09:00.\n");
    EXPECT_EQ(output_of({"queue", "resume", "--tenant", "tnt_1"}), "tnt_1 is resumed.\n");
    EXPECT_EQ(server.seen().at(2).body, "");
    EXPECT_EQ(output_of({"queue", "retry", "--campaign", "cmp_1", "--json"}),
              "{\"campaign\":\"cmp_1\"}\n");
    const auto asked = server.seen().size();
    (void)output_of({"queue", "suspend", "--site", "mx", "--for", "soon"}, 2);
    (void)output_of({"queue", "suspend", "--site", "mx"}, 2);
    (void)output_of({"queue", "retry"}, 2);
    (void)output_of({"queue", "retry", "--site", "mx", "--tenant", "tnt_1"}, 2);
    (void)output_of({"queue", "resume", "--site", "mx", "--for", "1h"}, 2);
    EXPECT_EQ(server.seen().size(), asked) << "nothing was asked of the server";
}

TEST_F(queue_test, HistoryAndSessionsAreTables)
{
    server.on("GET", "/platform/v1/adaptations",
              [](const http::request&)
              {
                  return json_answer(R"({"data":[{"phase":"ended","what":"connections",
                      "campaign":"cmp_1","rule":"busy","value":"1","configured":"4"}],
                      "next_cursor":null})");
              });
    server.on("GET", "/platform/v1/sessions",
              [](const http::request& r)
              {
                  return json_answer(r.query.find("cursor")
                                         ? R"({"data":[{"id":9,"state":"idle"}],
                                              "next_cursor":null})"
                                         : R"({"data":[{"id":8,"site":"mx.b","source":"one",
                                              "state":"sending","age_ms":65000,"messages":1200}],
                                              "next_cursor":"8"})");
              });
    begin();
    const auto past = output_of({"queue", "history"});
    EXPECT_NE(past.find("ended"), std::string::npos) << past;
    EXPECT_NE(past.find("1 of 4"), std::string::npos) << past;
    const auto table = output_of({"sessions", "--site", "mx.b"});
    EXPECT_NE(table.find("8        sending  1m 05s  1,200"), std::string::npos) << table;
    EXPECT_EQ(server.seen().back().line, "GET /platform/v1/sessions?limit=1000&site=mx.b&cursor=8");
    const auto lines = output_of({"sessions", "--json"});
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2);
}

TEST_F(queue_test, TheDialogueIsPrintedLineByLine)
{
    server.on("GET", "/platform/v1/trace",
              [](const http::request& r)
              {
                  const std::string head = R"(data: {"at":"2026-11-24T09:00:00.123+09:00",)"
                                           R"("session":42,"mx":"mx.b","source":"one",)";
                  return http::response::text(
                      200, "text/event-stream",
                      ": listening to " + std::string(*r.query.find("site")) + "\n\n" + head +
                          R"("what":"connecting","text":"192.0.2.1"})" + "\n\n" + head +
                          R"("what":"sent","text":"MAIL FROM:<a@b>"})" + "\n\n" + head +
                          R"("what":"received","text":"250 2.1.0 \u001b[2JOk"})" + "\n\n" + head +
                          R"("what":"body","bytes":1234})" + "\n\n: still here\n\n" + head +
                          R"("what":"closed","text":""})" + "\n\n" +
                          "event: lost\ndata: {\"what\":\"lost\",\"count\":3}\n\n");
              });
    begin();
    EXPECT_EQ(output_of({"trace", "mx.b,c"}),
              "09:00:00.123  #42  ** connecting to mx.b [192.0.2.1] from one\n"
              "09:00:00.123  #42  -> MAIL FROM:<a@b>\n"
              "09:00:00.123  #42  <- 250 2.1.0 \\u001b[2JOk\n"
              "09:00:00.123  #42  -> (1,234 bytes of message)\n"
              "09:00:00.123  #42  ** closed\n"
              "** 3 events were lost: this listener is too slow\n");
    EXPECT_EQ(server.seen().back().line, "GET /platform/v1/trace?site=mx.b%2Cc");
    const auto lines = output_of({"trace", "mx.b", "--json"});
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 6);
    EXPECT_EQ(lines.find("{\"at\":"), 0U);
}

TEST_F(queue_test, HelpAndCompletionKnowTheCommands)
{
    const auto script = output_of({"completion", "bash"});
    for (const auto* part : {"\" queue suspend\")", "\" queue history\")", "\" sessions\")",
                             "\" trace\")", "--campaign", "--for"})
    {
        EXPECT_NE(script.find(part), std::string::npos) << part;
    }
    EXPECT_NE(output_of({"queue", "bounce", "--help"}).find("Can't be undone"), std::string::npos);
    EXPECT_NE(output_of({"trace", "--help"}).find("Ctrl-C"), std::string::npos);
}

} // namespace
} // namespace hikyaku::cli
