#include "support.h"

#include <atomic>
#include <fstream>

#include <cstring>

#include <sys/stat.h>
#include <sys/un.h>

/// Freed blocks must not count as memory in use: a small quarantine.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options()
{
    return "quarantine_size_mb=8";
}

namespace hikyaku::http
{
namespace
{

std::size_t files_in(const std::filesystem::path& directory)
{
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(directory), {}));
}

/// Resident memory now becomes the high-water mark (proc(5), clear_refs).
void reset_peak_memory()
{
    std::ofstream("/proc/self/clear_refs") << 5;
}

/// High-water mark of resident memory, in KiB.
std::size_t peak_memory_kib()
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
    {
        if (line.starts_with("VmHWM:"))
        {
            return std::stoul(line.substr(6));
        }
    }
    return 0;
}

class Transfer : public ServerTest
{
protected:
    Transfer()
    {
        spooled.spool_body_to_file = true;
        spooled.body_bytes_max = 200u << 20;
    }
    /// A sparse file: costs no disk to make.
    std::filesystem::path make_file(std::uint64_t size) const
    {
        const auto path = other.path() / "big";
        std::ofstream(path).put('a');
        std::filesystem::resize_file(path, size);
        return path;
    }
    scratch_directory other;
    route_options spooled;
};

TEST_F(Transfer, SpoolsAHundredMegabytesInBoundedMemory)
{
    constexpr std::uint64_t size = 100u << 20;
    std::uint64_t seen = 0;
    std::string body = "?";
    std::filesystem::path taken;
    add(
        "POST", "/upload",
        [&](request& r)
        {
            seen = std::filesystem::file_size(r.body_file);
            body = r.body;
            taken = other.path() / "kept";
            std::filesystem::rename(r.body_file, taken);
            return response::json(202, json::object{{"bytes", r.body_bytes}});
        },
        spooled);
    start();
    auto c = make_client();
    client_request what{.method = "POST", .target = "/upload"};
    what.body_file = make_file(size);
    reset_peak_memory();
    const auto before = peak_memory_kib();
    const auto got = c.send(what);
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->status, 202u);
    EXPECT_EQ(got->body, "{\"bytes\":104857600}");
    EXPECT_EQ(seen, size);
    EXPECT_EQ(body, "");
    EXPECT_EQ(std::filesystem::file_size(taken), size);
    EXPECT_EQ(files_in(directory.path()), 0u);
    // Far below the body, with room for what the sanitizer keeps back from reuse.
    EXPECT_LT(peak_memory_kib() - before, std::size_t{64u << 10});
}

TEST_F(Transfer, RemovesTheSpooledFileAfterTheHandler)
{
    std::filesystem::path file;
    add(
        "POST", "/upload",
        [&](request& r)
        {
            file = r.body_file;
            std::ifstream in(file);
            return response::text(200, "text/plain",
                                  std::string(std::istreambuf_iterator<char>(in), {}));
        },
        spooled);
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send("POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"));
    EXPECT_TRUE(raw.read_all().ends_with("abc"));
    EXPECT_TRUE(file.string().starts_with(directory.path().string()));
    EXPECT_TRUE(eventually([&] { return files_in(directory.path()) == 0; }));
}

TEST_F(Transfer, AnAbortedUploadLeavesNothing)
{
    std::atomic<bool> called = false;
    add(
        "POST", "/upload",
        [&](request&)
        {
            called = true;
            return response::empty(204);
        },
        spooled);
    start();
    {
        raw_connection raw(port);
        ASSERT_TRUE(raw.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
        ASSERT_TRUE(eventually([&] { return files_in(directory.path()) == 1; }));
    }
    EXPECT_TRUE(eventually([&] { return files_in(directory.path()) == 0; }));
    EXPECT_FALSE(called);
}

TEST_F(Transfer, ARefusedUploadIsNotRead)
{
    serves.before = [](request&) { return response::problem({.status = 401, .code = "no_key"}); };
    add("POST", "/upload", [](request&) { return response::empty(204); }, spooled);
    start();
    raw_connection raw(port);
    ASSERT_TRUE(raw.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n"));
    EXPECT_TRUE(raw.read_all().starts_with("HTTP/1.1 401 "));
    EXPECT_EQ(files_in(directory.path()), 0u);
}

TEST_F(Transfer, UnusableSpoolIsA503)
{
    add("POST", "/upload", [](request&) { return response::empty(204); }, spooled);
    start();
    std::filesystem::remove(directory.path());
    auto c = make_client();
    client_request what{.method = "POST", .target = "/upload", .body = "abc"};
    const auto got = c.send(what);
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->status, 503u);
    EXPECT_NE(got->body.find("spool_failed"), std::string::npos);
}

TEST_F(Transfer, StartRemovesLeftoversOnly)
{
    std::ofstream(directory.path() / "upload-1.part").put('x');
    std::ofstream(directory.path() / "keep.csv").put('x');
    start();
    EXPECT_EQ(files_in(directory.path()), 1u);
    EXPECT_TRUE(std::filesystem::exists(directory.path() / "keep.csv"));
}

TEST_F(Transfer, SendsAndSavesFiles)
{
    constexpr std::uint64_t size = (5u << 20) + 17;
    const auto file = make_file(size);
    add("GET", "/file",
        [&](request&)
        {
            auto r = response::text(200, "text/csv", "");
            r.body_file = file;
            return r;
        });
    add("GET", "/gone",
        [](request&)
        {
            response r;
            r.body_file = "/nonexistent/file";
            return r;
        });
    start();
    auto c = make_client();
    client_request what{.target = "/file"};
    what.save_to = other.path() / "saved";
    const auto got = c.send(what);
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->content_type, "text/csv");
    EXPECT_EQ(std::filesystem::file_size(what.save_to), size);
    client_request head{.method = "HEAD", .target = "/file"};
    EXPECT_EQ(c.send(head)->find_header("Content-Length"), std::to_string(size));
    EXPECT_EQ(c.get("/gone")->status, 500u);
}

