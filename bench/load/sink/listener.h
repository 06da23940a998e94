// The sockets that clients connect to.
#pragma once

#include "options.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace hikyaku::sink
{

/// One listening socket, shared by all workers, and what arrived on it.
struct listener
{
    listener() = default;
    ~listener();
    listener(const listener&) = delete;
    listener& operator=(const listener&) = delete;

    int fd = -1;
    std::string name; ///< "address:port"
    std::atomic<std::uint64_t> sessions = 0;
    std::atomic<std::uint64_t> sessions_open = 0;
    std::atomic<std::uint64_t> sessions_peak = 0;
    std::atomic<std::uint64_t> messages = 0;
};

/// Binds every endpoint; with `same_port` all that ask for port 0 share one free port.
/// @throws std::system_error, std::runtime_error for an address that does not parse
[[nodiscard]] std::vector<std::unique_ptr<listener>> make_listeners(const options& wanted);

/// "address:port" of this or the other end of a connected socket.
[[nodiscard]] std::string local_name(int fd);
[[nodiscard]] std::string peer_name(int fd);
/// Is this end a loopback address? Others are never served.
[[nodiscard]] bool is_loopback(int fd);

} // namespace hikyaku::sink
