#include "support.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>

namespace hikyaku::http
{
namespace
{

/// A handler waits here until the test opens it.
class gate
{
public:
    void open()
    {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void pass()
    {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.wait(lock, [this] { return open_; });
    }
    [[nodiscard]] int waiting()
    {
        const std::lock_guard lock(mutex_);
        return waiting_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
    int waiting_ = 0;
};

std::size_t count(std::string_view text, std::string_view what)
{
    std::size_t n = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    {
        ++n;
    }
    return n;
}

class Server : public ServerTest
{
protected:
    Server()
    {
        add("GET", "/hello",
            [](request& r)
            {
                return response::text(200, "text/plain",
                                      "hello " + std::string(r.query.find("n").value_or("?")));
            });
        add("POST", "/echo", [](request& r) { return response::text(200, "text/plain", r.body); },
            {.body_bytes_max = 1u << 20, .spool_body_to_file = false, .name = "echo"});
        add("POST", "/json",
            [](request& r)
            {
                auto body = parse_json_body(r);
                return body.has_error() ? body.error() : response::json(200, *body);
            });
    }
};

TEST_F(Server, AnswersAndKeepsTheConnection)
{
    start();
    auto c = make_client();
    for (int i = 0; i < 3; ++i)
    {
        const auto got = c.get("/hello?n=" + std::to_string(i));
        ASSERT_TRUE(got.has_value()) << got.error().text;
        EXPECT_EQ(got->status, 200u);
        EXPECT_EQ(got->body, "hello " + std::to_string(i));
        EXPECT_EQ(got->content_type, "text/plain");
        EXPECT_EQ(got->find_header("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(got->find_header("Cache-Control"), "no-store");
        EXPECT_TRUE(got->find_header("X-Request-Id")->starts_with("req_"));
        EXPECT_FALSE(got->find_header("Server"));
        EXPECT_EQ(running->connections(), 1u);
    }
}

TEST_F(Server, AnswersPipelinedRequestsInOrder)
{
    start();
    raw_connection raw(port);
    std::string bytes;
    for (int i = 0; i < 20; ++i)
    {
        bytes += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nnr=" +
                 std::to_string(100 + i);
    }
    bytes += "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    ASSERT_TRUE(raw.send(bytes));
    const auto all = raw.read_all();
    EXPECT_EQ(count(all, "HTTP/1.1 200 OK"), 21u);
    std::size_t at = 0;
    for (int i = 0; i < 20; ++i)
    {
        at = all.find("nr=" + std::to_string(100 + i), at);
        ASSERT_NE(at, std::string::npos) << i;
    }
    EXPECT_TRUE(all.ends_with("hello ?"));
    EXPECT_TRUE(raw.closed());
}

struct wire_row
{
    const char* name;
    std::string bytes;
    const char* status_line;
    /// A part of the answer.
    const char* contains;
};

class Refusal : public Server, public testing::WithParamInterface<wire_row>
{
};

TEST_P(Refusal, AnswersOnceAndCloses)
{
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send(GetParam().bytes));
    const auto all = raw.read_all();
    EXPECT_TRUE(raw.closed());
    EXPECT_TRUE(all.starts_with(GetParam().status_line)) << all;
    EXPECT_NE(all.find(GetParam().contains), std::string::npos) << all;
    EXPECT_NE(all.find("Connection: close\r\n"), std::string::npos) << all;
    EXPECT_NE(all.find("application/problem+json"), std::string::npos) << all;
    EXPECT_EQ(count(all, "HTTP/1.1 "), 1u) << all;
}

const std::string smuggled = "GET /hello?n=smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";

INSTANTIATE_TEST_SUITE_P(
    Rows, Refusal,
    testing::Values(
        wire_row{"LengthAndChunked",
                 post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" +
                     smuggled,
                 "HTTP/1.1 400 ", "bad_framing"},
        wire_row{"TwoLengths", post + "Content-Length: 0\r\nContent-Length: 46\r\n\r\n" + smuggled,
                 "HTTP/1.1 400 ", "bad_framing"},
        wire_row{"BareLf", "GET /hello HTTP/1.1\nHost: a\n\n" + smuggled, "HTTP/1.1 400 ",
                 "bad_line_end"},
        wire_row{"Fold", post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + smuggled,
                 "HTTP/1.1 400 ", "bad_header"},
        wire_row{"BadChunk",
                 post + "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" + smuggled,
                 "HTTP/1.1 400 ", "bad_chunk"},
        wire_row{"BadChunkSize",
                 post + "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n" + smuggled,
                 "HTTP/1.1 400 ", "bad_chunk"},
        wire_row{"TooLarge", post + "Content-Length: 52428800\r\n\r\nabc", "HTTP/1.1 413 ",
                 "body_too_large"},
        wire_row{"TooLargeChunked",
                 post + "Transfer-Encoding: chunked\r\n\r\n100001\r\n" +
                     std::string(0x100001, 'x') + "\r\n0\r\n\r\n" + smuggled,
                 "HTTP/1.1 413 ", "body_too_large"},
        wire_row{"Gzip", post + "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
                 "HTTP/1.1 415 ", "unsupported_content_encoding"},
        wire_row{"NotFoundWithBody",
                 "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 46\r\n\r\n" + smuggled,
                 "HTTP/1.1 404 ", "\"code\":\"not_found\""},
        wire_row{"Expectation", post + "Content-Length: 3\r\nExpect: magic\r\n\r\nabc",
                 "HTTP/1.1 417 ", "expectation_failed"},
        wire_row{"LongTarget", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n",
                 "HTTP/1.1 414 ", "target_too_long"},
        wire_row{"LongHeader", post + "X: " + std::string(20000, 'a') + "\r\n\r\n", "HTTP/1.1 431 ",
                 "header_too_large"},
        wire_row{"Version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 ",
                 "version_not_supported"},
        wire_row{"TlsHello", std::string("\x16\x03\x01\x02\x00\x01\n", 7), "HTTP/1.1 400 ",
                 "bad_line_end"}),
    [](const auto& info) { return info.param.name; });

struct kept_row
{
    const char* name;
    std::string bytes;
    const char* status_line;
    const char* contains;
};

class Kept : public Server, public testing::WithParamInterface<kept_row>
{
};

TEST_P(Kept, AnswersAndStaysOpen)
{
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send(GetParam().bytes));
    ASSERT_TRUE(raw.read_until("\r\n\r\n"));
    EXPECT_TRUE(raw.received().starts_with(GetParam().status_line)) << raw.received();
    EXPECT_NE(raw.received().find(GetParam().contains), std::string::npos) << raw.received();
    raw.forget();
    ASSERT_TRUE(raw.send("GET /hello?n=next HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(raw.read_until("hello next"));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, Kept,
    testing::Values(
        kept_row{"NotFound", "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 404 ", ""},
        kept_row{"NotAllowed", "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 ",
                 "Allow: GET, HEAD\r\n"},
        kept_row{"Override",
                 "GET /hello HTTP/1.1\r\nHost: a\r\nX-HTTP-Method-Override: DELETE\r\n\r\n",
                 "HTTP/1.1 200 ", ""},
        kept_row{"UnknownMethod", "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ", ""},
        kept_row{"Trace", "TRACE /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 ", ""},
        kept_row{"BadTarget", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 ", ""},
        kept_row{"Http10", "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "HTTP/1.1 200 ",
                 "Connection: keep-alive\r\n"},
        kept_row{"Head", "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ",
                 "Content-Length: 7\r\n"},
        kept_row{"LeadingLine", "\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 ", ""},
        kept_row{"Chunked", post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                 "HTTP/1.1 200 ", "Content-Length: 3\r\n"}),
    [](const auto& info) { return info.param.name; });

TEST_F(Server, HeadHasNoBody)
{
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(raw.read_all().ends_with("\r\n\r\n"));
}

TEST_F(Server, Continues)
{
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send(post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    ASSERT_TRUE(raw.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
    ASSERT_TRUE(raw.send("12345"));
    ASSERT_TRUE(raw.read_until("12345"));
    EXPECT_NE(raw.received().find("HTTP/1.1 200 OK"), std::string::npos);
}

TEST_F(Server, RefusesBeforeContinue)
{
    serves.before = [](request&) { return response::problem({.status = 401, .code = "no_key"}); };
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send(post + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"));
    const auto all = raw.read_all();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 401 ")) << all;
}

TEST_F(Server, ProblemsCarryTheRequestAsInstance)
{
    start();
    auto c = make_client();
    const auto got = c.get("/nowhere");
    ASSERT_TRUE(got.has_value());
    const auto body = parse_json(got->body);
    ASSERT_TRUE(body.has_value());
    const auto& problem = body->as_object();
    EXPECT_EQ(problem.at("status"), 404);
    EXPECT_EQ(problem.at("code"), "not_found");
    EXPECT_EQ(problem.at("title"), "Not Found");
    EXPECT_EQ(std::string(problem.at("instance").as_string()),
              "urn:hikyaku:request:" + std::string(*got->find_header("X-Request-Id")));
}

TEST_F(Server, JsonBodiesAreStrict)
{
    start();
    auto c = make_client();
    client_request what{.method = "POST", .target = "/json", .content_type = "text/plain"};
    what.body = "{}";
    EXPECT_EQ(c.send(what)->status, 415u);
    what.content_type = "application/json; charset=shift_jis";
    EXPECT_EQ(c.send(what)->status, 415u);
    what.content_type = "application/json; charset=UTF-8";
    EXPECT_EQ(c.send(what)->status, 200u);
    what.body = R"({"a":1,"a":2})";
    const auto got = c.send(what);
    EXPECT_EQ(got->status, 400u);
    EXPECT_NE(got->body.find("malformed_json"), std::string::npos);
    EXPECT_NE(got->body.find("at byte"), std::string::npos);
}

TEST_F(Server, HandlerThatThrowsIsA500)
{
    add("GET", "/throw", [](request&) -> response { throw std::runtime_error("secret"); });
    add("GET", "/throw-int", [](request&) -> response { throw 7; });
    start();
    auto c = make_client();
    for (const auto* const path : {"/throw", "/throw-int"})
    {
        const auto got = c.get(path);
        ASSERT_TRUE(got.has_value());
        EXPECT_EQ(got->status, 500u);
        EXPECT_EQ(got->body.find("secret"), std::string::npos);
    }
    EXPECT_EQ(c.get("/hello")->status, 200u);
}

TEST_F(Server, HookSeesTheRouteAndPassesItsFindings)
{
    serves.before = [](request& r) -> std::optional<response>
    {
        if (r.header("authorization") != "Bearer k")
        {
            return response::problem({.status = 401, .code = "unauthorized"});
        }
        r.context = r.route + "!";
        return std::nullopt;
    };
    add("GET", "/who/{id}",
        [](request& r)
        {
            return response::text(200, "text/plain",
                                  std::any_cast<std::string>(r.context) + r.parameter("id"));
        },
        {.name = "who"});
    start();
    auto c = make_client();
    EXPECT_EQ(c.get("/who/me")->status, 401u);
    auto known = make_client({.headers = {{"Authorization", "Bearer k"}}});
    EXPECT_EQ(known.get("/who/me")->body, "who!me");
}

TEST_F(Server, ObserverHearsOfEveryAnswer)
{
    std::mutex mutex;
    std::vector<std::string> heard;
    serves.observe = [&](std::string_view route, unsigned status, std::chrono::microseconds)
    {
        const std::lock_guard lock(mutex);
        heard.push_back(std::string(route) + " " + std::to_string(status));
    };
    start();
    auto c = make_client();
    ASSERT_TRUE(c.get("/hello").has_value());
    ASSERT_TRUE(c.get("/nowhere").has_value());
    stop();
    EXPECT_EQ(heard, (std::vector<std::string>{"GET /hello 200", " 404"}));
}

TEST_F(Server, FullPoolIsA503WithRetryAfter)
{
    std::atomic<int> refused = 0;
    serves.observe = [&](std::string_view, unsigned status, std::chrono::microseconds)
    { refused += status == 503 ? 1 : 0; };
    gate g;
    add("GET", "/wait",
        [&](request&)
        {
            g.pass();
            return response::empty(204);
        });
    options.workers = 1;
    options.queued_max = 1;
    start();
    raw_connection running_one(port);
    ASSERT_TRUE(running_one.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(eventually([&] { return g.waiting() == 1; }));
    raw_connection other_one(port);
    raw_connection third_one(port);
    // Two more for one place: exactly one is refused, whichever comes second.
    ASSERT_TRUE(other_one.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(third_one.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(eventually([&] { return refused == 1; }));
    auto c = make_client();
    const auto got = c.get("/hello");
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->status, 503u);
    EXPECT_EQ(got->find_header("Retry-After"), "2");
    g.open();
    EXPECT_TRUE(running_one.read_until("HTTP/1.1 204 "));
    EXPECT_TRUE(other_one.read_until("HTTP/1.1 "));
    EXPECT_TRUE(third_one.read_until("HTTP/1.1 "));
    EXPECT_EQ(count(other_one.received() + third_one.received(), "HTTP/1.1 204 "), 1u);
    EXPECT_EQ(count(other_one.received() + third_one.received(), "HTTP/1.1 503 "), 1u);
    // The observer still speaks to a variable of this test.
    stop();
}

TEST_F(Server, StopLetsTheRequestInFlightFinish)
{
    gate g;
    add("GET", "/wait",
        [&](request&)
        {
            g.pass();
            return response::text(200, "text/plain", "finished");
        });
    start();
    raw_connection raw(port);
    raw_connection idle(port);
    ASSERT_TRUE(idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(idle.read_until("hello"));
    ASSERT_TRUE(raw.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(eventually([&] { return g.waiting() == 1; }));
    std::thread stopper([&] { stop(); });
    idle.read_all();
    EXPECT_TRUE(idle.closed());
    g.open();
    const auto all = raw.read_all();
    stopper.join();
    EXPECT_TRUE(all.ends_with("finished")) << all;
    EXPECT_NE(all.find("Connection: close"), std::string::npos);
    EXPECT_TRUE(raw.closed());
    EXPECT_FALSE(raw_connection(port).connected());
}

TEST_F(Server, StopCutsWhatDoesNotFinish)
{
    options.drain_timeout = milliseconds(1);
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send(post + "Content-Length: 5\r\n\r\nab"));
    ASSERT_TRUE(eventually([&] { return running->connections() == 1; }));
    stop();
    raw.read_all();
    EXPECT_EQ(running->connections(), 0u);
}

TEST_F(Server, SlowHeadsTimeOutWhileOthersAreServed)
{
    where.limits.header_timeout = milliseconds(150);
    start();
    std::vector<std::unique_ptr<raw_connection>> slow;
    for (int i = 0; i < 50; ++i)
    {
        slow.push_back(std::make_unique<raw_connection>(port));
        ASSERT_TRUE(slow.back()->send("GET /hello HTTP/1.1\r\nHost:"));
    }
    auto c = make_client();
    EXPECT_EQ(c.get("/hello")->status, 200u);
    for (auto& s : slow)
    {
        EXPECT_TRUE(s->read_all().starts_with("HTTP/1.1 408 ")) << s->received();
    }
}

TEST_F(Server, SlowBodiesTimeOut)
{
    where.limits.body_grace = milliseconds(100);
    start();
    raw_connection slow(port);
    ASSERT_TRUE(slow.send(post + "Content-Length: 5\r\n\r\nab"));
    EXPECT_TRUE(slow.read_all().starts_with("HTTP/1.1 408 ")) << slow.received();
}

TEST_F(Server, IdleConnectionsAreClosed)
{
    where.limits.idle_timeout = milliseconds(100);
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(raw.read_all().ends_with("hello ?"));
    EXPECT_TRUE(raw.closed());
    EXPECT_TRUE(eventually([&] { return running->connections() == 0; }));
}

TEST_F(Server, SlowReadersAreCut)
{
    where.limits.body_grace = milliseconds(100);
    where.limits.body_rate_min = 1u << 30;
    add("GET", "/big",
        [](request&) { return response::text(200, "text/plain", std::string(64u << 20, 'x')); });
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(raw.read_until("HTTP/1.1 200"));
    EXPECT_TRUE(eventually([&] { return running->connections() == 0; }));
    EXPECT_LT(raw.read_all().size(), std::size_t{64u << 20});
}

TEST_F(Server, BoundsConnectionsPerAddress)
{
    where.limits.connections_per_ip_max = 2;
    start();
    raw_connection a(port);
    auto b = std::make_unique<raw_connection>(port);
    for (auto* const one : {&a, b.get()})
    {
        ASSERT_TRUE(one->send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
        ASSERT_TRUE(one->read_until("hello"));
    }
    raw_connection refused(port);
    EXPECT_EQ(refused.read_all(), "");
    b.reset();
    EXPECT_TRUE(eventually([&] { return running->connections() == 1; }));
    raw_connection d(port);
    ASSERT_TRUE(d.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_TRUE(d.read_until("hello"));
}

TEST_F(Server, BoundsTheMemoryOfBodies)
{
    options.body_memory_max = 100'000;
    start();
    raw_connection holds(port);
    ASSERT_TRUE(holds.send(post + "Content-Length: 90000\r\n\r\n" + std::string(80'000, 'x')));
    auto c = make_client();
    client_request what{.method = "POST", .target = "/echo", .body = std::string(60'000, 'y')};
    ASSERT_TRUE(eventually([&] { return c.send(what)->status == 503; }));
    ASSERT_TRUE(holds.send(std::string(10'000, 'x')));
    ASSERT_TRUE(holds.read_until("HTTP/1.1 200 OK"));
    EXPECT_TRUE(eventually([&] { return c.send(what)->status == 200; }));
}

TEST_F(Server, TellsWhatItCannotBind)
{
    start();
    server other({});
    listener_options same;
    same.port = port;
    other.add_listener(same, serves);
    const auto bound = other.start();
    ASSERT_TRUE(bound.has_error());
    EXPECT_NE(bound.error().text.find("cannot listen on 127.0.0.1"), std::string::npos);
}

} // namespace
} // namespace hikyaku::http
