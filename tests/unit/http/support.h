#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <hikyaku/http/client.h>
#include <hikyaku/http/json_body.h>
#include <hikyaku/http/server.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hikyaku::http
{

/// A directory that goes away with the test.
class scratch_directory
{
public:
    scratch_directory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-http-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~scratch_directory() { std::filesystem::remove_all(path_); }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Waits until `holds`, for ten seconds at most.
template <class Predicate> bool eventually(Predicate holds)
{
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds())
    {
        if (std::chrono::steady_clock::now() > until)
        {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

/// A TCP connection on which any bytes can be sent.
class raw_connection
{
public:
    explicit raw_connection(std::uint16_t port)
    {
        descriptor_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
        timeval limit{20, 0};
        ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    ~raw_connection() { close(); }
    raw_connection(const raw_connection&) = delete;
    raw_connection& operator=(const raw_connection&) = delete;

    [[nodiscard]] bool connected() const { return connected_; }
    void close()
    {
        if (descriptor_ >= 0)
        {
            ::close(descriptor_);
            descriptor_ = -1;
        }
    }
    void finish_sending() { ::shutdown(descriptor_, SHUT_WR); }
    bool send(std::string_view bytes)
    {
        while (!bytes.empty())
        {
            const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0)
            {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// Reads until what came contains `text`; false at the end of the stream or after 20 s.
    bool read_until(std::string_view text)
    {
        while (received_.find(text) == std::string::npos)
        {
            if (!read_more())
            {
                return false;
            }
        }
        return true;
    }
    /// Everything up to the end of the stream.
    std::string read_all()
    {
        while (read_more())
        {
        }
        return received_;
    }
    /// The stream ended in order, not by reset or timeout.
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] const std::string& received() const { return received_; }
    void forget() { received_.clear(); }

private:
    bool read_more()
    {
        char buffer[16384];
        const auto got = ::recv(descriptor_, buffer, sizeof buffer, 0);
        closed_ = got == 0;
        if (got <= 0)
        {
            return false;
        }
        received_.append(buffer, static_cast<std::size_t>(got));
        return true;
    }
    int descriptor_ = -1;
    bool connected_ = false;
    bool closed_ = false;
    std::string received_;
};

/// A server on a free loopback port; tests fill `serves` and the options, then start().
class ServerTest : public testing::Test
{
protected:
    ServerTest()
    {
        options.workers = 2;
        options.spool_dir = directory.path();
        where.name = "test";
    }
    ~ServerTest() override { stop(); }

    void start()
    {
        running = std::make_unique<server>(options);
        running->add_listener(where, serves);
        const auto bound = running->start();
        ASSERT_TRUE(bound.has_value()) << bound.error().text;
        port = bound->front().port;
    }
    void stop()
    {
        if (running)
        {
            running->stop();
        }
    }
    [[nodiscard]] client make_client(client_options with = {}) const
    {
        auto made = client::make("http://127.0.0.1:" + std::to_string(port), std::move(with));
        EXPECT_TRUE(made.has_value());
        return std::move(*made);
    }
    void add(std::string_view method, std::string_view pattern, handler run, route_options o = {})
    {
        serves.routes.add(method, pattern, std::move(run), std::move(o));
    }

    scratch_directory directory;
    service serves;
    server_options options;
    listener_options where;
    std::unique_ptr<server> running;
    std::uint16_t port = 0;
};

} // namespace hikyaku::http
