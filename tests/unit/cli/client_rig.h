#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <sstream>
#include <string>
#include <vector>

#include <hikyaku/cli/command_line.h>
#include <hikyaku/http/json_body.h>
#include <hikyaku/http/server.h>

namespace hikyaku::cli
{

/// A directory that goes away with the test.
class scratch
{
public:
    scratch()
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-cli-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~scratch() { std::filesystem::remove_all(path_); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] std::string file(const std::string& name, const std::string& content) const
    {
        std::ofstream(path_ / name, std::ios::binary) << content;
        return (path_ / name).string();
    }
    [[nodiscard]] std::string path(const std::string& name) const
    {
        return (path_ / name).string();
    }

private:
    std::filesystem::path path_;
};

/// A run of the command line with everything it touches in memory.
struct terminal
{
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    std::map<std::string, std::string> variables;
    /// Answers of wait(): false until it is empty, then `interrupts`.
    int waits = 0;
    int interrupt_after = -1;
    bool is_terminal = false;
    unsigned columns = 80;

    int run(const std::vector<std::string>& arguments)
    {
        environment e{.in = in,
                      .out = out,
                      .err = err,
                      .terminal = is_terminal,
                      .columns = columns,
                      .variable =
                          [this](const char* name)
                      {
                          const auto at = variables.find(name);
                          return at == variables.end() ? std::nullopt
                                                       : std::optional<std::string>(at->second);
                      },
                      .wait =
                          [this](milliseconds)
                      {
                          ++waits;
                          return interrupt_after >= 0 && waits > interrupt_after;
                      }};
        return cli::run(arguments, e);
    }
};

/// What a stub server was asked.
struct seen_request
{
    std::string line;
    std::string body;
    std::string idempotency_key;
    std::string authorization;
};

/// A server whose answers the test gives.
class stub_server
{
public:
    using answer = std::function<http::response(const http::request&)>;

    void on(const char* method, const char* pattern, answer a, bool spools = false)
    {
        http::route_options how;
        how.spool_body_to_file = spools;
        service_.routes.add(
            method, pattern,
            [this, a = std::move(a)](http::request& r)
            {
                const std::lock_guard lock(mutex_);
                seen_.push_back({r.method + " " + r.target, r.body,
                                 std::string(r.header("Idempotency-Key").value_or("")),
                                 std::string(r.header("Authorization").value_or(""))});
                if (!r.body_file.empty())
                {
                    std::ifstream in(r.body_file, std::ios::binary);
                    seen_.back().body.assign(std::istreambuf_iterator<char>(in), {});
                }
                return a(r);
            },
            how);
    }
    void start()
    {
        http::server_options options;
        options.workers = 2;
        options.spool_dir = spool_.path("");
        server_ = std::make_unique<http::server>(options);
        server_->add_listener({.name = "stub"}, service_);
        const auto bound = server_->start();
        ASSERT_TRUE(bound.has_value()) << bound.error().text;
        url_ = "http://127.0.0.1:" + std::to_string(bound->front().port);
    }
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] std::vector<seen_request> seen()
    {
        const std::lock_guard lock(mutex_);
        return seen_;
    }

private:
    scratch spool_;
    std::mutex mutex_;
    std::vector<seen_request> seen_;
    http::service service_;
    std::string url_;
    std::unique_ptr<http::server> server_;
};

} // namespace hikyaku::cli
