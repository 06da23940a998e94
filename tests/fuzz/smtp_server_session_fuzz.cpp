// Feeds a server session what a hostile peer could: arbitrary bytes in arbitrary pieces, silence
// and ends anywhere, and answers of every kind. What comes out is the oracle: replies that are
// replies, messages without a bare CR, LF or NUL, only for recipients that were accepted, memory
// given back.
#include <hikyaku/base/assert.h>
#include <hikyaku/smtp/server_session.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace
{

using namespace hikyaku;
using namespace hikyaku::smtp;

constexpr std::size_t budget_bytes = 64 * 1024;
constexpr int steps_max = 3000;

struct input
{
    const std::uint8_t* at;
    std::size_t left;

    std::uint8_t byte()
    {
        if (left == 0)
        {
            return 0;
        }
        --left;
        return *at++;
    }
    std::string_view take(std::size_t n)
    {
        n = std::min(n, left);
        const std::string_view part{reinterpret_cast<const char*>(at), n};
        at += n;
        left -= n;
        return part;
    }
};

void check_replies(std::string_view bytes)
{
    HK_ASSERT(!bytes.empty());
    while (!bytes.empty())
    {
        const std::size_t end = bytes.find("\r\n");
        HK_ASSERT(end != std::string_view::npos && end >= 4 && end <= 1000);
        const auto line = bytes.substr(0, end);
        HK_ASSERT(line[0] >= '2' && line[0] <= '5' && (line[3] == ' ' || line[3] == '-'));
        HK_ASSERT(
            std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; }));
        bytes.remove_prefix(end + 2);
    }
}

void check_message(std::string_view message)
{
    HK_ASSERT(message.find('\0') == std::string_view::npos);
    HK_ASSERT(message.empty() || message.ends_with("\r\n"));
    for (std::size_t i = 0; i < message.size(); ++i)
    {
        HK_ASSERT(message[i] != '\r' || (i + 1 < message.size() && message[i + 1] == '\n'));
        HK_ASSERT(message[i] != '\n' || (i > 0 && message[i - 1] == '\r'));
    }
}

server_reply choose_reply(input& in)
{
    constexpr int codes[] = {250, 250, 250, 550, 451, 421, 354, 0};
    const int code = codes[in.byte() % 8];
    return {code, std::string(in.take(in.byte() % 16))};
}

/// The reader must find the same in any pieces.
void check_reader(std::string_view bytes, std::size_t piece)
{
    data_reader whole;
    data_reader cut;
    std::string a;
    std::string b;
    std::string_view left = bytes;
    const auto expected = whole.consume(left, &a);
    auto got = data_reader::status::more;
    std::size_t used = 0;
    while (used < bytes.size() && got == data_reader::status::more)
    {
        std::string_view part = bytes.substr(used, piece);
        const std::size_t size = part.size();
        got = cut.consume(part, &b);
        used += size - part.size();
    }
    HK_ASSERT(got == expected);
    if (got == data_reader::status::complete)
    {
        HK_ASSERT(a == b && used == bytes.size() - left.size());
        HK_ASSERT(bytes.substr(0, used).ends_with(".\r\n"));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    input in{data, size};
    const std::uint8_t shape = in.byte();
    const std::size_t piece_max = 1u + in.byte();
    check_reader({reinterpret_cast<const char*>(in.at), in.left}, piece_max);
    server_options options{"mx.test", (shape & 1U) != 0, {}};
    options.limits.message_bytes_max = (shape & 2U) != 0 ? 200 : 32 * 1024;
    options.limits.recipients_max = 3;
    message_budget budget(budget_bytes);
    {
        server_session session(options, budget);
        std::set<std::string> accepted;
        std::string asked;
        mono_time now{seconds{1}};
        server_event event = server_event::of(server_event_kind::started);
        for (int step = 0; step < steps_max; ++step)
        {
            const server_action a = session.resume(event, now);
            now += milliseconds{1};
            if (a.kind == server_action_kind::done)
            {
                break;
            }
            switch (a.kind)
            {
            case server_action_kind::pause:
                event = server_event::paused((shape & 0xF0U) == 0x10U);
                break;
            case server_action_kind::read:
            {
                const auto part = in.take(piece_max);
                event = part.empty()
                            ? server_event::of((shape & 4U) != 0   ? server_event_kind::timed_out
                                               : (shape & 8U) != 0 ? server_event_kind::stopping
                                                                   : server_event_kind::closed)
                            : server_event::bytes_read(part);
                break;
            }
            case server_action_kind::write:
                check_replies(a.bytes);
                event = server_event::of(server_event_kind::written);
                break;
            case server_action_kind::start_tls:
                event = server_event::tls_done((shape & 32U) != 0);
                break;
            case server_action_kind::check_recipient:
            {
                asked = a.bytes;
                const auto reply = choose_reply(in);
                if (reply.code == 250)
                {
                    accepted.insert(asked);
                }
                event = server_event::answer(reply);
                break;
            }
            case server_action_kind::deliver:
            {
                auto& t = session.transaction();
                check_message(t.message);
                HK_ASSERT(t.message.size() <= options.limits.message_bytes_max);
                HK_ASSERT(!t.recipients.empty() && t.recipients.size() <= 3);
                for (const auto& r : t.recipients)
                {
                    HK_ASSERT(accepted.contains(r));
                }
                event = server_event::answer(choose_reply(in));
                break;
            }
            case server_action_kind::done:
                break;
            }
        }
    }
    HK_ASSERT(budget.left() == budget_bytes);
    return 0;
}
