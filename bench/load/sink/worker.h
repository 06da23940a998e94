// One event loop: accepts, reads, writes, keeps time.
#pragma once

#include "listener.h"
#include "session.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <openssl/ssl.h>
#include <queue>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace hikyaku::sink
{

/// A thread that serves its share of the connections. `all`, `listeners` and `tls` (null:
/// no STARTTLS) outlive it.
class worker
{
public:
    /// @throws std::system_error
    worker(common& all, std::vector<std::unique_ptr<listener>>& listeners, SSL_CTX* tls,
           std::uint64_t seed);
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    void start();
    /// Ends the loop and closes all connections. Any thread.
    void stop();
    [[nodiscard]] counters& count() { return state_.count; }

private:
    using clock = std::chrono::steady_clock;
    enum class mode : std::uint8_t
    {
        open,        ///< talking SMTP
        handshaking, ///< in the TLS handshake
        paused,      ///< a delay rule holds the reply back; nothing is read
        draining,    ///< our side is closed; what comes is thrown away
        stalled      ///< never answers; what comes is thrown away
    };
    struct connection
    {
        connection(worker& home, int fd, listener& via, std::uint64_t id);
        ~connection();
        connection(const connection&) = delete;
        connection& operator=(const connection&) = delete;

        int fd;
        std::uint64_t id;
        listener& via;
        worker& home;
        SSL* tls = nullptr;
        mode now = mode::open;
        step after_flush = step::more;
        std::uint32_t events = 0;
        session talk;
        std::string pending; ///< read, not yet consumed
        std::string out;
        std::size_t out_sent = 0;
    };
    struct alarm
    {
        clock::time_point when;
        std::uint64_t id;
        bool operator>(const alarm& other) const { return when > other.when; }
    };

    void run();
    void accept_one(std::size_t index);
    void on_event(connection& at, std::uint32_t events);
    void on_readable(connection& at);
    void on_alarm(connection& at);
    void process(connection& at, std::string_view in);
    void apply(connection& at, const progress& done);
    void handshake(connection& at);
    /// @returns false when the connection is gone.
    [[nodiscard]] bool flush(connection& at);
    [[nodiscard]] std::ptrdiff_t read_some(connection& at);
    [[nodiscard]] std::ptrdiff_t write_some(connection& at);
    void close_in_order(connection& at);
    void destroy(connection& at) { connections_.erase(at.id); }
    void watch(connection& at, std::uint32_t events);
    void arm(connection& at, clock::duration after);
    [[nodiscard]] int next_timeout_ms() const;
    void ring_alarms();

    common& all_;
    std::vector<std::unique_ptr<listener>>& listeners_;
    SSL_CTX* tls_;
    worker_state state_;
    int epoll_ = -1;
    int wake_ = -1;
    std::atomic<bool> stopping_ = false;
    std::vector<char> buffer_;
    std::uint64_t next_id_;
    std::unordered_map<std::uint64_t, std::unique_ptr<connection>> connections_;
    std::priority_queue<alarm, std::vector<alarm>, std::greater<>> alarms_;
    std::thread thread_;
};

} // namespace hikyaku::sink