TEST_F(Transfer, StreamsLineByLineUntilTheEnd)
{
    add("GET", "/stream",
        [](request&)
        {
            auto r = response::text(200, "application/x-ndjson", "");
            r.stream = [n = 0]() mutable -> std::optional<std::string>
            {
                ++n;
                if (n == 5)
                {
                    return std::nullopt;
                }
                return n == 2 ? "" : std::to_string(n) + "\nhalf";
            };
            return r;
        });
    start();
    auto c = make_client();
    std::string lines;
    client_request what{.target = "/stream"};
    what.on_line = [&](std::string_view line)
    {
        lines += "[" + std::string(line) + "]";
        return true;
    };
    for (int i = 0; i < 2; ++i)
    {
        lines.clear();
        const auto got = c.send(what);
        ASSERT_TRUE(got.has_value()) << got.error().text;
        EXPECT_EQ(lines, "[1][half3][half4][half]");
    }
    EXPECT_EQ(running->connections(), 1u);
}

TEST_F(Transfer, AStreamEndsWhenItsClientGoes)
{
    std::atomic<int> alive = 0;
    add("GET", "/stream",
        [&](request&)
        {
            ++alive;
            // Shared: the deleter tells when the server lets the generator go.
            const std::shared_ptr<int> token(new int(0),
                                             [&](int* p)
                                             {
                                                 delete p;
                                                 --alive;
                                             });
            auto r = response::text(200, "text/event-stream", "");
            r.stream = [token]() -> std::optional<std::string>
            { return (*token)++ == 0 ? "data: 1\n\n" : ""; };
            return r;
        });
    options.streams_max = 1;
    start();
    {
        raw_connection raw(port);
        ASSERT_TRUE(raw.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
        ASSERT_TRUE(raw.read_until("data: 1"));
        EXPECT_EQ(make_client().get("/stream")->status, 503u);
    }
    EXPECT_TRUE(eventually([&] { return alive == 0; }));
    raw_connection again(port);
    ASSERT_TRUE(again.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
    ASSERT_TRUE(again.read_until("data: 1"));
    stop();
    EXPECT_TRUE(again.read_all().ends_with("0\r\n\r\n"));
    EXPECT_EQ(alive, 0);
}

TEST_F(Transfer, ABrokenStreamIsNotEndedInOrder)
{
    add("GET", "/stream",
        [](request&)
        {
            response r;
            r.stream = []() -> std::optional<std::string> { throw std::runtime_error("x"); };
            return r;
        });
    start();
    const auto got = make_client().get("/stream");
    ASSERT_TRUE(got.has_error());
}

TEST_F(Transfer, AnUnixSocketTellsItsPeer)
{
    where.unix_socket = other.path() / "s";
    where.unix_socket_mode = 0600;
    add("GET", "/me",
        [](request& r)
        {
            return response::text(200, "text/plain",
                                  std::to_string(r.over_unix_socket) + " " +
                                      std::to_string(r.peer ? r.peer->uid : 9999) + " " +
                                      std::to_string(r.peer ? r.peer->pid : 0) + " " +
                                      r.remote_address);
        });
    start();
    struct stat status{};
    ASSERT_EQ(::stat(where.unix_socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    auto c = client::make("unix:" + where.unix_socket.string());
    ASSERT_TRUE(c.has_value());
    const auto got = c->get("/me");
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->body,
              "1 " + std::to_string(::getuid()) + " " + std::to_string(::getpid()) + " ");
    server second({});
    second.add_listener(where, serves);
    EXPECT_TRUE(second.start().has_error());
    stop();
    EXPECT_FALSE(std::filesystem::exists(where.unix_socket));
}

TEST_F(Transfer, AStaleSocketIsReplacedAndAFileIsNot)
{
    where.unix_socket = other.path() / "s";
    std::ofstream(where.unix_socket).put('x');
    {
        server refused({});
        refused.add_listener(where, serves);
        EXPECT_TRUE(refused.start().has_error());
    }
    std::filesystem::remove(where.unix_socket);
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, where.unix_socket.c_str());
    ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(left);
    start();
    auto c = client::make("unix:" + where.unix_socket.string());
    EXPECT_EQ(c->get("/")->status, 404u);
}

} // namespace
} // namespace hikyaku::http
