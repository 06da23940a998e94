#pragma once

#include "../dns/packet.h"

#include <boost/asio.hpp>

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hikyaku::resolver::test
{

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using dns::question;
using dns::record_type;
using dns::test::packet;

/// A DNS server on loopback, UDP and TCP on one free port, driven by the test's io_context. What
/// it sends is what the script says, byte for byte.
class dns_server
{
public:
    /// The datagrams, or over TCP the messages, to send for one question; none is silence.
    using reply = std::vector<std::string>;
    using script = std::function<reply(const question&, bool over_tcp)>;

    explicit dns_server(asio::io_context& context,
                        const asio::ip::address& on = asio::ip::address_v4::loopback())
        : context_(context), udp_(context), acceptor_(context)
    {
        bind(on);
        receive();
        accept();
    }

    [[nodiscard]] std::string address() const
    {
        const auto at = udp_.local_endpoint();
        const std::string host = at.address().to_string();
        return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
    }

    /// What to say to (name, type); anything else gets an empty NOERROR.
    void on(const std::string& name, record_type type, script what)
    {
        scripts_[{name, type}] = std::move(what);
    }
    /// The usual case: one packet made from the question.
    void answer(const std::string& name, record_type type, std::function<packet(packet)> make)
    {
        on(name, type, [make = std::move(make)](const question& q, bool)
           { return reply{make(packet(q)).bytes()}; });
    }
    void on_everything(script what) { otherwise_ = std::move(what); }

    [[nodiscard]] int asked(const std::string& name, record_type type) const
    {
        const auto at = counts_.find({name, type});
        return at == counts_.end() ? 0 : at->second;
    }
    [[nodiscard]] int questions() const { return questions_; }
    [[nodiscard]] int tcp_questions() const { return tcp_questions_; }
    [[nodiscard]] const std::set<std::uint16_t>& source_ports() const { return ports_; }
    [[nodiscard]] const std::set<std::uint16_t>& ids() const { return ids_; }
    [[nodiscard]] bool always_edns() const { return always_edns_; }

private:
    struct connection
    {
        explicit connection(tcp::socket s) : socket(std::move(s)) {}
        tcp::socket socket;
        std::array<unsigned char, 2> length{};
        std::string message;
    };
    using connection_ptr = std::shared_ptr<connection>;

    /// A port that is free for both protocols.
    void bind(const asio::ip::address& on)
    {
        for (int attempt = 0; attempt < 50; ++attempt)
        {
            acceptor_ = tcp::acceptor(context_, tcp::endpoint(on, 0));
            const auto port = acceptor_.local_endpoint().port();
            udp_ = udp::socket(context_);
            udp_.open(on.is_v6() ? udp::v6() : udp::v4());
            boost::system::error_code error;
            udp_.bind(udp::endpoint(on, port), error);
            if (!error)
            {
                return;
            }
        }
        throw std::runtime_error("no port free for both protocols");
    }

    void receive()
    {
        udp_.async_receive_from(asio::buffer(buffer_), from_,
                                [this](boost::system::error_code error, std::size_t size)
                                {
                                    if (error)
                                    {
                                        return;
                                    }
                                    ports_.insert(from_.port());
                                    for (const std::string& out :
                                         replies({buffer_.data(), size}, false))
                                    {
                                        udp_.send_to(asio::buffer(out), from_);
                                    }
                                    receive();
                                });
    }
    void accept()
    {
        acceptor_.async_accept(
            [this](boost::system::error_code error, tcp::socket socket)
            {
                if (!error)
                {
                    read(std::make_shared<connection>(std::move(socket)));
                    accept();
                }
            });
    }
    void read(const connection_ptr& c)
    {
        asio::async_read(c->socket, asio::buffer(c->length),
                         [this, c](boost::system::error_code error, std::size_t)
                         {
                             if (!error)
                             {
                                 c->message.resize(c->length[0] * 256U + c->length[1]);
                                 read_message(c);
                             }
                         });
    }
    void read_message(const connection_ptr& c)
    {
        asio::async_read(c->socket, asio::buffer(c->message),
                         [this, c](boost::system::error_code error, std::size_t)
                         {
                             if (error)
                             {
                                 return;
                             }
                             for (const std::string& out : replies(c->message, true))
                             {
                                 std::string framed;
                                 put_be(framed, static_cast<std::uint16_t>(out.size()));
                                 asio::write(c->socket, asio::buffer(framed + out));
                             }
                             read(c);
                         });
    }

    reply replies(std::string_view query, bool over_tcp)
    {
        question q;
        q.id = get_be<std::uint16_t>(query);
        std::size_t at = 12;
        while (query[at] != 0)
        {
            const auto size = static_cast<std::size_t>(query[at]);
            q.name += (q.name.empty() ? "" : ".") + std::string(query.substr(at + 1, size));
            at += size + 1;
        }
        q.type = static_cast<record_type>(get_be<std::uint16_t>(query.substr(at + 1)));
        ++questions_;
        tcp_questions_ += over_tcp ? 1 : 0;
        ++counts_[{q.name, q.type}];
        ids_.insert(q.id);
        const std::string_view opt("\0\0\x29\x04\xD0", 5); // root, OPT, 1232
        always_edns_ = always_edns_ && query.substr(at + 5).starts_with(opt);
        const auto script_at = scripts_.find({q.name, q.type});
        if (script_at != scripts_.end())
        {
            return script_at->second(q, over_tcp);
        }
        return otherwise_ ? otherwise_(q, over_tcp) : reply{packet(q).bytes()};
    }

    asio::io_context& context_;
    udp::socket udp_;
    tcp::acceptor acceptor_;
    udp::endpoint from_;
    std::array<char, 4096> buffer_{};
    std::map<std::pair<std::string, record_type>, script> scripts_;
    script otherwise_;
    std::map<std::pair<std::string, record_type>, int> counts_;
    std::set<std::uint16_t> ports_;
    std::set<std::uint16_t> ids_;
    int questions_ = 0;
    int tcp_questions_ = 0;
    bool always_edns_ = true;
};

} // namespace hikyaku::resolver::test
