#pragma once

#include <ares.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <hikyaku/base/time.h>

#include "server_address.h"

namespace hikyaku::resolver
{

namespace asio = boost::asio;

struct channel_options
{
    /// Not empty.
    std::vector<server_address> servers;
    milliseconds try_timeout{0};
    /// Over all servers; each is asked at least once.
    int tries = 1;
};

/// How one question ended: an ARES_ code and, with ARES_SUCCESS, the response.
struct channel_result
{
    int status = ARES_SUCCESS;
    std::string bytes;
};

/// One c-ares channel: retries, timeouts, truncation to TCP, matching of ids and questions. Its
/// sockets and its timer are waited for by Asio; c-ares opens, reads, writes and closes them.
///
/// c-ares keeps one UDP socket per server while questions are open, so a channel is also one
/// random source port: query_pool replaces it regularly.
/// Thread: the io_context's. Made by make(), destroyed outside of its callbacks; questions still
/// open are then forgotten without a call.
class channel : public std::enable_shared_from_this<channel>
{
public:
    using done_callback = std::function<void(channel_result)>;

    /// @throws std::runtime_error when c-ares can't be set up
    [[nodiscard]] static std::shared_ptr<channel> make(asio::io_context& context,
                                                       const channel_options& options);
    ~channel();
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    /// Sends an encoded question. `done` is called once, from the io_context, never inside this
    /// call or inside c-ares.
    void send(const std::string& query, done_callback done);

    /// Questions that c-ares still works on.
    [[nodiscard]] std::size_t in_flight() const noexcept { return open_.size(); }
    /// Questions sent since the channel was made.
    [[nodiscard]] std::size_t sent() const noexcept { return sent_; }

private:
    struct open_query;
    struct watched_socket;
    using socket_ptr = std::shared_ptr<watched_socket>;

    channel(asio::io_context& context, const channel_options& options);
    void set_up(const channel_options& options);
    void set_servers(const std::vector<server_address>& servers);

    static void on_socket_state(void* self, ares_socket_t fd, int readable, int writable) noexcept;
    static void on_done(void* query, int status, int timeouts, unsigned char* bytes,
                        int size) noexcept;

    void watch(ares_socket_t fd, bool readable, bool writable);
    void forget(ares_socket_t fd);
    void arm(const socket_ptr& socket);
    void on_ready(const socket_ptr& socket, bool readable);
    void complete(open_query& query, int status, const unsigned char* bytes, int size);
    void arm_timer();
    void on_timer();

    asio::io_context& context_;
    asio::steady_timer timer_;
    milliseconds tick_;
    bool timer_armed_ = false;
    bool closing_ = false;
    std::size_t sent_ = 0;
    std::list<open_query> open_;
    std::unordered_map<ares_socket_t, socket_ptr> sockets_;
    ares_channel ares_ = nullptr;
};

} // namespace hikyaku::resolver
