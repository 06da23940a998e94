#include "session.h"

#include "words.h"

#include <algorithm>
#include <strings.h>

namespace hikyaku::sink
{

namespace
{

bool is_verb(std::string_view line, std::string_view verb)
{
    return line.size() >= verb.size() && strncasecmp(line.data(), verb.data(), verb.size()) == 0 &&
           (line.size() == verb.size() || line[verb.size()] == ' ' || verb.back() == ':');
}

} // namespace

session::session(worker_state& worker, std::string local, std::string peer)
    : worker_(worker), local_(std::move(local)), peer_(std::move(peer)),
      number_(worker.all.session_next.fetch_add(1))
{
    worker.all.plan.refresh(plan_, plan_version_);
}

progress session::greet(std::string& out)
{
    greeting_ = true;
    return conclude(decide(point::banner), "220 " + worker_.all.wanted.host + " ESMTP", out);
}

progress session::consume(std::string_view& in, std::string& out)
{
    if (holding_)
    {
        holding_ = false;
        if (greeting_ && !in.empty())
        {
            report(violation::unauthorised_pipelining);
        }
        out += held_reply_;
        if (held_step_ != step::more)
        {
            return {held_step_};
        }
    }
    greeting_ = false;
    progress done;
    while (!in.empty() && done.what == step::more)
    {
        switch (state_)
        {
        case state::command:
            done = take_command(in, out);
            break;
        case state::body:
            done = take_body(in, out);
            break;
        case state::chunk:
            done = take_chunk(in, out);
            break;
        }
    }
    return done;
}

void session::tls_started()
{
    tls_ = true;
    helo_.clear();
    partial_.clear();
    reset_transaction();
    worker_.count.add(tally::tls_sessions);
}

progress session::take_command(std::string_view& in, std::string& out)
{
    const auto lf = in.find('\n');
    const auto size = lf == std::string_view::npos ? in.size() : lf + 1;
    if (partial_.size() + size > command_bytes_max)
    {
        report(violation::syntax);
        return answer("500 5.5.2 Line too long", out, step::close);
    }
    std::string_view line = in.substr(0, size);
    in.remove_prefix(size);
    if (lf == std::string_view::npos)
    {
        partial_ += line;
        return {};
    }
    std::string joined;
    if (!partial_.empty())
    {
        joined.swap(partial_);
        joined += line;
        line = joined;
    }
    line.remove_suffix(1);
    if (line.ends_with('\r'))
    {
        line.remove_suffix(1);
    }
    else
    {
        report(violation::bare_lf);
    }
    if (line.find('\r') != std::string_view::npos)
    {
        report(violation::bare_cr);
    }
    const progress done = obey(line, in, out);
    if (done.what == step::start_tls)
    {
        in = {}; // what came in clear text must not be obeyed after the handshake
    }
    return done;
}

progress session::obey(std::string_view line, std::string_view rest, std::string& out)
{
    if (is_verb(line, "MAIL FROM:"))
    {
        return on_mail(line.substr(10), out);
    }
    if (is_verb(line, "RCPT TO:"))
    {
        return on_rcpt(line.substr(8), out);
    }
    if (is_verb(line, "DATA"))
    {
        return on_data(rest, out);
    }
    if (is_verb(line, "BDAT") && worker_.all.wanted.chunking)
    {
        return on_bdat(line.substr(4), out);
    }
    if (is_verb(line, "EHLO"))
    {
        if (!rest.empty())
        {
            report(violation::unauthorised_pipelining);
        }
        return on_ehlo(line.substr(std::min<std::size_t>(5, line.size())), out);
    }
    if (is_verb(line, "HELO"))
    {
        helo_ = line.substr(std::min<std::size_t>(5, line.size()));
        reset_transaction();
        return answer("250 " + worker_.all.wanted.host, out);
    }
    if (is_verb(line, "STARTTLS"))
    {
        return on_starttls(rest, out);
    }
    if (is_verb(line, "RSET"))
    {
        reset_transaction();
        return answer("250 2.0.0 Ok", out);
    }
    if (is_verb(line, "NOOP"))
    {
        return answer("250 2.0.0 Ok", out);
    }
    if (is_verb(line, "VRFY"))
    {
        return answer("252 2.0.0 Send some mail", out);
    }
    if (is_verb(line, "QUIT"))
    {
        return conclude(decide(point::quit), "221 2.0.0 Bye", out, step::close);
    }
    report(violation::syntax);
    return answer("500 5.5.2 Command not recognised", out);
}

// The decision at RCPT: prefixes of the local part, greylisting, rules.
void session::start_body(bool stuffed)
{
    scanner_ = body_scanner(strict_counters(), stuffed);
    stuffed_ = stuffed;
    body_begun_ = false;
    message_bytes_ = 0;
    wire_.clear();
    whole_ = !worker_.all.record.is_idle() && worker_.all.record.wants_whole();
}

void session::capture(std::string_view piece)
{
    message_bytes_ += piece.size();
    if (whole_)
    {
        wire_ += piece;
    }
    else if (worker_.all.record.wants_head() && wire_.size() < head_bytes_max)
    {
        wire_ += piece.substr(0, head_bytes_max - wire_.size());
    }
}

progress session::take_body(std::string_view& in, std::string& out)
{
    if (!body_begun_)
    {
        body_begun_ = true;
        const decision d = decide(point::body);
        if (d.what != deed::none)
        {
            return conclude(d, {}, out);
        }
    }
    const auto end = scanner_.consume(in);
    const auto size = end.value_or(in.size());
    capture(in.substr(0, size));
    in.remove_prefix(size);
    if (!end)
    {
        return {};
    }
    constexpr std::size_t dot_line_bytes = 3;
    message_bytes_ -= dot_line_bytes;
    if (!in.empty())
    {
        report(violation::after_end_of_data);
    }
    return end_message(out);
}

progress session::take_chunk(std::string_view& in, std::string& out)
{
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(in.size(), chunk_left_));
    // Without stuffing there is no end to find: the scanner only reports defects.
    static_cast<void>(scanner_.consume(in.substr(0, size)));
    capture(in.substr(0, size));
    in.remove_prefix(size);
    chunk_left_ -= size;
    if (chunk_left_ != 0)
    {
        return {};
    }
    state_ = state::command;
    if (recipients_.empty())
    {
        excused_ = excused_ || has_sender_; // every recipient was refused
        reset_transaction();
        return out_of_order("503 5.5.1 RCPT first", out);
    }
    return chunk_last_ ? end_message(out) : answer("250 2.0.0 Continue", out);
}

