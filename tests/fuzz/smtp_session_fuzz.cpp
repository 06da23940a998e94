// Feeds a session what a hostile server and network could: arbitrary bytes in arbitrary pieces,
// failures anywhere. The session's own assertions, and those below, are the oracle.
#include <hikyaku/base/assert.h>
#include <hikyaku/smtp/client_session.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace
{

using namespace hikyaku;
using namespace hikyaku::smtp;

constexpr std::string_view message = "Subject: x\r\n\r\n.dot\r\n";
constexpr int steps_max = 2000;

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
        n = n < left ? n : left;
        const std::string_view part{reinterpret_cast<const char*>(at), n};
        at += n;
        left -= n;
        return part;
    }
};

io_event read_event(input& in)
{
    const std::string_view bytes = in.take(1u + in.byte());
    return bytes.empty() ? io_event::closed("end") : io_event::bytes_read(bytes);
}

io_event answer(const action& a, input& in)
{
    const std::uint8_t choice = in.byte();
    const std::size_t whole = a.bytes.size() + a.tail.size();
    switch (a.kind)
    {
    case action_kind::read:
        return choice == 255 ? io_event::timed_out() : read_event(in);
    case action_kind::write:
        return choice == 255   ? io_event::timed_out(whole / 2)
               : choice == 254 ? io_event::closed("reset", whole)
                               : io_event::written();
    case action_kind::start_tls:
        return io_event::tls_done(choice < 128, "no");
    case action_kind::ask_permission:
    {
        const bool wait = choice % 3 == 1 && !a.must_answer;
        const auto p = wait              ? permission::wait
                       : choice % 3 == 2 ? permission::refused
                                         : permission::granted;
        return io_event::permission_is(p, choice > 200);
    }
    case action_kind::next_message:
        if (choice == 255)
        {
            return io_event::no_message();
        }
        return io_event::message({"a@b", "c@d", message, choice % 5 == 1, choice % 7 == 1},
                                 choice > 240);
    case action_kind::done:
        break;
    }
    return io_event::closed("unreachable");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    input in{data, size};
    session_options options;
    options.ehlo_name = "a.example";
    options.messages_per_connection = 4;
    options.tls = in.byte() % 2 == 0 ? tls_mode::opportunistic : tls_mode::none;
    client_session session(options);
    mono_time now{seconds{1}};
    std::size_t given = 0;
    std::size_t settled = 0;
    bool dot = false;
    io_event event = io_event::started();
    for (int i = 0; i < steps_max; ++i)
    {
        const action a = session.resume(event, now);
        if (session.has_result())
        {
            const auto& r = session.take_result();
            HK_ASSERT(r.verdict != verdict::unknown || dot);
            HK_ASSERT(r.verdict != verdict::delivered || dot);
            HK_ASSERT(r.text.find_first_of("\r\n") == std::string::npos);
            ++settled;
        }
        if (a.kind == action_kind::done)
        {
            HK_ASSERT(given == settled);
            return 0;
        }
        dot = dot || a.tail == ".\r\n" || a.bytes == ".\r\n";
        event = answer(a, in);
        if (event.kind == event_kind::message)
        {
            HK_ASSERT(given == settled);
            ++given;
            dot = false;
        }
        now += milliseconds{1 + in.byte()};
    }
    return 0;
}
