#include "txt_lookup.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <variant>

#include <poll.h>
#include <unistd.h>

#include <hikyaku/base/bytes.h>
#include <hikyaku/dns/message.h>
#include <hikyaku/dns/name.h>
#include <hikyaku/dns/rrset.h>

namespace hikyaku::cli
{
namespace
{

/// Monotonic: these functions drive real sockets.
class deadline
{
public:
    explicit deadline(milliseconds after) : at_(std::chrono::steady_clock::now() + after) {}
    deadline(const deadline& whole, milliseconds after)
        : at_(std::min(whole.at_, std::chrono::steady_clock::now() + after))
    {
    }
    [[nodiscard]] int left_ms() const
    {
        const auto left = std::chrono::ceil<milliseconds>(at_ - std::chrono::steady_clock::now());
        return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }
    [[nodiscard]] bool passed() const { return left_ms() == 0; }

private:
    std::chrono::steady_clock::time_point at_;
};

class socket_handle
{
public:
    /// Connected, so that only the server's datagrams arrive and its refusal is noticed.
    socket_handle(const dns_endpoint& to, int type, const deadline& until)
        : fd_(::socket(to.address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    {
        const auto* address = reinterpret_cast<const sockaddr*>(&to.address);
        if (fd_ >= 0 && ::connect(fd_, address, to.size) != 0 &&
            (errno != EINPROGRESS || !wait(POLLOUT, until) || !connected()))
        {
            ::close(fd_);
            fd_ = -1;
        }
    }
    ~socket_handle()
    {
        if (fd_ >= 0)
        {
            ::close(fd_);
        }
    }
    socket_handle(const socket_handle&) = delete;
    socket_handle& operator=(const socket_handle&) = delete;

    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] bool wait(short what, const deadline& until) const
    {
        pollfd p{fd_, what, 0};
        int n = -1;
        do
        {
            n = ::poll(&p, 1, until.left_ms());
        } while (n < 0 && errno == EINTR && !until.passed());
        return n > 0;
    }
    [[nodiscard]] bool send(std::string_view bytes, const deadline& until) const
    {
        while (!bytes.empty())
        {
            const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0 && (errno != EAGAIN || !wait(POLLOUT, until)))
            {
                return false;
            }
            bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
        }
        return true;
    }
    /// One datagram, or what a stream has; nullopt on error, end or time-out.
    [[nodiscard]] std::optional<std::string> receive(std::size_t bytes_max,
                                                     const deadline& until) const
    {
        std::string bytes(bytes_max, '\0');
        while (wait(POLLIN, until))
        {
            const auto n = ::recv(fd_, bytes.data(), bytes.size(), 0);
            if (n > 0)
            {
                bytes.resize(static_cast<std::size_t>(n));
                return bytes;
            }
            if (n == 0 || (errno != EAGAIN && errno != EINTR))
            {
                return std::nullopt;
            }
        }
        return std::nullopt;
    }

private:
    [[nodiscard]] bool connected() const
    {
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }
    int fd_;
};

/// A message, or why there is none.
struct exchange_result
{
    std::optional<dns::message> message;
    std::string reason = "no answer";
};

exchange_result ask_udp(const dns_endpoint& server, const dns::question& q, const deadline& until)
{
    exchange_result out;
    const socket_handle socket(server, SOCK_DGRAM, until);
    if (!socket || !socket.send(dns::make_query(q), until))
    {
        out.reason = "the server cannot be reached";
        return out;
    }
    while (const auto datagram = socket.receive(dns::message_bytes_max, until))
    {
        const auto parsed = dns::parse_response(*datagram, q);
        if (parsed)
        {
            out.message = *parsed;
            return out;
        }
        // It may be forged, or late: go on waiting for the right one.
        out.reason = "unusable answer: " + parsed.error().text;
    }
    return out;
}

exchange_result ask_tcp(const dns_endpoint& server, const dns::question& q, const deadline& until)
{
    exchange_result out;
    const socket_handle socket(server, SOCK_STREAM, until);
    const auto query = dns::make_query(q);
    std::string framed;
    put_be(framed, static_cast<std::uint16_t>(query.size()));
    if (!socket || !socket.send(framed + query, until))
    {
        out.reason = "the server cannot be reached over TCP";
        return out;
    }
    std::string bytes;
    std::size_t want = 2;
    while (bytes.size() < want)
    {
        const auto part = socket.receive(want - bytes.size(), until);
        if (!part)
        {
            return out;
        }
        bytes += *part;
        want = bytes.size() < 2 ? 2 : 2U + get_be<std::uint16_t>(bytes);
    }
    auto parsed = dns::parse_response(std::string_view(bytes).substr(2), q);
    if (!parsed)
    {
        out.reason = "unusable answer: " + parsed.error().text;
        return out;
    }
    out.message = std::move(*parsed);
    return out;
}

bool is_answer(const dns::message& m)
{
    return m.code == dns::response_code::no_error || m.code == dns::response_code::name_error;
}

/// The first server's answer; the others are asked when it has none.
exchange_result ask(const std::vector<dns_endpoint>& servers, const dns::question& q,
                    const deadline& until)
{
    exchange_result last;
    bool silent = true;
    while (silent && !until.passed())
    {
        for (const auto& server : servers)
        {
            const deadline next_try(until, txt_lookup::try_timeout);
            last = ask_udp(server, q, next_try);
            if (last.message && last.message->truncated)
            {
                last = ask_tcp(server, q, next_try);
            }
            if (last.message && is_answer(*last.message))
            {
                return last;
            }
            // A refusal is an answer, if a bad one; a closed port stays closed: no second round.
            silent = silent && !last.message && next_try.passed();
        }
    }
    return last;
}

txt_answer to_answer(const dns::rrset& set)
{
    txt_answer out;
    out.reason = set.reason;
    for (const auto& record : set.records)
    {
        if (const auto* txt = std::get_if<dns::txt_data>(&record.data))
        {
            out.texts.push_back(txt->text);
        }
    }
    const bool none =
        set.status == dns::rrset_status::no_data || set.status == dns::rrset_status::no_name;
    out.status = !out.texts.empty() ? txt_status::found
                 : none             ? txt_status::not_found
                                    : txt_status::temporary;
    return out;
}

} // namespace

txt_lookup::txt_lookup(std::vector<dns_endpoint> servers, milliseconds timeout,
                       random_source& random)
    : servers_(std::move(servers)), timeout_(timeout), random_(random)
{
}

txt_answer txt_lookup::look_up(const std::string& name)
{
    const auto canonical = dns::canonical_name(name);
    if (!canonical || canonical->empty())
    {
        return {txt_status::not_found, "not a domain name", {}};
    }
    const deadline until(timeout_);
    dns::alias_walk walk(*canonical, dns::record_type::txt);
    while (true)
    {
        dns::question q;
        q.id = static_cast<std::uint16_t>(random_.next_u64());
        q.name = walk.name();
        q.type = walk.type();
        const auto got = ask(servers_, q, until);
        if (!got.message)
        {
            return {txt_status::temporary, got.reason, {}};
        }
        const auto set = walk.take(*got.message);
        if (set.status != dns::rrset_status::follow)
        {
            return to_answer(set);
        }
    }
}

} // namespace hikyaku::cli
