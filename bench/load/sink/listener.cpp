#include "listener.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace hikyaku::sink
{

namespace
{

constexpr int backlog_max = 4096;
constexpr int same_port_tries_max = 64;

struct socket_address
{
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] const sockaddr* get() const
    {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
};

socket_address make_address(const endpoint& at, std::uint16_t port)
{
    socket_address made;
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
    if (inet_pton(AF_INET, at.address.c_str(), &v4->sin_addr) == 1)
    {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        made.size = sizeof *v4;
    }
    else if (inet_pton(AF_INET6, at.address.c_str(), &v6->sin6_addr) == 1)
    {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        made.size = sizeof *v6;
    }
    else
    {
        throw std::runtime_error("not an address: " + at.address);
    }
    return made;
}

std::string name_of(const socket_address& address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address.storage.ss_family == AF_INET6)
    {
        const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6->sin6_port));
    }
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    return std::string(text) + ":" + std::to_string(ntohs(v4->sin_port));
}

std::uint16_t port_of(int fd)
{
    socket_address address;
    if (getsockname(fd, address.get(), &address.size) != 0)
    {
        throw std::system_error(errno, std::generic_category(), "getsockname");
    }
    // sin_port and sin6_port lie at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

// Null when the address is in use.
std::unique_ptr<listener> try_listen(const endpoint& at, std::uint16_t port)
{
    const socket_address address = make_address(at, port);
    auto made = std::make_unique<listener>();
    made->fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    if (made->fd < 0 || setsockopt(made->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(made->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    {
        throw std::system_error(errno, std::generic_category(), "socket");
    }
    if (bind(made->fd, address.get(), address.size) != 0 || ::listen(made->fd, backlog_max) != 0)
    {
        if (errno == EADDRINUSE)
        {
            return nullptr;
        }
        throw std::system_error(errno, std::generic_category(), "bind " + at.address);
    }
    made->name = local_name(made->fd);
    return made;
}

// All endpoints, with `shared` in place of port 0 when it is not 0; empty when one is in use.
std::optional<std::vector<std::unique_ptr<listener>>> try_all(const options& wanted)
{
    std::vector<std::unique_ptr<listener>> made;
    std::uint16_t shared = 0;
    for (const endpoint& at : wanted.listen)
    {
        const auto port = at.port == 0 && wanted.same_port ? shared : at.port;
        auto one = try_listen(at, port);
        if (!one)
        {
            if (port != shared || shared == 0)
            {
                throw std::system_error(EADDRINUSE, std::generic_category(), at.address);
            }
            return std::nullopt;
        }
        if (at.port == 0 && wanted.same_port)
        {
            shared = port_of(one->fd);
        }
        made.push_back(std::move(one));
    }
    return made;
}

} // namespace

listener::~listener()
{
    if (fd >= 0)
    {
        ::close(fd);
    }
}

std::vector<std::unique_ptr<listener>> make_listeners(const options& wanted)
{
    for (int i = 0; i != same_port_tries_max; ++i)
    {
        auto made = try_all(wanted);
        if (made)
        {
            return std::move(*made);
        }
    }
    throw std::runtime_error("no port is free on all addresses");
}

std::string local_name(int fd)
{
    socket_address address;
    return getsockname(fd, address.get(), &address.size) == 0 ? name_of(address) : "?";
}

std::string peer_name(int fd)
{
    socket_address address;
    return getpeername(fd, address.get(), &address.size) == 0 ? name_of(address) : "?";
}

bool is_loopback(int fd)
{
    socket_address address;
    if (getsockname(fd, address.get(), &address.size) != 0)
    {
        return false;
    }
    if (address.storage.ss_family == AF_INET6)
    {
        const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
        return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
    const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
}

} // namespace hikyaku::sink
