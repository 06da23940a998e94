#include "listen_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace hikyaku::http
{
namespace
{

constexpr int backlog = 1024;

/// Owns a descriptor until it is released.
class descriptor_guard
{
public:
    explicit descriptor_guard(int descriptor) noexcept : descriptor_(descriptor) {}
    ~descriptor_guard()
    {
        if (descriptor_ >= 0)
        {
            ::close(descriptor_);
        }
    }
    descriptor_guard(const descriptor_guard&) = delete;
    descriptor_guard& operator=(const descriptor_guard&) = delete;
    [[nodiscard]] int get() const noexcept { return descriptor_; }
    [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }

private:
    int descriptor_;
};

failure explain(const std::string& what)
{
    return {what + ": " + boost::system::system_category().message(errno)};
}

int make_socket(int family)
{
    return ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

union any_address
{
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
    sockaddr_un local;
};

/// @returns the address' size, 0 when the text is no IP address
socklen_t fill_address(const std::string& text, std::uint16_t port, any_address& out)
{
    std::memset(&out, 0, sizeof out);
    if (inet_pton(AF_INET, text.c_str(), &out.v4.sin_addr) == 1)
    {
        out.v4.sin_family = AF_INET;
        out.v4.sin_port = htons(port);
        return sizeof out.v4;
    }
    if (inet_pton(AF_INET6, text.c_str(), &out.v6.sin6_addr) == 1)
    {
        out.v6.sin6_family = AF_INET6;
        out.v6.sin6_port = htons(port);
        return sizeof out.v6;
    }
    return 0;
}

result<listening, failure> open_tcp(const listener_options& options)
{
    const auto label = options.address + " port " + std::to_string(options.port);
    any_address address;
    socklen_t size = fill_address(options.address, options.port, address);
    if (size == 0)
    {
        return failure{"\"" + options.address + "\" is not an IP address"};
    }
    descriptor_guard guard(make_socket(address.generic.sa_family));
    const int on = 1;
    if (guard.get() < 0 ||
        ::setsockopt(guard.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(guard.get(), &address.generic, size) != 0 || ::listen(guard.get(), backlog) != 0 ||
        ::getsockname(guard.get(), &address.generic, &size) != 0)
    {
        return explain("cannot listen on " + label);
    }
    const auto port =
        address.generic.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port;
    const int family = address.generic.sa_family;
    return listening{guard.release(), family, {options.name, options.address, ntohs(port), {}}};
}

/// Removes the socket file of a process that is gone.
std::optional<failure> clear_stale(const std::string& path, const any_address& address)
{
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0)
    {
        return std::nullopt;
    }
    if (!S_ISSOCK(status.st_mode))
    {
        return failure{path + " exists and is not a socket"};
    }
    const descriptor_guard probe(make_socket(AF_UNIX));
    if (probe.get() < 0)
    {
        return explain("cannot make a socket");
    }
    if (::connect(probe.get(), &address.generic, sizeof address.local) == 0 || errno == EAGAIN)
    {
        return failure{path + " is in use by another process"};
    }
    if (::unlink(path.c_str()) != 0)
    {
        return explain("cannot remove the stale socket " + path);
    }
    return std::nullopt;
}

result<listening, failure> open_unix(const listener_options& options)
{
    const auto path = options.unix_socket.string();
    any_address address;
    std::memset(&address, 0, sizeof address);
    if (path.size() >= sizeof address.local.sun_path)
    {
        return failure{"the socket path " + path + " is too long"};
    }
    address.local.sun_family = AF_UNIX;
    std::memcpy(address.local.sun_path, path.data(), path.size());
    if (auto failed = clear_stale(path, address))
    {
        return *failed;
    }
    descriptor_guard guard(make_socket(AF_UNIX));
    const auto mode = static_cast<mode_t>(options.unix_socket_mode & 0777U);
    // The mode before bind closes the moment in which the file would be open to all.
    if (guard.get() < 0 || ::fchmod(guard.get(), mode) != 0 ||
        ::bind(guard.get(), &address.generic, sizeof address.local) != 0 ||
        ::chmod(path.c_str(), mode) != 0 || ::listen(guard.get(), backlog) != 0)
    {
        return explain("cannot listen on " + path);
    }
    return listening{guard.release(), AF_UNIX, {options.name, {}, 0, options.unix_socket}};
}

std::string format_address(const any_address& address)
{
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.generic.sa_family == AF_INET)
    {
        inet_ntop(AF_INET, &address.v4.sin_addr, text.data(), text.size());
    }
    else if (address.generic.sa_family == AF_INET6)
    {
        const auto& v6 = address.v6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6))
        {
            inet_ntop(AF_INET, &v6.s6_addr[12], text.data(), text.size());
        }
        else
        {
            inet_ntop(AF_INET6, &v6, text.data(), text.size());
        }
    }
    return text.data();
}

} // namespace

result<listening, failure> open_listening(const listener_options& options)
{
    return options.unix_socket.empty() ? open_tcp(options) : open_unix(options);
}

peer_identity identify_peer(int descriptor)
{
    peer_identity peer;
    any_address address;
    std::memset(&address, 0, sizeof address);
    socklen_t size = sizeof address;
    if (::getpeername(descriptor, &address.generic, &size) != 0)
    {
        return peer;
    }
    peer.over_unix_socket = address.generic.sa_family == AF_UNIX;
    if (!peer.over_unix_socket)
    {
        peer.address = format_address(address);
        return peer;
    }
    ucred credentials{};
    socklen_t credentials_size = sizeof credentials;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_size) == 0)
    {
        peer.credentials = peer_credentials{credentials.uid, credentials.gid, credentials.pid};
    }
    return peer;
}

void send_at_once(int descriptor) noexcept
{
    const int on = 1;
    // Fails on Unix sockets, where it means nothing.
    static_cast<void>(::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
}

} // namespace hikyaku::http
