#include "spf_record.h"

#include <algorithm>

#include <hikyaku/base/assert.h>

#include "ascii.h"

namespace hikyaku::dns
{

namespace
{

constexpr std::string_view version = "v=spf1";
constexpr unsigned v4_bits = 32;
constexpr unsigned v6_bits = 128;
/// Of a term, in the text of an error.
constexpr std::size_t shown_bytes_max = 100;

struct mechanism_name
{
    std::string_view name;
    spf_mechanism mechanism;
};

constexpr mechanism_name mechanism_names[] = {
    {"all", spf_mechanism::all}, {"include", spf_mechanism::include}, {"a", spf_mechanism::a},
    {"mx", spf_mechanism::mx},   {"ptr", spf_mechanism::ptr},         {"ip4", spf_mechanism::ip4},
    {"ip6", spf_mechanism::ip6}, {"exists", spf_mechanism::exists},
};

std::optional<spf_mechanism> find_mechanism(std::string_view name)
{
    for (const mechanism_name& row : mechanism_names)
    {
        if (equals_no_case(name, row.name))
        {
            return row.mechanism;
        }
    }
    return std::nullopt;
}

/// Takes the qualifier off `term` (section 4.6.2).
spf_result read_qualifier(std::string_view& term)
{
    const char c = term.empty() ? '\0' : term.front();
    spf_result out = spf_result::pass;
    switch (c)
    {
    case '+':
        break;
    case '-':
        out = spf_result::fail;
        break;
    case '~':
        out = spf_result::softfail;
        break;
    case '?':
        out = spf_result::neutral;
        break;
    default:
        return out;
    }
    term.remove_prefix(1);
    return out;
}

bool is_name_byte(char c)
{
    return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
}

/// The name at the front of a term (section 4.6.1); "" when there is none.
std::string_view name_of(std::string_view term)
{
    if (term.empty() || !is_alpha(term.front()))
    {
        return {};
    }
    const auto end = std::find_if_not(term.begin(), term.end(), is_name_byte);
    return term.substr(0, static_cast<std::size_t>(end - term.begin()));
}

/// A number of a cidr-length: no leading zeros (section 5.6 of RFC 7208, "ip4-cidr-length").
std::optional<unsigned> parse_length(std::string_view digits, unsigned most)
{
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits.front() == '0') ||
        !std::all_of(digits.begin(), digits.end(), is_digit))
    {
        return std::nullopt;
    }
    unsigned out = 0;
    for (const char c : digits)
    {
        out = 10 * out + static_cast<unsigned>(c - '0');
    }
    return out <= most ? std::optional(out) : std::nullopt;
}

/// Where "/DIGITS" ends `text`: the position of the slash; npos without. "/" alone counts, so
/// that it is found to be wrong.
std::size_t find_length(std::string_view text)
{
    const std::size_t slash = text.find_last_not_of("0123456789");
    return slash != std::string_view::npos && text[slash] == '/' ? slash : std::string_view::npos;
}

/// Takes a dual-cidr-length off the end of `text`; false when it is malformed.
bool read_dual_lengths(std::string_view& text, cidr_lengths& lengths)
{
    std::size_t slash = find_length(text);
    if (slash != std::string_view::npos && slash > 0 && text[slash - 1] == '/')
    {
        const auto v6 = parse_length(text.substr(slash + 1), v6_bits);
        if (!v6)
        {
            return false;
        }
        lengths.v6 = *v6;
        text = text.substr(0, slash - 1);
        slash = find_length(text);
    }
    if (slash != std::string_view::npos)
    {
        const auto v4 = parse_length(text.substr(slash + 1), v4_bits);
        if (!v4)
        {
            return false;
        }
        lengths.v4 = *v4;
        text = text.substr(0, slash);
    }
    return true;
}

/// ":" domain-spec; nothing is right only when it is `optional`.
bool read_target(std::string_view argument, bool optional, spf_directive& out)
{
    if (argument.empty())
    {
        return optional;
    }
    if (argument.front() != ':')
    {
        return false;
    }
    out.target = parse_macro_string(argument.substr(1), macro_place::domain_spec);
    return out.target.has_value();
}

/// ":" address [ "/" length ] (section 5.6).
bool read_network(std::string_view argument, ip_family family, spf_directive& out)
{
    if (!argument.starts_with(':'))
    {
        return false;
    }
    argument.remove_prefix(1);
    if (const std::size_t slash = argument.find('/'); slash != std::string_view::npos)
    {
        const bool v4 = family == ip_family::v4;
        const auto length = parse_length(argument.substr(slash + 1), v4 ? v4_bits : v6_bits);
        if (!length)
        {
            return false;
        }
        (v4 ? out.lengths.v4 : out.lengths.v6) = *length;
        argument = argument.substr(0, slash);
    }
    const std::optional<ip_address> ip = parse_ip(argument);
    if (!ip || ip->family != family)
    {
        return false;
    }
    out.network = *ip;
    return true;
}

