// The commands of a session up to the message.
#include "session.h"
#include "words.h"

#include <algorithm>
#include <charconv>
#include <strings.h>

namespace hikyaku::sink
{

namespace
{

bool is_eight_bit(std::string_view text)
{
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) > 127; });
}

struct path
{
    bool good = false;
    std::string_view address;
    std::string_view parameters;
};

// The end of the path: a '>' that is not inside a quoted local part.
std::size_t find_close(std::string_view text)
{
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        if (quoted && text[i] == '\\')
        {
            ++i;
        }
        else if (text[i] == '"')
        {
            quoted = !quoted;
        }
        else if (text[i] == '>' && !quoted)
        {
            return i;
        }
    }
    return std::string_view::npos;
}

// "<address> parameters"
path read_path(std::string_view text)
{
    const auto close = find_close(text);
    if (text.empty() || text[0] != '<' || close == std::string_view::npos ||
        (close + 1 != text.size() && text[close + 1] != ' '))
    {
        return {};
    }
    const auto rest = text.substr(close + 1);
    return {true, text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1)};
}

std::uint64_t read_size(std::string_view parameters)
{
    const auto at = parameters.find("SIZE=");
    std::uint64_t size = 0;
    if (at != std::string_view::npos)
    {
        // A value that does not parse counts as no declaration.
        std::from_chars(parameters.data() + at + 5, parameters.data() + parameters.size(), size);
    }
    return size;
}

} // namespace

progress session::on_ehlo(std::string_view name, std::string& out)
{
    const options& wanted = worker_.all.wanted;
    const decision d = decide(point::ehlo);
    if (d.what != deed::none)
    {
        return conclude(d, {}, out);
    }
    if (name.empty())
    {
        report(violation::syntax);
        return answer("501 5.5.4 EHLO needs a name", out);
    }
    helo_ = name;
    reset_transaction();
    std::string reply = "250-" + wanted.host + "\r\n";
    reply += wanted.pipelining ? "250-PIPELINING\r\n" : "";
    reply += "250-SIZE " + std::to_string(wanted.size_max) + "\r\n";
    reply += !wanted.tls_certificate.empty() && !tls_ ? "250-STARTTLS\r\n" : "";
    reply += wanted.eight_bit ? "250-8BITMIME\r\n" : "";
    reply += wanted.utf8 ? "250-SMTPUTF8\r\n" : "";
    reply += wanted.chunking ? "250-CHUNKING\r\n" : "";
    reply += "250 ENHANCEDSTATUSCODES";
    return conclude(d, reply, out);
}

progress session::on_mail(std::string_view arguments, std::string& out)
{
    const options& wanted = worker_.all.wanted;
    worker_.all.plan.refresh(plan_, plan_version_);
    excused_ = true;
    if (wanted.messages_per_connection_max != 0 && messages_ >= wanted.messages_per_connection_max)
    {
        worker_.count.add(tally::refused);
        return answer("421 4.7.0 Too many messages on this connection", out, step::close);
    }
    if (helo_.empty() || has_sender_)
    {
        excused_ = false;
        return out_of_order(has_sender_ ? "503 5.5.1 Nested MAIL" : "503 5.5.1 EHLO first", out);
    }
    const path from = read_path(arguments);
    if (!from.good)
    {
        report(violation::syntax);
        return answer("501 5.1.7 Bad sender", out);
    }
    if (is_eight_bit(from.address) && !contains_word(from.parameters, "SMTPUTF8"))
    {
        report(violation::utf8_undeclared);
    }
    if (read_size(from.parameters) > wanted.size_max)
    {
        worker_.count.add(tally::refused);
        return answer("552 5.3.4 Message too big", out);
    }
    const decision d = decide(point::mail);
    if (d.what == deed::none)
    {
        has_sender_ = true;
        excused_ = false;
        sender_ = from.address;
        parameters_ = from.parameters;
    }
    return conclude(d, "250 2.1.0 Ok", out);
}

progress session::on_rcpt(std::string_view arguments, std::string& out)
{
    if (!has_sender_)
    {
        return out_of_order("503 5.5.1 MAIL first", out);
    }
    const path to = read_path(arguments);
    if (!to.good || to.address.empty())
    {
        report(violation::syntax);
        return answer("501 5.1.3 Bad recipient", out);
    }
    if (is_eight_bit(to.address) && !contains_word(parameters_, "SMTPUTF8"))
    {
        report(violation::utf8_undeclared);
    }
    if (recipients_.size() >= recipients_max)
    {
        worker_.count.add(tally::refused);
        return answer("452 4.5.3 Too many recipients", out);
    }
    const decision d = decide_for(to.address);
    if (d.what == deed::none)
    {
        recipients_.emplace_back(to.address);
    }
    return conclude(d, "250 2.1.5 Ok", out);
}

decision session::decide_for(std::string_view recipient)
{
    const options& wanted = worker_.all.wanted;
    const std::string address(recipient);
    decision d = plan_->decide(point::rcpt, {&address, 1}, worker_.random);
    const auto* const row = wanted.prefix_faults ? find_prefix_fault(recipient) : nullptr;
    if (row != nullptr && row->at != point::rcpt)
    {
        later_ = row;
        later_recipient_ = recipient;
    }
    else if (row != nullptr && (!row->once || worker_.all.tried.insert(recipient)))
    {
        d.what = row->what;
        d.reply = row->reply;
    }
    if (d.what == deed::none && wanted.greylist && worker_.all.tried.insert(recipient))
    {
        d.what = deed::reply;
        d.reply = "451 4.7.1 Greylisted, try again later";
    }
    return d;
}

progress session::on_data(std::string_view rest, std::string& out)
{
    if (recipients_.empty())
    {
        return has_sender_ ? answer("554 5.5.1 No valid recipients", out)
                           : out_of_order("503 5.5.1 MAIL first", out);
    }
    if (!rest.empty())
    {
        report(violation::unauthorised_pipelining);
    }
    const decision d = decide(point::data);
    if (d.what == deed::none)
    {
        start_body(true);
        state_ = state::body;
    }
    else
    {
        reset_transaction();
    }
    return conclude(d, "354 Go ahead", out);
}

progress session::on_bdat(std::string_view arguments, std::string& out)
{
    arguments.remove_prefix(std::min(arguments.find_first_not_of(' '), arguments.size()));
    std::uint64_t size = 0;
    const auto [end, error] =
        std::from_chars(arguments.data(), arguments.data() + arguments.size(), size);
    const std::string_view tail(
        end, static_cast<std::size_t>(arguments.data() + arguments.size() - end));
    const bool last = strncasecmp(tail.data(), " LAST", 5) == 0 && tail.size() == 5;
    if (error != std::errc{} || (!tail.empty() && !last))
    {
        report(violation::syntax);
        return answer("501 5.5.4 Bad BDAT", out, step::close);
    }
    if (!body_begun_)
    {
        start_body(false);
        body_begun_ = true;
    }
    chunk_left_ = size;
    chunk_last_ = last;
    state_ = state::chunk;
    if (size == 0)
    {
        std::string_view nothing;
        return take_chunk(nothing, out);
    }
    return {};
}

progress session::on_starttls(std::string_view rest, std::string& out)
{
    if (worker_.all.wanted.tls_certificate.empty() || tls_)
    {
        return out_of_order("502 5.5.1 STARTTLS not offered", out);
    }
    if (!rest.empty())
    {
        report(violation::unauthorised_pipelining);
    }
    return conclude(decide(point::starttls), "220 2.0.0 Ready", out, step::start_tls);
}

} // namespace hikyaku::sink
