#include "report_address.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

namespace hikyaku::bounce
{

namespace
{

constexpr bool is_alnum(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_wide(char c) noexcept
{
    return static_cast<std::uint8_t>(c) >= 0x80;
}
/// RFC 5322 atext and the dot.
constexpr bool is_local(char c) noexcept
{
    return is_alnum(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}
constexpr bool is_domain(char c) noexcept
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_';
}

/// First byte of the local part that ends before `at`.
std::size_t local_begin(std::string_view text, std::size_t at, bool wide) noexcept
{
    const std::size_t least = at > found_address_bytes_max ? at - found_address_bytes_max : 0;
    if (at > least && text[at - 1] == '"')
    {
        std::size_t i = at - 1;
        while (i > least && !(text[i - 1] == '"' && (i < 2 || text[i - 2] != '\\')) &&
               text[i - 1] != '\n')
        {
            --i;
        }
        return i > least && text[i - 1] == '"' ? i - 1 : at;
    }
    std::size_t i = at;
    while (i > least && (is_local(text[i - 1]) || (wide && is_wide(text[i - 1]))))
    {
        --i;
    }
    return i;
}

std::size_t domain_end(std::string_view text, std::size_t at, bool wide) noexcept
{
    const std::size_t most = std::min(text.size(), at + found_address_bytes_max);
    std::size_t i = at;
    if (i < most && text[i] == '[')
    {
        while (i < most && text[i] != ']' && text[i] != '\n')
        {
            ++i;
        }
        return i < most && text[i] == ']' ? i + 1 : at;
    }
    while (i < most && (is_domain(text[i]) || (wide && is_wide(text[i]))))
    {
        ++i;
    }
    while (i > at && (text[i - 1] == '.' || text[i - 1] == '-' || text[i - 1] == '_'))
    {
        --i;
    }
    return i;
}

/// The "<" that the text before `at` has open on the same word.
bool is_in_bracket(std::string_view text, std::size_t at) noexcept
{
    const std::size_t least = at > found_address_bytes_max ? at - found_address_bytes_max : 0;
    for (std::size_t i = at; i > least; --i)
    {
        const char c = text[i - 1];
        if (c == '<')
        {
            return true;
        }
        if (c == ' ' || c == '\n' || c == '>' || c == '@')
        {
            return false;
        }
    }
    return false;
}

constexpr std::string_view mailto = "mailto:";

/// Quotes and punctuation that stand before an address but are legal in one.
std::size_t skip_decoration(std::string_view text, std::size_t begin, std::size_t at) noexcept
{
    while (begin < at &&
           std::string_view("'.=*`/|-!#&").find(text[begin]) != std::string_view::npos)
    {
        // A local part may start with these when it stands in brackets.
        if (begin > 0 && text[begin - 1] == '<' && text[begin] != '\'')
        {
            break;
        }
        ++begin;
    }
    return begin;
}

int hex_digit(char c) noexcept
{
    if (c >= '0' && c <= '9')
    {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// RFC 6533 section 3: "\x{20AC}".
std::string decode_unitext(std::string_view text)
{
    std::string out;
    while (!text.empty())
    {
        const std::size_t close =
            text.starts_with("\\x{") ? text.find('}') : std::string_view::npos;
        if (close == std::string_view::npos || close > 3 + 6 || close == 3)
        {
            out.push_back(text.front());
            text.remove_prefix(1);
            continue;
        }
        char32_t value = 0;
        for (const char c : text.substr(3, close - 3))
        {
            value = value * 16 + static_cast<char32_t>(std::max(0, hex_digit(c)));
        }
        text::append_code_point(out, value);
        text.remove_prefix(close + 1);
    }
    return out;
}

/// The characters that RFC 3461 section 4 makes senders encode, and that hosts forget to decode.
std::string decode_xtext(std::string text)
{
    constexpr std::array<std::pair<std::string_view, char>, 3> codes = {
        {{"+2B", '+'}, {"+3D", '='}, {"+40", '@'}}};
    for (const auto& [code, c] : codes)
    {
        for (std::size_t at = text.find(code); at != std::string::npos;
             at = text.find(code, at + 1))
        {
            text.replace(at, code.size(), 1, c);
        }
    }
    return text;
}

std::string_view trimmed(std::string_view s) noexcept
{
    constexpr std::string_view around = " \t\r\n<>\"'";
    const std::size_t first = s.find_first_not_of(around);
    return first == std::string_view::npos
               ? std::string_view{}
               : s.substr(first, s.find_last_not_of(around) - first + 1);
}

} // namespace

std::vector<found_address> find_addresses(std::string_view text)
{
    std::vector<found_address> found;
    std::size_t from = 0; // nothing before it is read again
    for (std::size_t at = text.find('@');
         at != std::string_view::npos && found.size() < found_addresses_max;
         at = text.find('@', at + 1))
    {
        const bool bracketed = is_in_bracket(text, at);
        std::size_t begin = std::max(from, local_begin(text, at, bracketed));
        if (text.substr(begin, at - begin).starts_with('"') == false)
        {
            begin = skip_decoration(text, begin, at);
        }
        const std::size_t end = domain_end(text, at + 1, bracketed);
        const std::string_view domain = text.substr(at + 1, end - at - 1);
        if (begin == at || domain.empty() || domain.front() == '.' ||
            (domain.find('.') == std::string_view::npos && domain.front() != '[' && !bracketed))
        {
            continue;
        }
        std::string_view address = text.substr(begin, end - begin);
        if (text::ascii_iequals(address.substr(0, mailto.size()), mailto))
        {
            address.remove_prefix(mailto.size());
        }
        found.push_back({std::string(address), begin, end, bracketed});
        from = end;
        at = end - 1;
    }
    return found;
}

std::string address_of_field(std::string_view value)
{
    const std::size_t semicolon = value.find(';');
    std::string rest =
        decode_unitext(semicolon == std::string_view::npos ? value : value.substr(semicolon + 1));
    const auto found = find_addresses(rest);
    if (!found.empty())
    {
        // "<a@b>" stands as it is; else the field is all there is and may hold odd characters.
        const std::string_view whole = trimmed(rest);
        const bool odd = found.size() == 1 && whole.ends_with(found[0].address) &&
                         whole.find_first_of(" :,;") == std::string_view::npos &&
                         whole.find('<') == std::string_view::npos;
        return decode_xtext(odd ? std::string(whole) : found[0].address);
    }
    const std::string_view name = trimmed(rest);
    // X.400 and X.500 names, and texts, are no names of a mailbox.
    const bool plain = name.size() <= found_address_bytes_max &&
                       name.find_first_of(" =;/\t") == std::string_view::npos;
    return plain ? std::string(name) : std::string();
}

bool is_address(std::string_view text) noexcept
{
    const std::size_t at = text.rfind('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size();
}

bool same_address(std::string_view a, std::string_view b) noexcept
{
    return !a.empty() && text::ascii_iequals(a, b);
}

bool contains_address(const std::vector<std::string>& list, std::string_view address) noexcept
{
    return std::ranges::any_of(list, [address](const std::string& one)
                               { return same_address(one, address); });
}

std::string_view domain_of(std::string_view address) noexcept
{
    const std::size_t at = address.rfind('@');
    return at == std::string_view::npos ? std::string_view{} : address.substr(at + 1);
}

bool is_daemon_address(std::string_view address) noexcept
{
    constexpr std::string_view names[] = {
        "mailer-daemon",
        "mailerdaemon",
        "mailer_daemon",
        "maildaemon",
        "mail-daemon",
        "mail_daemon",
        "mailadm",
        "postmaster",
        "postmaste",
        "mdaemon",
        "mailer",
        "mailsystem",
        "mail-system",
        "mailmaster",
        "maildelivery",
        "mail_delivery",
        "mail.delivery",
        "mailer-deamon",
        "mailerdeamon",
        "mmdf",
        "smtpd",
        "daemon",
        "mail-failure",
        "mailfailure",
        "delivery-failure",
        "bounce-daemon",
        "bouncehandler",
        "abuse",
        "mailer-daemo",
        "majordomo",
        "microsoftexchange329e71ec88ae4615bbc36ab6ce41109e",
        "mailer-daemon-noreply",
        "mail-admin",
        "emailadmin",
        "mailserver",
        "mail-server",
        "mail_server",
        "double-bounce",
        "mailing-daemon",
        "hostmaster",
        "autoanswer",
        "mail-deamon",
    };
    const std::string_view local = address.substr(0, std::min(address.rfind('@'), address.size()));
    return std::ranges::any_of(names, [local](std::string_view name)
                               { return text::ascii_iequals(local, name); }) ||
           (local.size() > 17 && text::ascii_iequals(local.substr(0, 17), "microsoftexchange"));
}

std::string address_in_return_path(std::string_view address)
{
    const std::string_view local = address.substr(0, std::min(address.rfind('@'), address.size()));
    const std::size_t equals = local.rfind('=');
    if (equals == std::string_view::npos || equals == 0 || equals + 1 == local.size())
    {
        return {};
    }
    const std::string_view domain = local.substr(equals + 1);
    if (domain.find('.') == std::string_view::npos ||
        !std::ranges::all_of(domain, [](char c) { return is_domain(c); }))
    {
        return {};
    }
    std::string_view user = local.substr(0, equals);
    const std::size_t plus = user.rfind('+');
    const std::size_t minus = user.rfind('-');
    if (plus != std::string_view::npos)
    {
        user.remove_prefix(plus + 1);
    }
    else if (minus != std::string_view::npos)
    {
        user.remove_prefix(minus + 1);
    }
    else
    {
        return {};
    }
    // SendGrid and others put a number first.
    const std::size_t number = user.find_first_not_of("0123456789");
    if (number != std::string_view::npos && number > 0 && user[number] == '-')
    {
        user.remove_prefix(number + 1);
    }
    return user.empty() ? std::string() : std::string(user) + "@" + std::string(domain);
}

} // namespace hikyaku::bounce
