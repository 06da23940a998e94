#pragma once

#include <hikyaku/smtp/server_session.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::smtp::testing
{

/// What a session said and took in.
struct server_record
{
    /// Everything written, STARTTLS marked by "<TLS>".
    std::string wire;
    std::vector<inbound_transaction> messages;
    std::vector<std::string> checked;
    server_end end = server_end::connection_lost;
    bool finished = false;
    bool linger = false;

    /// The codes of the replies, "220 250 250 354": a reply of many lines counts once.
    [[nodiscard]] std::string codes() const
    {
        std::string out;
        std::size_t at = 0;
        while (at < wire.size())
        {
            const std::size_t end = wire.find("\r\n", at);
            const std::string line = wire.substr(at, end - at);
            if (line.size() < 4 || line[3] != '-')
            {
                out += (out.empty() ? "" : " ") + line.substr(0, line == "<TLS>" ? 5 : 3);
            }
            at = end == std::string::npos ? wire.size() : end + 2;
        }
        return out;
    }
};

/// A world for one session: gives it input in pieces, answers for the handler.
struct server_world
{
    server_options options{"mx.hikyaku.test", true, {}};
    message_budget budget{64u << 20};
    std::function<server_reply(std::string_view)> check = [](std::string_view r)
    {
        return r.ends_with("@ours.test") || r.ends_with("@mx.hikyaku.test")
                   ? server_reply{250, ""}
                   : server_reply{550, "5.1.1 No such address here"};
    };
    server_reply delivered{250, "2.0.0 Taken"};
    bool early_talker = false;
    bool tls_works = true;
    /// What comes when the pieces are used up.
    server_event_kind after = server_event_kind::closed;

    [[nodiscard]] server_record run(std::deque<std::string> pieces)
    {
        server_record record;
        server_session session(options, budget);
        mono_time now{seconds{1000}};
        server_event event = server_event::of(server_event_kind::started);
        std::string piece;
        bool last_given = false;
        while (true)
        {
            const server_action a = session.resume(event, now);
            switch (a.kind)
            {
            case server_action_kind::pause:
                event = server_event::paused(early_talker);
                break;
            case server_action_kind::read:
                if (pieces.empty())
                {
                    if (last_given)
                    {
                        event = server_event::of(server_event_kind::closed);
                        break;
                    }
                    last_given = true;
                    now += after == server_event_kind::timed_out ? a.timeout : milliseconds{0};
                    event = server_event::of(after);
                    break;
                }
                piece = pieces.front();
                pieces.pop_front();
                event = server_event::bytes_read(piece);
                break;
            case server_action_kind::write:
                record.wire += a.bytes;
                event = server_event::of(server_event_kind::written);
                break;
            case server_action_kind::start_tls:
                record.wire += "<TLS>\r\n";
                event = server_event::tls_done(tls_works);
                break;
            case server_action_kind::check_recipient:
                record.checked.emplace_back(a.bytes);
                event = server_event::answer(check(a.bytes));
                break;
            case server_action_kind::deliver:
                record.messages.push_back(std::move(session.transaction()));
                event = server_event::answer(delivered);
                break;
            case server_action_kind::done:
                record.finished = true;
                record.linger = a.linger;
                record.end = session.end();
                return record;
            }
        }
    }

    /// The input in pieces of `bytes`; 0: one piece.
    [[nodiscard]] server_record run(std::string_view input, std::size_t bytes = 0)
    {
        std::deque<std::string> pieces;
        bytes = bytes == 0 ? input.size() : bytes;
        for (std::size_t i = 0; i < input.size(); i += bytes)
        {
            pieces.emplace_back(input.substr(i, bytes));
        }
        return run(std::move(pieces));
    }
};

inline const std::string greeting = "EHLO peer.test\r\n";
inline const std::string envelope =
    greeting + "MAIL FROM:<>\r\nRCPT TO:<b-x@ours.test>\r\nDATA\r\n";

} // namespace hikyaku::smtp::testing