/// Takes what follows the name of the mechanism.
bool read_argument(std::string_view argument, spf_directive& out)
{
    switch (out.mechanism)
    {
    case spf_mechanism::all:
        return argument.empty();
    case spf_mechanism::include:
    case spf_mechanism::exists:
        return read_target(argument, false, out);
    case spf_mechanism::ptr:
        return read_target(argument, true, out);
    case spf_mechanism::a:
    case spf_mechanism::mx:
        return read_dual_lengths(argument, out.lengths) && read_target(argument, true, out);
    case spf_mechanism::ip4:
        return read_network(argument, ip_family::v4, out);
    case spf_mechanism::ip6:
        return read_network(argument, ip_family::v6, out);
    }
    return false;
}

failure mistake(const char* what, std::string_view term)
{
    return {std::string(what) + " \"" + std::string(term.substr(0, shown_bytes_max)) + "\""};
}

result<void, failure> read_directive(std::string_view term, spf_record& out)
{
    spf_directive directive{std::string(term)};
    directive.result = read_qualifier(term);
    const std::string_view name = name_of(term);
    const std::optional<spf_mechanism> mechanism = find_mechanism(name);
    if (!mechanism)
    {
        return mistake("unknown mechanism", directive.text);
    }
    directive.mechanism = *mechanism;
    if (!read_argument(term.substr(name.size()), directive))
    {
        return mistake("malformed mechanism", directive.text);
    }
    out.directives.push_back(std::move(directive));
    return {};
}

/// @pre term is name "=" value
result<void, failure> read_modifier(std::string_view term, std::string_view name, spf_record& out)
{
    const std::string_view value = term.substr(name.size() + 1);
    const bool redirect = equals_no_case(name, "redirect");
    const bool known = redirect || equals_no_case(name, "exp");
    auto macros =
        parse_macro_string(value, known ? macro_place::domain_spec : macro_place::modifier);
    if (!macros)
    {
        return mistake("malformed modifier", term);
    }
    if (!known)
    {
        return {};
    }
    std::optional<macro_string>& place = redirect ? out.redirect : out.explanation;
    if (place)
    {
        return mistake("modifier given twice", term);
    }
    place = std::move(*macros);
    if (redirect)
    {
        out.redirect_text = term;
    }
    return {};
}

result<void, failure> read_term(std::string_view term, spf_record& out)
{
    const std::string_view name = name_of(term);
    if (!name.empty() && term.size() > name.size() && term[name.size()] == '=')
    {
        return read_modifier(term, name, out);
    }
    return read_directive(term, out);
}

} // namespace

bool asks_dns(spf_mechanism mechanism) noexcept
{
    switch (mechanism)
    {
    case spf_mechanism::include:
    case spf_mechanism::a:
    case spf_mechanism::mx:
    case spf_mechanism::ptr:
    case spf_mechanism::exists:
        return true;
    case spf_mechanism::all:
    case spf_mechanism::ip4:
    case spf_mechanism::ip6:
        return false;
    }
    return false;
}

bool is_spf_record(std::string_view text) noexcept
{
    return equals_no_case(text.substr(0, version.size()), version) &&
           (text.size() == version.size() || text[version.size()] == ' ');
}

result<spf_record, failure> parse_spf_record(std::string_view text)
{
    HK_ASSERT(is_spf_record(text));
    if (text.size() > spf_record_bytes_max)
    {
        return failure{"a record of more than " + std::to_string(spf_record_bytes_max) + " bytes"};
    }
    spf_record out;
    text.remove_prefix(version.size());
    while (true)
    {
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
        if (text.empty())
        {
            break;
        }
        const std::string_view term = text.substr(0, text.find(' '));
        text.remove_prefix(term.size());
        const result<void, failure> read = read_term(term, out);
        if (read.has_error())
        {
            return read.error();
        }
    }
    const auto is_all = [](const spf_directive& d) { return d.mechanism == spf_mechanism::all; };
    if (std::any_of(out.directives.begin(), out.directives.end(), is_all))
    {
        out.redirect.reset();
    }
    return out;
}

bool is_in_network(const ip_address& ip, const ip_address& network,
                   const cidr_lengths& lengths) noexcept
{
    if (ip.family != network.family)
    {
        return false;
    }
    const unsigned bits = ip.is_v4() ? lengths.v4 : lengths.v6;
    const std::size_t whole = bits / 8;
    if (!std::equal(ip.bytes.begin(), ip.bytes.begin() + whole, network.bytes.begin()))
    {
        return false;
    }
    const unsigned rest = bits % 8;
    const unsigned differ = whole < ip.bytes.size() ? ip.bytes[whole] ^ network.bytes[whole] : 0U;
    return rest == 0 || (differ >> (8 - rest)) == 0;
}

} // namespace hikyaku::dns
