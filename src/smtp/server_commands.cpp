#include <hikyaku/smtp/path.h>
#include <hikyaku/smtp/server_session.h>

#include "server_path.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hikyaku::smtp
{
namespace
{

constexpr char to_upper(char c) noexcept
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same_word(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y)
                                              { return to_upper(x) == to_upper(y); });
}

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) noexcept
{
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view w) { return same_word(word, w); });
}

/// SMTP commands that this server knows of and doesn't have.
constexpr std::array<std::string_view, 8> absent_verbs{"AUTH", "EXPN", "TURN", "ETRN",
                                                       "ATRN", "SEND", "SOML", "SAML"};
/// A browser was made to speak to us: what follows is not ours to read.
constexpr std::array<std::string_view, 9> http_verbs{
    "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE"};

bool has_control_character(std::string_view line) noexcept
{
    return std::any_of(line.begin(), line.end(),
                       [](char c)
                       {
                           const auto u = static_cast<unsigned char>(c);
                           return u < 0x20 || u == 0x7F;
                       });
}

std::string_view trim_end(std::string_view text) noexcept
{
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// Takes the next word off the front.
std::string_view take_word(std::string_view& text) noexcept
{
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return word;
}

/// "FROM:" off the front of " FROM:<path>".
bool take_keyword(std::string_view& argument, std::string_view keyword) noexcept
{
    if (!same_word(argument.substr(0, keyword.size()), keyword))
    {
        return false;
    }
    argument.remove_prefix(keyword.size());
    return true;
}

} // namespace

void server_session::on_command(std::string_view line)
{
    if (has_control_character(line))
    {
        refuse(500, "5.5.2 Control characters have no place in a command");
        return;
    }
    std::string_view argument = trim_end(line);
    const std::string_view verb = take_word(argument);
    if (same_word(verb, "EHLO") || same_word(verb, "HELO"))
    {
        on_greeting(argument, same_word(verb, "EHLO"));
    }
    else if (same_word(verb, "MAIL"))
    {
        on_mail(argument);
    }
    else if (same_word(verb, "RCPT"))
    {
        on_rcpt(argument);
    }
    else if (same_word(verb, "DATA"))
    {
        on_data(argument);
    }
    else if (same_word(verb, "STARTTLS"))
    {
        on_starttls(argument);
    }
    else if (same_word(verb, "QUIT") && argument.empty())
    {
        end_with(server_end::quit, 221, "2.0.0 " + options_.host_name + " closes the connection");
        linger_ = !rest().empty();
    }
    else if (same_word(verb, "RSET") && argument.empty())
    {
        reset_transaction();
        say(250, "2.0.0 Ok");
        count_idle_command();
    }
    else if (same_word(verb, "NOOP"))
    {
        say(250, "2.0.0 Ok");
        count_idle_command();
    }
    else if (same_word(verb, "VRFY") && !argument.empty())
    {
        say(252, "2.1.5 Send mail to learn whether it is taken");
        count_idle_command();
    }
    else if (same_word(verb, "HELP"))
    {
        say(214, "2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP STARTTLS; RFC 5321");
        count_idle_command();
    }
    else
    {
        on_unknown(verb);
    }
}

void server_session::on_unknown(std::string_view verb)
{
    if (same_word(verb, "BDAT"))
    {
        // Its data follows at once: nothing may be taken for commands.
        end_with(server_end::not_smtp, 502, "5.5.1 CHUNKING is not offered: use DATA");
    }
    else if (is_one_of(verb, http_verbs))
    {
        end_with(server_end::not_smtp, 554, "5.5.1 This is an SMTP server");
    }
    else if (same_word(verb, "AUTH"))
    {
        refuse(502, "5.5.1 No AUTH here: this server passes no mail on");
    }
    else if (is_one_of(verb, absent_verbs))
    {
        refuse(502, "5.5.1 Command not implemented");
    }
    else if (same_word(verb, "RSET") || same_word(verb, "QUIT") || same_word(verb, "VRFY"))
    {
        refuse(501, "5.5.4 RSET and QUIT take no argument, VRFY takes one");
    }
    else
    {
        refuse(500, "5.5.1 Unknown command: HELP tells those that are known");
    }
}

void server_session::on_greeting(std::string_view argument, bool extended)
{
    if (!is_safe_host_name(argument))
    {
        refuse(501, "5.5.4 Give your host name: EHLO mail.example");
        return;
    }
    reset_transaction();
    helo_ = argument;
    extended_ = extended;
    if (!extended)
    {
        say(250, options_.host_name);
        count_idle_command();
        return;
    }
    out_.append("250-").append(options_.host_name).append("\r\n");
    out_.append("250-PIPELINING\r\n250-SIZE ");
    out_.append(std::to_string(options_.limits.message_bytes_max)).append("\r\n");
    if (options_.offer_tls && !tls_)
    {
        out_.append("250-STARTTLS\r\n");
    }
    out_.append("250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n");
    count_idle_command();
}

void server_session::on_mail(std::string_view argument)
{
    if (helo_.empty())
    {
        refuse(503, "5.5.1 Say EHLO first");
        return;
    }
    if (has_sender_)
    {
        refuse(503, "5.5.1 A transaction is open: finish it, or say RSET");
        return;
    }
    const auto path =
        take_keyword(argument, "FROM:") ? cut_path(argument) : std::optional<path_argument>();
    if (!path)
    {
        refuse(501, "5.5.4 Syntax: MAIL FROM:<address> [parameters]");
        return;
    }
    smtputf8_ = false;
    if (accept_mail_parameters(path->parameters) && accept_path(path->address, true))
    {
        transaction_.mail_from = path->address;
        has_sender_ = true;
        say(250, "2.1.0 Ok");
    }
}

