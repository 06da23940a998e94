#include <hikyaku/dns/dmarc.h>

#include <algorithm>
#include <charconv>
#include <libpsl.h>

namespace hikyaku::dns
{
namespace
{

constexpr std::size_t tags_max = 64;

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text) noexcept
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    {
        text.remove_prefix(1);
    }
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    {
        text.remove_suffix(1);
    }
    return text;
}

struct tag
{
    std::string_view name;
    std::string_view value;
};

/// The first "name=value" of `rest`, which loses it; nullopt when it is not of that form.
std::optional<tag> take_tag(std::string_view& rest) noexcept
{
    const auto end = rest.find(';');
    const auto text = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos)
    {
        return std::nullopt;
    }
    return tag{trim(text.substr(0, equals)), trim(text.substr(equals + 1))};
}

std::optional<dmarc_policy> read_policy(std::string_view value) noexcept
{
    for (const auto policy : {dmarc_policy::none, dmarc_policy::quarantine, dmarc_policy::reject})
    {
        if (same_ignoring_case(value, dmarc_policy_name(policy)))
        {
            return policy;
        }
    }
    return std::nullopt;
}

alignment_mode read_mode(std::string_view value) noexcept
{
    return same_ignoring_case(value, "s") ? alignment_mode::strict : alignment_mode::relaxed;
}

unsigned read_percent(std::string_view value) noexcept
{
    constexpr unsigned all = 100;
    unsigned out = all;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), out);
    return ec == std::errc() && end == value.data() + value.size() && out <= all ? out : all;
}

} // namespace

const char* dmarc_policy_name(dmarc_policy policy) noexcept
{
    switch (policy)
    {
    case dmarc_policy::none:
        return "none";
    case dmarc_policy::quarantine:
        return "quarantine";
    case dmarc_policy::reject:
        return "reject";
    }
    __builtin_unreachable();
}

bool is_dmarc_record(std::string_view text) noexcept
{
    const auto first = take_tag(text);
    // The value is case-sensitive (section 6.3).
    return first && same_ignoring_case(first->name, "v") && first->value == "DMARC1";
}

result<dmarc_record, failure> parse_dmarc(std::string_view text)
{
    if (text.size() > dmarc_record_bytes_max)
    {
        return failure{"the record is longer than " + std::to_string(dmarc_record_bytes_max) +
                       " bytes"};
    }
    if (!is_dmarc_record(text))
    {
        return failure{"the record does not begin with v=DMARC1"};
    }
    dmarc_record out;
    std::optional<std::string_view> policy;
    std::optional<dmarc_policy> below;
    bool has_reports = false;
    std::size_t tags = 0;
    while (!trim(text).empty())
    {
        const auto one = take_tag(text);
        if (!one || ++tags > tags_max)
        {
            return failure{one ? "the record has more than " + std::to_string(tags_max) + " tags"
                               : "a part of the record is not of the form tag=value"};
        }
        if (same_ignoring_case(one->name, "p"))
        {
            policy = one->value;
        }
        else if (same_ignoring_case(one->name, "sp"))
        {
            below = read_policy(one->value);
        }
        else if (same_ignoring_case(one->name, "adkim"))
        {
            out.dkim = read_mode(one->value);
        }
        else if (same_ignoring_case(one->name, "aspf"))
        {
            out.spf = read_mode(one->value);
        }
        else if (same_ignoring_case(one->name, "pct"))
        {
            out.percent = read_percent(one->value);
        }
        else if (same_ignoring_case(one->name, "rua"))
        {
            has_reports = !one->value.empty();
        }
    }
    const auto known = policy ? read_policy(*policy) : std::nullopt;
    if (!known && !has_reports)
    {
        return failure{policy ? "p= is not none, quarantine or reject" : "p= is missing"};
    }
    out.policy = known.value_or(dmarc_policy::none);
    out.subdomain_policy = below.value_or(out.policy);
    return out;
}

std::vector<std::string> find_dmarc_texts(const std::vector<record>& answers)
{
    std::vector<std::string> out;
    for (const auto& r : answers)
    {
        const auto* txt = std::get_if<txt_data>(&r.data);
        if (txt != nullptr && is_dmarc_record(txt->text))
        {
            out.push_back(txt->text);
        }
    }
    return out;
}

std::string organizational_domain(std::string_view domain)
{
    const std::string name(domain);
    // The list compiled into the library: no file is read. nullptr when it was built without one;
    // then every top-level domain is a suffix.
    const psl_ctx_t* list = psl_builtin();
    if (list != nullptr)
    {
        const char* found = psl_registrable_domain(list, name.c_str());
        return found != nullptr ? std::string(found) : name;
    }
    const auto last = name.rfind('.');
    const auto before =
        last == std::string::npos || last == 0 ? std::string::npos : name.rfind('.', last - 1);
    return before == std::string::npos ? name : name.substr(before + 1);
}

bool is_aligned(std::string_view authenticated, std::string_view from, alignment_mode mode)
{
    if (authenticated.empty() || from.empty())
    {
        return false;
    }
    return authenticated == from ||
           (mode == alignment_mode::relaxed &&
            organizational_domain(authenticated) == organizational_domain(from));
}

} // namespace hikyaku::dns