progress session::end_message(std::string& out)
{
    state_ = state::command;
    if (scanner_.saw_eight_bit() && !contains_word(parameters_, "BODY=8BITMIME"))
    {
        report(violation::eight_bit_undeclared);
    }
    decision d = decide(point::dot);
    if (d.what == deed::none && message_bytes_ > worker_.all.wanted.size_max)
    {
        d.what = deed::reply;
        d.reply = "552 5.3.4 Message too big";
    }
    const auto how = d.what == deed::none    ? ending::accepted
                     : d.what == deed::reply ? ending::refused
                                             : ending::unanswered;
    if (how == ending::unanswered)
    {
        worker_.count.add(tally::unanswered);
    }
    if (how == ending::accepted)
    {
        ++messages_;
        count_accepted();
    }
    record(how);
    const decision then = how == ending::unanswered ? decision{} : decide(point::after);
    step next = step::more;
    if (then.what != deed::none)
    {
        worker_.count.add(then.what == deed::stall ? tally::stalled : tally::closed);
        next = then.what == deed::reset   ? step::reset
               : then.what == deed::stall ? step::stall
                                          : step::drop;
    }
    std::string reply = "250 2.0.0 Ok: queued as ";
    reply += std::to_string(number_);
    reply += '.';
    reply += std::to_string(messages_);
    reset_transaction();
    return conclude(d, reply, out, next);
}

void session::count_accepted()
{
    const auto now = static_cast<std::uint64_t>(
        std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
    counters& count = worker_.count;
    if (count.first_message_ns.load(std::memory_order_relaxed) == 0)
    {
        count.first_message_ns.store(now, std::memory_order_relaxed);
    }
    count.last_message_ns.store(now, std::memory_order_relaxed);
    count.add(tally::messages);
    count.add(tally::recipients, recipients_.size());
    count.add(tally::bytes, message_bytes_);
    if (!worker_.all.wanted.distinct)
    {
        return;
    }
    for (const std::string& recipient : recipients_)
    {
        if (!worker_.all.distinct.insert(recipient))
        {
            count.add(tally::duplicates);
        }
    }
}

void session::record(ending how)
{
    recorder& to = worker_.all.record;
    if (to.is_idle() || (!whole_ && !to.wants_head()))
    {
        return;
    }
    received message;
    message.how = how;
    message.sender = sender_;
    message.recipients = recipients_;
    message.wire = wire_;
    message.message_bytes = message_bytes_;
    message.is_whole = whole_;
    message.is_stuffed = stuffed_;
    message.tls = tls_;
    message.parameters = parameters_;
    message.helo = helo_;
    message.local = local_;
    message.peer = peer_;
    message.session = number_;
    to.add(message);
}

void session::reset_transaction()
{
    has_sender_ = false;
    sender_.clear();
    parameters_.clear();
    recipients_.clear();
    later_ = nullptr;
    body_begun_ = false;
}

decision session::decide(point at)
{
    decision d = plan_->decide(at, recipients_, worker_.random);
    if (later_ != nullptr && later_->at == at &&
        (!later_->once || worker_.all.tried.insert(later_recipient_)))
    {
        d.what = later_->what;
        d.reply = later_->reply;
    }
    return d;
}

progress session::conclude(const decision& d, std::string_view reply, std::string& out, step then)
{
    std::string text;
    switch (d.what)
    {
    case deed::none:
        text = reply;
        break;
    case deed::reply:
        text = d.reply;
        worker_.count.add(tally::refused);
        then = d.reply.starts_with("421") ? step::close : then;
        if (then == step::start_tls)
        {
            then = step::more;
        }
        break;
    case deed::close:
        worker_.count.add(tally::closed);
        then = step::drop;
        break;
    case deed::reset:
        worker_.count.add(tally::closed);
        then = step::reset;
        break;
    case deed::stall:
        worker_.count.add(tally::stalled);
        then = step::stall;
        break;
    }
    if (!text.empty())
    {
        text += "\r\n";
    }
    if (d.delay.count() != 0)
    {
        holding_ = true;
        held_reply_ = std::move(text);
        held_step_ = then;
        return {step::pause, d.delay};
    }
    out += text;
    return {then};
}

progress session::answer(std::string_view reply, std::string& out, step then)
{
    out += reply;
    out += "\r\n";
    return {then};
}

progress session::out_of_order(std::string_view reply, std::string& out)
{
    if (!excused_)
    {
        report(violation::sequence);
    }
    return answer(reply, out);
}

} // namespace hikyaku::sink