bool server_session::accept_mail_parameters(std::string_view parameters)
{
    if (!parameters.empty() && !extended_)
    {
        refuse(555, "5.5.4 Parameters need EHLO");
        return false;
    }
    bool has_size = false;
    bool has_body = false;
    while (!parameters.empty())
    {
        const std::string_view word = take_word(parameters);
        const std::size_t equals = std::min(word.find('='), word.size());
        const std::string_view name = word.substr(0, equals);
        const std::string_view value = word.substr(std::min(equals + 1, word.size()));
        if (same_word(name, "SIZE") && !has_size)
        {
            has_size = true;
            std::uint64_t bytes = 0;
            const auto* const end = value.data() + value.size();
            const auto read = std::from_chars(value.data(), end, bytes);
            if (value.empty() || value.size() > 20 || read.ptr != end)
            {
                refuse(501, "5.5.4 Syntax: SIZE=number of bytes");
                return false;
            }
            if (read.ec != std::errc{} || bytes > options_.limits.message_bytes_max)
            {
                refuse(552, "5.3.4 Message too large: EHLO tells the limit in SIZE");
                return false;
            }
            if (bytes > budget_.left())
            {
                refuse(452, "4.3.1 No room for the message now: try again in a minute");
                return false;
            }
        }
        else if (same_word(name, "BODY") && !has_body &&
                 (same_word(value, "7BIT") || same_word(value, "8BITMIME")))
        {
            has_body = true;
        }
        else if (same_word(word, "SMTPUTF8") && !smtputf8_)
        {
            smtputf8_ = true;
        }
        else
        {
            refuse(555, "5.5.4 Unknown or repeated parameter: only those of EHLO, each once");
            return false;
        }
    }
    return true;
}

bool server_session::accept_path(std::string_view path, bool sender)
{
    if (sender && path.empty())
    {
        return true;
    }
    if (has_8bit(path) && !smtputf8_)
    {
        refuse(553, sender ? "5.6.7 An address beyond ASCII needs MAIL FROM:<...> SMTPUTF8"
                           : "5.6.7 An address beyond ASCII needs SMTPUTF8 in MAIL");
        return false;
    }
    if (!is_mailbox(path) || !is_clean_utf8(path))
    {
        refuse(553, sender ? "5.1.7 Not an address: MAIL FROM:<user@example.com> or <>"
                           : "5.1.3 Not an address: RCPT TO:<user@example.com>");
        return false;
    }
    return true;
}

void server_session::on_rcpt(std::string_view argument)
{
    if (!has_sender_)
    {
        refuse(503, "5.5.1 Say MAIL FROM:<address> first");
        return;
    }
    const auto path =
        take_keyword(argument, "TO:") ? cut_path(argument) : std::optional<path_argument>();
    if (!path)
    {
        refuse(501, "5.5.4 Syntax: RCPT TO:<address>");
        return;
    }
    if (!path->parameters.empty())
    {
        refuse(555, "5.5.4 Unknown parameter: RCPT takes none here");
        return;
    }
    // RFC 5321 section 4.5.1: the postmaster of this host needs no domain.
    recipient_ = same_word(path->address, "postmaster") ? "postmaster@" + options_.host_name
                                                        : std::string(path->address);
    if (!accept_path(recipient_, false))
    {
        recipient_refused_ = true;
        return;
    }
    const auto& known = transaction_.recipients;
    if (std::find(known.begin(), known.end(), recipient_) != known.end())
    {
        say(250, "2.1.5 Ok");
        count_idle_command();
    }
    else if (known.size() >= options_.limits.recipients_max)
    {
        refuse(452, "4.5.3 Too many recipients: send the others in another message");
        count_idle_command();
    }
    else
    {
        wanted_ = server_action_kind::check_recipient;
    }
}

/// When DATA is refused and bytes are there already, they are a message: not a byte of it may be
/// taken for a command.
void server_session::on_data(std::string_view argument)
{
    if (argument.empty() && !transaction_.recipients.empty())
    {
        begin_message();
        say(354, "End the message with <CR><LF>.<CR><LF>");
        return;
    }
    const bool lone = rest().empty();
    if (!lone)
    {
        end_with(server_end::out_of_turn, 554,
                 "5.5.1 DATA is refused and something follows it: wait for 354");
    }
    else if (!argument.empty())
    {
        refuse(501, "5.5.4 DATA takes no argument");
    }
    else if (recipient_refused_)
    {
        refuse(554, "5.5.1 No recipient was accepted");
    }
    else
    {
        refuse(503, "5.5.1 Say MAIL and RCPT first");
    }
}

/// RFC 3207. Bytes behind STARTTLS would have been said in the clear and be read as if under TLS.
void server_session::on_starttls(std::string_view argument)
{
    if (!argument.empty())
    {
        refuse(501, "5.5.4 STARTTLS takes no argument");
    }
    else if (tls_)
    {
        refuse(503, "5.5.1 TLS is on already");
    }
    else if (!options_.offer_tls)
    {
        refuse(502, "5.5.1 STARTTLS is not offered");
    }
    else if (!rest().empty())
    {
        end_with(server_end::out_of_turn, 554,
                 "5.5.1 Nothing may follow STARTTLS before the handshake");
    }
    else
    {
        say(220, "2.0.0 Begin the TLS handshake");
        wanted_ = server_action_kind::start_tls;
    }
}

void server_session::count_idle_command()
{
    if (++idle_commands_ > options_.limits.idle_commands_max)
    {
        end_with(server_end::too_many_errors, 421,
                 "4.7.0 Too many commands without a message: connect again");
    }
}

} // namespace hikyaku::smtp
