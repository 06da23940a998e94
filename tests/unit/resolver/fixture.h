#pragma once

#include "dns_server.h"

#include <hikyaku/resolver/resolver.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace hikyaku::resolver::test
{

using answer_ptr = std::shared_ptr<const dns::mx_answer>;

class manual_clock final : public clock
{
public:
    [[nodiscard]] wall_time wall() const noexcept override { return {}; }
    [[nodiscard]] mono_time mono() const noexcept override { return now_; }
    void advance(std::chrono::seconds by) { now_ += by; }

private:
    mono_time now_{std::chrono::hours{1}};
};

/// One resolver against one scripted server on one io_context; no test sleeps for a fixed time.
class ResolverTest : public ::testing::Test
{
protected:
    /// Generous: only a broken test reaches it.
    static constexpr std::chrono::seconds patience{20};

    resolver_options options()
    {
        resolver_options o;
        o.servers = {server.address()};
        return o;
    }
    /// For tests where nothing answers.
    resolver_options impatient()
    {
        resolver_options o = options();
        o.try_timeout = milliseconds{20};
        o.lookup_timeout = milliseconds{400};
        return o;
    }
    void make(resolver_options o)
    {
        dut = std::make_unique<resolver>(context, std::move(o), time, system_random());
    }

    void run_until(const std::function<bool()>& reached)
    {
        const auto end = std::chrono::steady_clock::now() + patience;
        while (!reached() && std::chrono::steady_clock::now() < end)
        {
            context.restart();
            context.run_one_for(std::chrono::seconds{1});
        }
        ASSERT_TRUE(reached());
    }

    answer_ptr resolve(const std::string& domain)
    {
        answer_ptr out;
        dut->resolve_mx(std::string_view(domain), [&out](answer_ptr a) { out = std::move(a); });
        EXPECT_EQ(out, nullptr) << "called from inside resolve_mx";
        run_until([&out] { return out != nullptr; });
        return out ? out : std::make_shared<dns::mx_answer>();
    }

    /// MX 10 mx.NAME with one IPv4 address.
    void host_domain(const std::string& name)
    {
        const std::string host = "mx." + name;
        server.answer(name, record_type::mx, [=](packet p) { return p.mx(name, 10, host); });
        server.answer(host, record_type::a, [=](packet p) { return p.address(host, "192.0.2.1"); });
    }

    asio::io_context context;
    manual_clock time;
    dns_server server{context};
    std::unique_ptr<resolver> dut;
};

inline std::string hosts_text(const dns::mx_answer& a)
{
    std::string out;
    for (const dns::mx_host& host : a.hosts)
    {
        out += host.name;
        for (const dns::ip_address& ip : host.addresses)
        {
            out += " " + dns::format_ip(ip);
        }
        out += "; ";
    }
    return out;
}

} // namespace hikyaku::resolver::test
