#pragma once

#include <string>
#include <thread>
#include <vector>

#include "../resolver/dns_server.h"

namespace hikyaku::cli::test
{

/// The resolver tests' DNS server on a thread of its own, for code that blocks. Say what it
/// answers, then start() it.
class dns_thread
{
public:
    using packet = dns::test::packet;
    static constexpr std::uint32_t ttl = 300;

    dns_thread() : server_(context_) {}
    ~dns_thread()
    {
        context_.stop();
        if (thread_.joinable())
        {
            thread_.join();
        }
    }
    dns_thread(const dns_thread&) = delete;
    dns_thread& operator=(const dns_thread&) = delete;

    /// `cut`: over UDP only that the answer is too long, after a forged one with another id.
    void txt(const std::string& name, const std::vector<std::string>& texts, bool cut)
    {
        server_.on(
            name, dns::record_type::txt,
            [name, texts, cut](const dns::question& q, bool over_tcp)
            {
                if (cut && !over_tcp)
                {
                    auto forged = q;
                    forged.id = static_cast<std::uint16_t>(~q.id);
                    return std::vector<std::string>{
                        packet(forged).bytes(),
                        packet(q, dns::test::response_flags | dns::test::truncated_flag).bytes()};
                }
                packet p(q);
                for (const auto& text : texts)
                {
                    p.answer(name, static_cast<std::uint16_t>(dns::record_type::txt), ttl,
                             rdata_of(text));
                }
                return std::vector<std::string>{p.bytes()};
            });
    }
    void refuse(const std::string& name)
    {
        server_.answer(name, dns::record_type::txt,
                       [](packet p) { return p.code(dns::response_code::refused); });
    }
    void alias(const std::string& name, const std::string& target)
    {
        server_.answer(name, dns::record_type::txt,
                       [name, target](packet p) { return p.cname(name, target, ttl); });
    }
    void mx(const std::string& name, std::uint16_t preference, const std::string& host)
    {
        server_.answer(name, dns::record_type::mx, [name, preference, host](packet p)
                       { return p.mx(name, preference, host, ttl); });
    }
    void a(const std::string& name, const std::string& address)
    {
        server_.answer(name, dns::record_type::a,
                       [name, address](packet p) { return p.address(name, address, ttl); });
    }
    void silent(const std::string& name)
    {
        server_.on(name, dns::record_type::txt,
                   [](const dns::question&, bool) { return std::vector<std::string>{}; });
    }
    [[nodiscard]] std::string address() const { return server_.address(); }
    /// Runs it; its "address:port".
    std::string start()
    {
        thread_ = std::thread([this] { context_.run(); });
        return server_.address();
    }

private:
    static std::string rdata_of(std::string_view text)
    {
        std::string out;
        do
        {
            const auto part = text.substr(0, 255);
            out.push_back(static_cast<char>(part.size()));
            out += part;
            text.remove_prefix(part.size());
        } while (!text.empty());
        return out;
    }

    boost::asio::io_context context_;
    resolver::test::dns_server server_;
    std::thread thread_;
};

} // namespace hikyaku::cli::test
