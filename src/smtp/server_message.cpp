#include <hikyaku/smtp/server_session.h>

#include <algorithm>

namespace hikyaku::smtp
{
namespace
{

/// Counted at once: most reports are smaller.
constexpr std::size_t first_room = 16 * 1024;
/// More than any message that is accepted: what one read can add to it.
constexpr std::size_t over_room = 32 * 1024;
/// Left for the Received field that the driver adds.
constexpr std::size_t trace_room = 1024;

} // namespace

void server_session::begin_message()
{
    mode_ = mode::message;
    flaw_ = flaw::none;
    reader_.reset();
    transaction_.message.clear();
}

/// Counts `bytes`, and what grows with them, before they are held. Room doubles, so that copying
/// stays cheap, as long as the budget has it.
bool server_session::make_room(std::size_t bytes)
{
    bytes += trace_room;
    if (bytes <= held_)
    {
        return true;
    }
    const std::size_t enough = options_.limits.message_bytes_max + over_room;
    std::size_t wanted = std::max(bytes, std::min(std::max(2 * held_, first_room), enough));
    if (!budget_.take(wanted - held_))
    {
        wanted = bytes;
        if (!budget_.take(wanted - held_))
        {
            return false;
        }
    }
    held_ = wanted;
    transaction_.message.reserve(held_);
    return true;
}

/// Uses up input until the end of the message. False: the end has not come yet.
bool server_session::take_message()
{
    std::string_view input = rest();
    if (flaw_ == flaw::none && !make_room(transaction_.message.size() + input.size()))
    {
        flaw_ = flaw::no_room;
        drop_message();
    }
    const auto status =
        reader_.consume(input, flaw_ == flaw::none ? &transaction_.message : nullptr);
    used_ = input_.size() - input.size();
    find_flaw();
    switch (status)
    {
    case data_reader::status::more:
        return false;
    case data_reader::status::complete:
        end_message();
        return true;
    case data_reader::status::bare_lf:
    case data_reader::status::bare_cr:
        break;
    }
    // Whether the peer takes the message for ended, nobody can know.
    end_with(
        server_end::bare_newline, 554,
        status == data_reader::status::bare_lf
            ? "5.5.2 Bare <LF> in the message: lines end in <CR><LF> (RFC 5321 section 2.3.8)"
            : "5.5.2 Bare <CR> in the message: lines end in <CR><LF> (RFC 5321 section 2.3.8)");
    drop_message();
    return false;
}

void server_session::find_flaw()
{
    if (flaw_ == flaw::none && transaction_.message.size() > options_.limits.message_bytes_max)
    {
        flaw_ = flaw::too_large;
        drop_message();
    }
}

void server_session::end_message()
{
    mode_ = mode::commands;
    if (flaw_ == flaw::none && reader_.longest_line() > server_limits::line_bytes_max)
    {
        flaw_ = flaw::long_line;
    }
    if (flaw_ == flaw::none && reader_.has_nul())
    {
        flaw_ = flaw::nul;
    }
    switch (flaw_)
    {
    case flaw::none:
        wanted_ = server_action_kind::deliver;
        return;
    case flaw::too_large:
        refuse(552, "5.3.4 Message too large: EHLO tells the limit in SIZE");
        break;
    case flaw::no_room:
        refuse(452, "4.3.1 No room for the message now: try again in a minute");
        break;
    case flaw::long_line:
        refuse(554, "5.6.0 A line of the message is longer than 65536 bytes");
        break;
    case flaw::nul:
        refuse(554, "5.6.0 The message holds a NUL");
        break;
    }
    reset_transaction();
}

void server_session::drop_message()
{
    std::string().swap(transaction_.message);
    budget_.give(held_);
    held_ = 0;
}

void server_session::reset_transaction()
{
    drop_message();
    transaction_.mail_from.clear();
    transaction_.recipients.clear();
    has_sender_ = false;
    smtputf8_ = false;
    recipient_refused_ = false;
}

} // namespace hikyaku::smtp
