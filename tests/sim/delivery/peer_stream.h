#pragma once

#include "peers.h"

namespace hikyaku::sim
{

/// Both ends of one simulated connection.
struct peers::connection
{
    std::uint64_t id = 0;
    std::string site;
    std::string source;
    milliseconds latency{};
    unsigned life = 0;
    // To the client.
    std::string arrived;
    bool ended = false;
    net::timer* waiting = nullptr; // the client's read
    bool client_gone = false;
    bool used = false; // a MAIL was sent
    // The server's side.
    bool hung_up = false;
    bool stuck = false; // tarpit: nothing more is said
    bool in_body = false;
    std::string line;
    std::string from;
    std::string rcpt;
    mono_time busy_until{};

    void ring() const
    {
        if (waiting != nullptr)
        {
            waiting->cancel();
        }
    }
};

/// The client's end.
class peer_stream final : public net::stream
{
public:
    peer_stream(peers& world, peers::connection_ptr c, asio::io_context& context);
    ~peer_stream() override { close(); }

    asio::awaitable<net::io_result> read_some(std::span<char> into, milliseconds timeout) override;
    asio::awaitable<net::io_result> write(std::string_view first, std::string_view second,
                                          milliseconds timeout) override;
    asio::awaitable<net::tls_result> start_tls(std::string_view, milliseconds) override;
    bool input_ready() override { return !c_->arrived.empty() || c_->ended; }
    void close() noexcept override;
    std::optional<net::tls_info> tls() const override { return std::nullopt; }
    net::tcp::endpoint remote_endpoint() const override { return {}; }
    net::tcp::endpoint local_endpoint() const override { return {}; }

private:
    peers& world_;
    const peers::connection_ptr c_;
    const std::unique_ptr<net::timer> timer_;
};

class peer_dialer final : public net::dialer
{
public:
    peer_dialer(peers& world, asio::io_context& context) : world_(world), context_(context) {}
    asio::awaitable<net::dial_result> dial(net::dial_target target) override;

private:
    asio::awaitable<void> pass(milliseconds time);

    peers& world_;
    asio::io_context& context_;
};

} // namespace hikyaku::sim
