#include "support.h"

#include <algorithm>
#include <cctype>
#include <set>

namespace hikyaku::api
{
namespace
{

constexpr const char* rolled_up = "mx1.example,mx2.example";

/// An engine of values: what it shows is set by the test, what it is told is kept.
class QueueTest : public ApiTest
{
protected:
    struct order
    {
        std::string verb;
        delivery::scope what;
        milliseconds duration{};
        std::string why;
    };

    void SetUp() override
    {
        ApiTest::SetUp();
        add_site(rolled_up, {"mx1.example", "mx2.example"}, 5);
        auto& c = view_.campaigns.emplace_back();
        c.campaign = {tenant_, campaign_id{7}};
        c.state = queue::campaign_state::sending;
        c.recipients = 10;
        c.pending = 6;
        c.in_flight = 2;
        view_.campaigns.push_back(c);
        view_.campaigns.back().campaign.campaign = campaign_id{8};
        connect();
    }
    void connect()
    {
        auto& q = all_->queue;
        q.view = [this] { return view_; };
        q.suspend = [this](const delivery::scope& what, milliseconds d, const std::string& why)
        { return take("suspend", what, d, why); };
        q.resume = [this](const delivery::scope& what) { return take("resume", what); };
        q.retry = [this](const delivery::scope& what) { return take("retry", what); };
        q.bounce = [this](const delivery::scope& what, milliseconds d, const std::string& why)
        { return take("bounce", what, d, why); };
    }
    bool take(const char* verb, const delivery::scope& what, milliseconds d = {},
              const std::string& why = {})
    {
        orders_.push_back({verb, what, d, why});
        return known_;
    }
    delivery::site_view& add_site(const char* key, std::vector<std::string> mx, std::uint64_t ready)
    {
        auto& s = view_.sites.emplace_back();
        s.site = key;
        s.mx = std::move(mx);
        s.ready = ready;
        return s;
    }
    static shaping::adaptation_event lowered(const char* rule)
    {
        shaping::adaptation_event e;
        e.subject.site = rolled_up;
        e.subject.source = "one";
        e.cause = {rule, "421 slow down"};
        e.began = wall_time{milliseconds{1'000}};
        e.ends = wall_time{milliseconds{61'000}};
        e.value = "50/s,50";
        e.configured = "100/s,100";
        return e;
    }
    [[nodiscard]] oplog::entry last_entry() const
    {
        const auto log = log_->list(platform_tenant, {}, 0, 1);
        return log.has_value() && !log->empty() ? log->front() : oplog::entry{};
    }

    delivery::engine_view view_;
    std::vector<order> orders_;
    bool known_ = true;
};

TEST_F(QueueTest, ASiteIsShownWithWhatLimitsItAndWhy)
{
    auto& s = view_.sites.front();
    s.provider = "example";
    s.scheduled = 3;
    s.in_flight = 2;
    s.next_action = "waits for the message rate";
    auto& p = s.paths.emplace_back();
    p.source = "one";
    p.limits.connections_max = 4;
    p.adaptations.push_back(lowered("slow-down"));
    p.last_reply = "421 slow down";
    view_.suspensions.push_back(lowered("operator"));
    const auto body = parse(operate("GET", "/platform/v1/queue"));
    const auto& site = body.at("sites").at(0);
    EXPECT_EQ(site.at("site").as_string(), rolled_up);
    EXPECT_EQ(site.at("mx").at(1).as_string(), "mx2.example");
    EXPECT_EQ(site.at("ready").to_number<int>(), 5);
    EXPECT_EQ(site.at("scheduled").to_number<int>(), 3);
    EXPECT_EQ(site.at("next_action").as_string(), "waits for the message rate");
    const auto& path = site.at("paths").at(0);
    EXPECT_EQ(path.at("limits").at("connections_max").to_number<int>(), 4);
    const auto& event = path.at("adaptations").at(0);
    EXPECT_EQ(event.at("rule").as_string(), "slow-down");
    EXPECT_EQ(event.at("reply").as_string(), "421 slow down");
    EXPECT_EQ(event.at("value").as_string(), "50/s,50");
    EXPECT_EQ(event.at("ends").as_string(), "1970-01-01T09:01:01.000+09:00");
    EXPECT_FALSE(event.as_object().contains("tenant"));
    EXPECT_EQ(body.at("suspensions").as_array().size(), 1U);
    const auto& sum = body.at("tenants").at(0);
    EXPECT_EQ(sum.at("id").as_string(), identity::public_id(tenant_));
    EXPECT_EQ(sum.at("campaigns").to_number<int>(), 2);
    EXPECT_EQ(sum.at("pending").to_number<int>(), 12);
    EXPECT_EQ(sum.at("in_flight").to_number<int>(), 4);
}

TEST_F(QueueTest, SitesComePageByPageTheFullestFirst)
{
    add_site("b.example", {"b.example"}, 5);
    add_site("full.example", {"full.example"}, 70);
    add_site("empty.example", {"empty.example"}, 0);
    std::vector<std::string> seen;
    std::string cursor;
    for (int pages = 0; pages < 4; ++pages)
    {
        const auto body =
            parse(operate("GET", "/platform/v1/queue?limit=1" +
                                     (cursor.empty() ? std::string() : "&cursor=" + cursor)));
        EXPECT_EQ(body.as_object().contains("campaigns"), cursor.empty());
        ASSERT_EQ(body.at("sites").as_array().size(), 1U);
        seen.emplace_back(body.at("sites").at(0).at("site").as_string());
        const auto& next = body.at("next_cursor");
        cursor = next.is_string() ? std::string(next.as_string()) : std::string();
    }
    EXPECT_EQ(cursor, "");
    EXPECT_EQ(seen,
              (std::vector<std::string>{"full.example", "b.example", rolled_up, "empty.example"}));
    for (const auto* wrong : {"x", "1", "-1:a", ":a"})
    {
        EXPECT_EQ(operate("GET", std::string("/platform/v1/queue?cursor=") + wrong).status, 422U)
            << wrong;
    }
    EXPECT_EQ(operate("GET", "/platform/v1/queue?limit=0").status, 422U);
    EXPECT_EQ(operate("GET", "/platform/v1/queue?state=up").status, 422U);
}

TEST_F(QueueTest, ASiteIsFoundByItsKeyOrOneOfItsHosts)
{
    add_site("other.example", {"other.example"}, 0);
    for (const auto* name : {rolled_up, "mx2.example", "MX1.Example"})
    {
        const auto body = parse(operate("GET", std::string("/platform/v1/queue?site=") + name));
        ASSERT_EQ(body.at("sites").as_array().size(), 1U) << name;
        EXPECT_EQ(body.at("sites").at(0).at("site").as_string(), rolled_up);
    }
    EXPECT_TRUE(
        parse(operate("GET", "/platform/v1/queue?site=none")).at("sites").as_array().empty());
}

TEST_F(QueueTest, EveryOrderIsGivenForEveryScopeAndLogged)
{
    const std::pair<const char*, std::string> scopes[] = {{"site", "mx2.example"},
                                                          {"tenant", identity::public_id(tenant_)},
                                                          {"campaign", format_id("cmp", 7)}};
    for (const auto& [noun, id] : scopes)
    {
        for (const std::string verb : {"suspend", "resume", "retry", "bounce"})
        {
            const bool timed = verb == "suspend" || verb == "bounce";
            orders_.clear();
            const auto answer =
                operate("POST", "/platform/v1/queue/" + std::string(noun) + "s/" + id + ":" + verb,
                        timed ? R"({"duration":"90s","reason":"ticket 5"})" : "");
            ASSERT_EQ(answer.status, 200U) << noun << verb << answer.body;
            ASSERT_EQ(orders_.size(), 1U);
            const auto& o = orders_.front();
            EXPECT_EQ(o.verb, verb);
            EXPECT_EQ(o.duration, timed ? seconds{90} : seconds{0});
            EXPECT_EQ(o.why, timed ? "ticket 5" : "");
            const std::string name = std::string(noun) == "site" ? rolled_up : id;
            EXPECT_EQ(parse(answer).at(noun).as_string(), name);
            EXPECT_EQ(parse(answer).as_object().contains("until"), timed);
            const auto entry = last_entry();
            EXPECT_EQ(entry.operation, "queue." + verb + "_" + noun);
            EXPECT_EQ(entry.object, name);
            EXPECT_EQ(entry.detail, timed ? "90000 ms: ticket 5" : "");
        }
    }
    EXPECT_EQ(orders_.front().what.campaign, (queue::campaign_ref{tenant_, campaign_id{7}}));
}

TEST_F(QueueTest, WhatIsUnknownOrWrongIsRefusedAndNotDone)
{
    const std::string sites = "/platform/v1/queue/sites/";
    const std::string tenants = "/platform/v1/queue/tenants/";
    const std::string campaigns = "/platform/v1/queue/campaigns/";
    for (const auto& path : {sites + "none", tenants + "tnt_x", tenants + format_id("tnt", 99),
                             campaigns + "cmp_x", campaigns + format_id("cmp", 9)})
    {
        EXPECT_EQ(operate("POST", path + ":resume").status, 404U) << path;
        EXPECT_EQ(operate("POST", path + ":suspend", R"({"duration":"1h"})").status, 404U) << path;
    }
    const std::string site = sites + "mx1.example:suspend";
    for (const auto* body :
         {"{}", R"({"duration":"1 hour"})", R"({"duration":"31d"})", R"({"duration":"0s"})",
          R"({"duration":"1h","x":1})", R"({"duration":"1h","reason":5})"})
    {
        EXPECT_EQ(operate("POST", site, body).status, 422U) << body;
    }
    EXPECT_EQ(operate("POST", sites + "mx1.example:resume", R"({"duration":"1h"})").status, 422U);
    EXPECT_TRUE(orders_.empty());
    known_ = false;
    EXPECT_EQ(operate("POST", sites + "mx1.example:retry").status, 404U) << "gone meanwhile";
    EXPECT_EQ(operate("POST", tenants + identity::public_id(tenant_) + ":retry").status, 200U)
        << "a tenant without mail has nothing to retry";
    EXPECT_EQ(code_of(operate("POST", site, R"({"duration":"1h"})")), "too_many_suspensions");
}

TEST_F(QueueTest, ASuspensionOfASiteThatIsNotBackYetCanBeEnded)
{
    view_.sites.clear();
    auto held = lowered("operator");
    held.what = shaping::adapted::suspended;
    held.scope = shaping::suspension_kind::site;
    view_.suspensions.push_back(held);
    const std::string path = std::string("/platform/v1/queue/sites/") + rolled_up;
    EXPECT_EQ(operate("POST", path + ":resume").status, 200U);
    ASSERT_EQ(orders_.size(), 1U);
    EXPECT_EQ(orders_.front().what.site, rolled_up);
    EXPECT_EQ(operate("POST", path + ":retry").status, 404U);
    EXPECT_EQ(operate("POST", "/platform/v1/queue/sites/mx2.example:resume").status, 200U);
    EXPECT_EQ(orders_.back().what.site, rolled_up);
    EXPECT_EQ(operate("POST", "/platform/v1/queue/sites/x2.example:resume").status, 404U);
}

TEST_F(QueueTest, AnOrderIsGivenOncePerIdempotencyKey)
{
    const headers once{{"Idempotency-Key", "q1"}};
    const auto post = [&](const char* body)
    { return operate("POST", "/platform/v1/queue/sites/mx1.example:suspend", body, 4242, once); };
    const auto first = post(R"({"duration":"1h"})");
    EXPECT_EQ(first.status, 200U);
    const auto again = post(R"({"duration":"1h"})");
    EXPECT_EQ(again.status, 200U);
    EXPECT_EQ(again.find_header("Idempotency-Replayed"), "true");
    EXPECT_EQ(parse(again).at("site").as_string(), rolled_up);
    EXPECT_EQ(code_of(post(R"({"duration":"2h"})")), "idempotency_key_reused");
    EXPECT_EQ(orders_.size(), 1U);
}

TEST_F(QueueTest, HistoryIsNewestFirst)
{
    view_.history = {lowered("first"), lowered("second"), lowered("third")};
    const auto body = parse(operate("GET", "/platform/v1/adaptations?limit=2"));
    ASSERT_EQ(body.at("data").as_array().size(), 2U);
    EXPECT_EQ(body.at("data").at(0).at("rule").as_string(), "third");
    EXPECT_EQ(body.at("data").at(1).at("rule").as_string(), "second");
    EXPECT_EQ(body.at("data").at(0).at("phase").as_string(), "began");
}

TEST_F(QueueTest, SessionsAreListedBySite)
{
    all_->queue.sessions = [&]
    {
        return std::vector<delivery::session_view>{{3, rolled_up, "one", "sending", 1500, 4},
                                                   {9, "b.example", "one", "idle", 10, 0},
                                                   {12, rolled_up, "two", "idle", 20, 1}};
    };
    const auto all = parse(operate("GET", "/platform/v1/sessions"));
    EXPECT_EQ(all.at("data").as_array().size(), 3U);
    EXPECT_EQ(all.at("data").at(0).at("state").as_string(), "sending");
    const auto page = parse(operate("GET", "/platform/v1/sessions?site=mx2.example&limit=1"));
    EXPECT_EQ(page.at("data").at(0).at("id").to_number<int>(), 3);
    EXPECT_EQ(page.at("next_cursor").as_string(), "3");
    const auto rest = parse(operate("GET", "/platform/v1/sessions?site=mx2.example&cursor=3"));
    ASSERT_EQ(rest.at("data").as_array().size(), 1U);
    EXPECT_EQ(rest.at("data").at(0).at("id").to_number<int>(), 12);
    EXPECT_EQ(operate("GET", "/platform/v1/sessions?cursor=x").status, 422U);
}

TEST_F(QueueTest, TheDialogueIsStreamed)
{
    delivery::trace_hub hub;
    all_->queue.trace = [&](const std::string& site) { return hub.subscribe(site); };
    EXPECT_EQ(operate("GET", "/platform/v1/trace").status, 422U);
    {
        const auto answer = operate("GET", "/platform/v1/trace?site=mx2.example");
        ASSERT_EQ(answer.status, 200U);
        EXPECT_EQ(answer.content_type, "text/event-stream");
        EXPECT_EQ(answer.stream(), ": listening to mx2.example\n\n");
        delivery::trace_event e;
        e.session = 4;
        e.site = rolled_up;
        e.mx = "mx2.example";
        e.text = "MAIL FROM:<a@b.example>";
        hub.publish(e);
        e.mx = "mx1.example";
        hub.publish(e);
        e.mx = "mx2.example";
        e.what = delivery::trace_event::kind::body;
        e.bytes = 500;
        hub.publish(e);
        const auto piece = answer.stream();
        ASSERT_TRUE(piece.has_value());
        const auto first = piece->substr(0, piece->find("\n\n"));
        ASSERT_TRUE(first.starts_with("data: ")) << first;
        const auto data = parse_json(first.substr(6));
        ASSERT_TRUE(data.has_value());
        EXPECT_EQ(data->at("text").as_string(), "MAIL FROM:<a@b.example>");
        EXPECT_EQ(data->at("what").as_string(), "sent");
        EXPECT_EQ(data->at("session").to_number<int>(), 4);
        EXPECT_EQ(std::count(piece->begin(), piece->end(), '\n'), 4) << "the other host's is left";
        EXPECT_NE(piece->find("\"bytes\":500"), std::string::npos);
        for (std::size_t i = 0; i < delivery::trace_subscription::events_max + 3; ++i)
        {
            hub.publish(e);
        }
        const auto late = answer.stream();
        ASSERT_TRUE(late.has_value());
        EXPECT_TRUE(late->starts_with("event: lost\ndata: {\"what\":\"lost\",\"count\":3"))
            << late->substr(0, 80);
    }
    std::vector<http::response> open;
    for (std::size_t i = 0; i < delivery::trace_hub::listeners_max; ++i)
    {
        open.push_back(operate("GET", "/platform/v1/trace?site=a"));
        EXPECT_EQ(open.back().status, 200U) << "who went away listens no more";
    }
    EXPECT_EQ(code_of(operate("GET", "/platform/v1/trace?site=a")), "too_many_listeners");
}

TEST_F(QueueTest, WithoutDeliveryEverythingSaysSo)
{
    all_->queue = {};
    for (const auto* path : {"/platform/v1/queue", "/platform/v1/adaptations",
                             "/platform/v1/sessions", "/platform/v1/trace?site=a"})
    {
        EXPECT_EQ(code_of(operate("GET", path)), "delivery_off") << path;
    }
    EXPECT_EQ(code_of(operate("POST", "/platform/v1/queue/sites/a:resume")), "delivery_off");
}

TEST_F(QueueTest, TheDocumentTellsOfEveryRoute)
{
    const auto document = parse(operate("GET", "/platform/v1/openapi.json"));
    const auto& paths = document.at("paths").as_object();
    std::set<std::string> told;
    for (const auto& path : paths)
    {
        for (const auto& operation : path.value().as_object())
        {
            std::string verb(operation.key());
            std::transform(verb.begin(), verb.end(), verb.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            verb += ' ';
            const std::string pattern(path.key());
            const auto kind = pattern.find("{kind}");
            if (kind == std::string::npos)
            {
                told.insert(verb + pattern);
                continue;
            }
            for (const auto* name : {"sites", "tenants", "campaigns"})
            {
                auto one = pattern;
                told.insert(verb + one.replace(kind, 6, name));
            }
        }
    }
    std::set<std::string> served;
    for (const auto& route : platform_.list())
    {
        if (route.find(" /platform/v1/") != std::string::npos)
        {
            served.insert(route);
        }
    }
    EXPECT_EQ(told, served);
    const auto text = to_json_text(document);
    for (auto at = text.find("#/components/schemas/"); at != std::string::npos;
         at = text.find("#/components/schemas/", at + 1))
    {
        const auto begin = at + std::string_view("#/components/schemas/").size();
        const auto name = text.substr(begin, text.find('"', begin) - begin);
        EXPECT_TRUE(document.at("components").at("schemas").as_object().contains(name)) << name;
    }
}

TEST_F(QueueTest, ShapingShowsWhatIsConfiguredAndWhatIsInForce)
{
    EXPECT_EQ(operate("GET", "/platform/v1/shaping").status, 422U);
    const auto table = std::make_shared<shaping::shaping_table>();
    shaping::limits_patch patch;
    patch.connections_max = 3;
    ASSERT_TRUE(table->set_default(patch).has_value());
    shaping::reply_rule rule;
    rule.name = "slow-down";
    ASSERT_TRUE(rule.codes.add("421").has_value());
    rule.actions.emplace_back();
    ASSERT_TRUE(table->add_rule("", std::move(rule)).has_value());
    all_->hooks.shaping = [&] { return std::shared_ptr<const shaping::shaping_table>(table); };
    const auto idle = parse(operate("GET", "/platform/v1/shaping?domain=example.jp"));
    const auto& limit = idle.at("limits").at("connections_max");
    EXPECT_EQ(limit.at("value").to_number<int>(), 3);
    EXPECT_NE(limit.at("from").as_string(),
              idle.at("limits").at("idle_max").at("from").as_string());
    EXPECT_TRUE(idle.at("live").is_null());
    EXPECT_EQ(idle.at("rules").at("count").to_number<int>(), 1);
    EXPECT_EQ(idle.at("rules").at("names").at(0).as_string(), "slow-down");

    auto& p = view_.sites.front().paths.emplace_back();
    p.source = "one";
    p.limits.connections_max = 1;
    p.adaptations.push_back(lowered("slow-down"));
    all_->hooks.find_mx = [](const std::string&)
    { return std::vector<std::string>{"mx2.example", "mx1.example"}; };
    const auto body = parse(operate("GET", "/platform/v1/shaping?domain=example.jp"));
    EXPECT_EQ(body.at("live").at("site").as_string(), rolled_up);
    const auto& source = body.at("live").at("sources").at(0);
    EXPECT_EQ(source.at("limits").at("connections_max").to_number<int>(), 1);
    EXPECT_EQ(source.at("adaptations").as_array().size(), 1U);
    EXPECT_EQ(code_of(operate("POST", "/platform/v1/store:accept-gap")), "no_gap");
}

} // namespace
} // namespace hikyaku::api
