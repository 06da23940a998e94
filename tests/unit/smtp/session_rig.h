#pragma once

#include <hikyaku/smtp/client_session.h>

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::smtp::testing
{

/// What a scripted server says. Each verb's replies are used up in order; the last one stays.
struct server_script
{
    std::string banner = "220 mx.example ready\r\n";
    std::map<std::string, std::vector<std::string>> replies;
    bool greets = true;

    /// A server that takes everything.
    static server_script good(bool pipelining, bool tls = false)
    {
        server_script s;
        std::string ehlo = "250-mx.example\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n";
        ehlo += pipelining ? "250-PIPELINING\r\n" : "";
        const std::string end = "250 ENHANCEDSTATUSCODES\r\n";
        s.replies["EHLO"] = {ehlo + (tls ? "250-STARTTLS\r\n" : "") + end, ehlo + end};
        s.replies["HELO"] = {"250 mx.example\r\n"};
        s.replies["STARTTLS"] = {"220 2.0.0 go ahead\r\n"};
        s.replies["MAIL"] = {"250 2.1.0 Ok\r\n"};
        s.replies["RCPT"] = {"250 2.1.5 Ok\r\n"};
        s.replies["DATA"] = {"354 go on\r\n"};
        s.replies["."] = {"250 2.0.0 queued as 1234567\r\n"};
        s.replies["RSET"] = {"250 2.0.0 Ok\r\n"};
        s.replies["QUIT"] = {"221 2.0.0 Bye\r\n"};
        return s;
    }
};

enum class fault_kind
{
    none,
    close,
    close_half_written,
    close_all_written,
    time_out,
    garbage,
    closing_421,
};

struct fault
{
    fault_kind kind = fault_kind::none;
    /// Which I/O step (read, write, start_tls) it hits.
    int step = -1;
    /// 0: as many bytes at once as there are.
    std::size_t read_bytes_max = 0;
};

struct run_record
{
    std::vector<transaction_result> results;
    session_end end;
    /// All that was handed to the transport, and what the server understood.
    std::string wire;
    std::vector<std::string> bodies;
    std::vector<std::string> commands;
    int steps = 0;
    int dots_handed_over = 0;
    bool finished = false;
};

/// The server: reads what the session writes, line by line.
class script_server
{
public:
    explicit script_server(server_script script) : script_(std::move(script))
    {
        output = script_.banner;
    }
    void take(std::string_view bytes)
    {
        input_.append(bytes);
        std::size_t end;
        while ((end = input_.find("\r\n")) != std::string::npos)
        {
            const std::string line = input_.substr(0, end);
            input_.erase(0, end + 2);
            in_data_ ? take_data(line) : take_command(line);
        }
    }
    std::string output;
    std::vector<std::string> bodies;
    std::vector<std::string> commands;

private:
    void take_data(const std::string& line)
    {
        if (line == ".")
        {
            in_data_ = false;
            bodies.push_back(body_);
            answer(".");
            return;
        }
        body_ += (line.starts_with('.') ? line.substr(1) : line) + "\r\n";
    }
    void take_command(const std::string& line)
    {
        commands.push_back(line);
        const std::string verb = line.substr(0, line.find(' '));
        const std::string said = answer(verb);
        if (verb == "DATA" && said.starts_with("354"))
        {
            in_data_ = true;
            body_.clear();
        }
    }
    std::string answer(const std::string& verb)
    {
        auto& list = script_.replies[verb];
        if (list.empty())
        {
            output += "500 5.5.1 what?\r\n";
            return "500";
        }
        const std::string said = list.front();
        if (list.size() > 1)
        {
            list.erase(list.begin());
        }
        output += said;
        return said;
    }

    server_script script_;
    std::string input_;
    std::string body_;
    bool in_data_ = false;
};

struct rig_options
{
    session_options session;
    /// Answers to ask_permission, in order; then granted.
    std::deque<permission> permissions;
    fault injected;

    rig_options()
    {
        session.ehlo_name = "sender.example";
        session.tls_server_name = "mx.example";
    }
};

/// Runs a session against a script in memory, with a fault at one step, and checks on the way what
/// must hold in every run.
class session_rig
{
public:
    session_rig(const rig_options& options, const server_script& script)
        : options_(options), server_(script), session_(options.session)
    {
    }

    run_record run(const std::vector<envelope>& messages)
    {
        messages_ = {messages.begin(), messages.end()};
        io_event event = io_event::started();
        for (int guard = 0; guard < 100'000; ++guard)
        {
            const action a = session_.resume(event, now_);
            if (session_.has_result())
            {
                record_.results.push_back(session_.take_result());
                check_result(record_.results.back());
                awaiting_ = false;
            }
            if (a.kind == action_kind::done)
            {
                record_.finished = true;
                record_.end = session_.end();
                break;
            }
            event = perform(a);
        }
        record_.bodies = server_.bodies;
        record_.commands = server_.commands;
        check_wire(messages);
        return record_;
    }

    client_session& session() { return session_; }

private:
    io_event perform(const action& a)
    {
        switch (a.kind)
        {
        case action_kind::read:
            return perform_read(a);
        case action_kind::write:
            return perform_write(a);
        case action_kind::start_tls:
            return perform_tls();
        case action_kind::ask_permission:
            return perform_ask(a);
        case action_kind::next_message:
            return perform_next();
        case action_kind::done:
            break;
        }
        return io_event::closed("unreachable");
    }
    bool hit() { return record_.steps++ == options_.injected.step; }

    io_event perform_read(const action& a)
    {
        EXPECT_GT(a.timeout.count(), 0);
        if (hit())
        {
            switch (options_.injected.kind)
            {
            case fault_kind::close:
            case fault_kind::close_half_written:
            case fault_kind::close_all_written:
                return io_event::closed("reset by peer");
            case fault_kind::time_out:
                now_ += a.timeout;
                return io_event::timed_out();
            case fault_kind::garbage:
                server_.output = "\x80nonsense\r\n" + server_.output;
                break;
            case fault_kind::closing_421:
                server_.output = "421 4.3.2 shutting down\r\n";
                break;
            case fault_kind::none:
                break;
            }
        }
        if (server_.output.empty())
        {
            return io_event::closed("end of stream"); // the script has nothing more to say
        }
        const std::size_t most = options_.injected.read_bytes_max;
        chunk_ = server_.output.substr(0, most == 0 ? std::string::npos : most);
        server_.output.erase(0, chunk_.size());
        return io_event::bytes_read(chunk_);
    }

    io_event perform_write(const action& a)
    {
        const std::string all = std::string(a.bytes) + std::string(a.tail);
        EXPECT_FALSE(all.empty());
        const bool dot = a.tail == ".\r\n" || a.bytes == ".\r\n";
        record_.dots_handed_over += dot ? 1 : 0;
        dots_of_message_ += dot ? 1 : 0;
        EXPECT_LE(dots_of_message_, 1);
        std::size_t taken = all.size();
        const bool faulty = hit();
        if (faulty)
        {
            switch (options_.injected.kind)
            {
            case fault_kind::close:
            case fault_kind::time_out:
                taken = 0;
                break;
            case fault_kind::close_half_written:
                taken = all.size() / 2;
                break;
            case fault_kind::close_all_written:
            case fault_kind::none:
            case fault_kind::garbage:
            case fault_kind::closing_421:
                break;
            }
        }
        record_.wire.append(all, 0, taken);
        server_.take(std::string_view(all).substr(0, taken));
        if (faulty && options_.injected.kind == fault_kind::time_out)
        {
            now_ += a.timeout;
            return io_event::timed_out(taken);
        }
        const auto k = options_.injected.kind;
        if (faulty && (k == fault_kind::close || k == fault_kind::close_half_written ||
                       k == fault_kind::close_all_written))
        {
            return io_event::closed("reset by peer", taken);
        }
        return io_event::written();
    }

    io_event perform_tls()
    {
        const bool faulty = hit();
        if (faulty && options_.injected.kind == fault_kind::time_out)
        {
            return io_event::timed_out();
        }
        if (faulty && options_.injected.kind != fault_kind::none)
        {
            return io_event::tls_done(false, "handshake failure");
        }
        EXPECT_TRUE(server_.output.empty()) << "plaintext left before TLS";
        return io_event::tls_done(true);
    }

    io_event perform_ask(const action& a)
    {
        EXPECT_TRUE(awaiting_);
        permission answer = permission::granted;
        if (!options_.permissions.empty())
        {
            answer = options_.permissions.front();
            options_.permissions.pop_front();
        }
        EXPECT_EQ(a.must_answer, waited_);
        waited_ = answer == permission::wait;
        return io_event::permission_is(answer, !server_.output.empty());
    }

    io_event perform_next()
    {
        EXPECT_FALSE(awaiting_) << "the last message has no result";
        if (messages_.empty())
        {
            return io_event::no_message();
        }
        const envelope mail = messages_.front();
        messages_.pop_front();
        awaiting_ = true;
        dots_of_message_ = 0;
        ++given_;
        return io_event::message(mail, !server_.output.empty());
    }

    void check_result(const transaction_result& r)
    {
        EXPECT_TRUE(awaiting_) << "a result without a message";
        EXPECT_TRUE(r.verdict != verdict::unknown || dots_of_message_ == 1);
        EXPECT_TRUE(r.verdict != verdict::delivered || dots_of_message_ == 1);
        EXPECT_EQ(r.text.find_first_of("\r\n"), std::string::npos);
    }

    void check_wire(const std::vector<envelope>& messages)
    {
        EXPECT_TRUE(record_.finished);
        EXPECT_FALSE(awaiting_) << "a message without a result";
        EXPECT_EQ(record_.results.size(), given_);
        for (std::size_t i = 0; i < record_.wire.size(); ++i)
        {
            const bool lf = record_.wire[i] == '\n';
            const bool cr = record_.wire[i] == '\r';
            EXPECT_TRUE(!lf || (i > 0 && record_.wire[i - 1] == '\r')) << "bare LF at " << i;
            EXPECT_TRUE(!cr || i + 1 == record_.wire.size() || record_.wire[i + 1] == '\n');
        }
        for (const auto& body : record_.bodies)
        {
            bool known = body.empty(); // the lone dot
            for (const auto& m : messages)
            {
                known = known || body == m.message;
            }
            EXPECT_TRUE(known) << "a message nobody gave: " << body;
        }
    }

    rig_options options_;
    script_server server_;
    client_session session_;
    run_record record_;
    std::deque<envelope> messages_;
    std::string chunk_;
    mono_time now_{seconds{1000}};
    std::size_t given_ = 0;
    int dots_of_message_ = 0;
    bool awaiting_ = false;
    bool waited_ = false;
};

inline constexpr std::string_view plain_message =
    "From: a@sender.example\r\nSubject: x\r\n\r\nHello\r\n";
inline constexpr std::string_view dotted_message =
    "From: a@sender.example\r\nSubject: x\r\n\r\n.\r\n..\r\n.x\r\nend.\r\n";

inline envelope mail_to(std::string_view rcpt, std::string_view message = plain_message)
{
    return {"bounce@sender.example", rcpt, message, false, false};
}

} // namespace hikyaku::smtp::testing
