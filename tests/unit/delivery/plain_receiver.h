#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>

namespace hikyaku::delivery
{

/// A small SMTP receiver on a loopback port of its own, one thread per connection. What it says to
/// RCPT and to the dot is the test's to decide.
class plain_receiver
{
public:
    /// The reply to a recipient at "rcpt" or "dot"; "" drops the connection.
    using answer = std::function<std::string(const std::string& step, const std::string& rcpt)>;

    explicit plain_receiver(answer a, std::string banner = "220 test ESMTP")
        : answer_(std::move(a)), banner_(std::move(banner)),
          acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0})
    {
        thread_ = std::thread([this] { accept(); });
    }
    ~plain_receiver()
    {
        stopping_ = true;
        // A connection of our own wakes the acceptor.
        boost::asio::ip::tcp::socket wake(context_);
        boost::system::error_code ec;
        wake.connect(acceptor_.local_endpoint(), ec);
        thread_.join();
        {
            const std::lock_guard lock(mutex_);
            for (auto* s : open_)
            {
                s->shutdown(boost::asio::ip::tcp::socket::shutdown_both, ec);
            }
        }
        for (auto& t : connections_)
        {
            t.join();
        }
    }
    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
    /// How often each address was accepted.
    [[nodiscard]] std::map<std::string, int> accepted() const
    {
        const std::lock_guard lock(mutex_);
        return accepted_;
    }
    [[nodiscard]] std::map<std::string, std::vector<std::string>> bodies() const
    {
        const std::lock_guard lock(mutex_);
        return bodies_;
    }
    [[nodiscard]] int sessions() const { return sessions_.load(); }

private:
    using tcp = boost::asio::ip::tcp;

    void accept()
    {
        while (!stopping_)
        {
            auto socket = std::make_shared<tcp::socket>(context_);
            boost::system::error_code ec;
            acceptor_.accept(*socket, ec);
            if (ec || stopping_)
            {
                return;
            }
            socket->set_option(tcp::no_delay(true), ec);
            ++sessions_;
            const std::lock_guard lock(mutex_);
            open_.push_back(socket.get());
            connections_.emplace_back([this, socket] { serve(*socket); });
        }
    }
    void serve(tcp::socket& socket)
    {
        boost::asio::streambuf buffer;
        boost::system::error_code ec;
        const auto say = [&](const std::string& text)
        { boost::asio::write(socket, boost::asio::buffer(text + "\r\n"), ec); };
        say(banner_);
        std::string rcpt;
        while (!ec)
        {
            boost::asio::read_until(socket, buffer, "\r\n", ec);
            if (ec)
            {
                break;
            }
            std::istream in(&buffer);
            std::string line;
            std::getline(in, line);
            if (line.starts_with("EHLO"))
            {
                say("250-test\r\n250-PIPELINING\r\n250 8BITMIME");
            }
            else if (line.starts_with("RCPT"))
            {
                rcpt = line.substr(9, line.find('>') - 9);
                const auto reply = answer_("rcpt", rcpt);
                if (reply.empty())
                {
                    break;
                }
                say(reply);
                rcpt = reply[0] == '2' ? rcpt : "";
            }
            else if (line.starts_with("DATA"))
            {
                if (rcpt.empty())
                {
                    say("503 no recipient");
                    continue;
                }
                say("354 go");
                const auto size = boost::asio::read_until(socket, buffer, "\r\n.\r\n", ec);
                if (ec)
                {
                    break;
                }
                std::string body(size, '\0');
                in.read(body.data(), static_cast<std::streamsize>(size));
                {
                    const std::lock_guard lock(mutex_);
                    bodies_[rcpt].push_back(body);
                }
                const auto reply = answer_("dot", rcpt);
                if (reply.empty())
                {
                    break;
                }
                if (reply[0] == '2')
                {
                    const std::lock_guard lock(mutex_);
                    ++accepted_[rcpt];
                }
                say(reply);
            }
            else if (line.starts_with("QUIT"))
            {
                say("221 bye");
                break;
            }
            else
            {
                say("250 ok");
            }
        }
        const std::lock_guard lock(mutex_);
        std::erase(open_, &socket);
        socket.close(ec);
    }

    answer answer_;
    std::string banner_;
    boost::asio::io_context context_;
    tcp::acceptor acceptor_;
    std::atomic<bool> stopping_{false};
    std::atomic<int> sessions_{0};
    mutable std::mutex mutex_;
    std::map<std::string, int> accepted_;
    std::map<std::string, std::vector<std::string>> bodies_;
    std::vector<tcp::socket*> open_;
    std::vector<std::thread> connections_;
    std::thread thread_;
};

} // namespace hikyaku::delivery
