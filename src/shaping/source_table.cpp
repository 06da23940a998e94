#include <hikyaku/shaping/source_table.h>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <stdexcept>

#include <hikyaku/base/assert.h>

namespace hikyaku::shaping
{
namespace
{

constexpr std::size_t host_bytes_max = 253;

bool is_name(std::string_view text)
{
    return !text.empty() && text.size() <= source_table::name_bytes_max &&
           std::all_of(text.begin(), text.end(),
                       [](char c)
                       {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                  (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                       });
}

bool is_host(std::string_view text)
{
    const auto fits = [](char c)
    {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.';
    };
    return !text.empty() && text.size() <= host_bytes_max && text.front() != '.' &&
           text.front() != '-' && std::all_of(text.begin(), text.end(), fits);
}

// inet_pton only reads its text (RFC 4291 section 2.2); no octal and no short forms.
bool is_address(int family, const std::string& text)
{
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return ::inet_pton(family, text.c_str(), bytes.data()) == 1;
}

std::string at(std::string_view list, std::size_t index)
{
    return std::string(list) + "[" + std::to_string(index) + "]";
}

/// Collects what is wrong.
class check
{
public:
    void source(const source_rule& s, std::size_t index);
    [[nodiscard]] pool_rule pool(const pool_request& p);
    void fail(std::string where, std::string text)
    {
        errors.push_back({std::move(where), std::move(text)});
    }

    source_errors errors;
    std::map<std::string, std::size_t, std::less<>> sources;
    std::set<std::string> pools;
};

void check::source(const source_rule& s, std::size_t index)
{
    const std::string where = at("sources", index);
    if (!is_name(s.name))
    {
        fail(where + ".name", "a source needs a name of letters, digits, '-', '_' and '.'");
    }
    else if (!sources.emplace(s.name, index).second)
    {
        fail(where, "there are two sources called \"" + s.name + "\"");
    }
    if (!s.address_v4.empty() && !is_address(AF_INET, s.address_v4))
    {
        fail(where + ".address_v4", "expected an IPv4 address");
    }
    if (!s.address_v6.empty() && !is_address(AF_INET6, s.address_v6))
    {
        fail(where + ".address_v6", "expected an IPv6 address");
    }
    if (!is_host(s.ehlo_name))
    {
        fail(where + ".ehlo_name", "expected a host name such as mail.example.com");
    }
    if (s.ptr_names.size() > source_table::ptr_names_max ||
        !std::all_of(s.ptr_names.begin(), s.ptr_names.end(), is_host))
    {
        fail(where + ".ptr_names",
             "expected at most " + std::to_string(source_table::ptr_names_max) + " host names");
    }
}

pool_rule check::pool(const pool_request& p)
{
    const std::string where = "pools." + p.name;
    if (!is_name(p.name) || !pools.insert(p.name).second)
    {
        fail("pools", "a pool needs a name of its own of letters, digits, '-', '_' and '.'");
    }
    if (p.members.empty())
    {
        fail(where, "a pool needs at least one source");
    }
    pool_rule out{p.name, {}};
    std::set<std::size_t> seen;
    for (std::size_t i = 0; i < p.members.size(); ++i)
    {
        const auto& m = p.members[i];
        const auto found = sources.find(m.source);
        if (found == sources.end())
        {
            fail(at(where, i) + ".source", "there is no source called \"" + m.source + "\"");
            continue;
        }
        if (!seen.insert(found->second).second)
        {
            fail(at(where, i) + ".source", "the source \"" + m.source + "\" is in the pool twice");
        }
        if (m.weight == 0 || m.weight > source_table::weight_max)
        {
            fail(at(where, i) + ".weight",
                 "a weight is 1 to " + std::to_string(source_table::weight_max));
        }
        out.shares.push_back({found->second, m.weight});
    }
    return out;
}

} // namespace

void throw_exception_from_error(const source_errors& e, const boost::source_location&)
{
    throw std::runtime_error(e.empty() ? "no source error" : e.front().where + ": " + e[0].text);
}

source_table::source_table(std::string ehlo_name)
{
    sources_.push_back({std::string(default_name), {}, {}, std::move(ehlo_name), {}, {}});
    pools_.push_back({std::string(default_name), {{0, 1}}});
    numbers_.assign(1, 0);
}

result<source_table, source_errors> source_table::make(std::vector<source_rule> sources,
                                                       const std::vector<pool_request>& pools,
                                                       const std::string& ehlo_name)
{
    source_table out(ehlo_name);
    if (sources.size() > sources_max || pools.size() > pools_max)
    {
        return source_errors{{sources.size() > sources_max ? "sources" : "pools",
                              "at most " + std::to_string(sources_max) + " are allowed"}};
    }
    check checked;
    for (std::size_t i = 0; i < sources.size(); ++i)
    {
        if (sources[i].ehlo_name.empty())
        {
            sources[i].ehlo_name = ehlo_name;
        }
        checked.source(sources[i], i);
    }
    std::vector<pool_rule> made;
    for (const pool_request& p : pools)
    {
        made.push_back(checked.pool(p));
    }
    if (!pools.empty() && !checked.pools.contains(std::string(default_name)))
    {
        checked.fail("pools", "a pool called default is needed");
    }
    if (!checked.errors.empty())
    {
        return std::move(checked.errors);
    }
    if (sources.empty())
    {
        return out;
    }
    if (made.empty())
    {
        made.push_back({std::string(default_name), {}});
        for (std::size_t i = 0; i < sources.size(); ++i)
        {
            made.front().shares.push_back({i, 1});
        }
    }
    out.numbers_.assign(sources.size(), 0);
    out.sources_ = std::move(sources);
    out.pools_ = std::move(made);
    return out;
}

std::optional<std::size_t> source_table::find(std::string_view name) const
{
    const auto found = std::find_if(sources_.begin(), sources_.end(),
                                    [&](const source_rule& s) { return s.name == name; });
    return found == sources_.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(found - sources_.begin()));
}

const pool_rule* source_table::find_pool(std::string_view name) const
{
    const auto found = std::find_if(pools_.begin(), pools_.end(),
                                    [&](const pool_rule& p) { return p.name == name; });
    return found == pools_.end() ? nullptr : &*found;
}

const pool_rule& source_table::default_pool() const
{
    const pool_rule* found = find_pool(default_name);
    HK_ASSERT(found != nullptr);
    return *found;
}

result<std::vector<numbered_source>, failure>
source_table::assign_numbers(const std::vector<numbered_source>& known)
{
    std::map<std::string, source_number> by_name;
    std::set<source_number> taken;
    for (const auto& k : known)
    {
        by_name.emplace(k.name, k.number);
        taken.insert(k.number);
    }
    std::vector<source_number> numbers;
    std::vector<numbered_source> fresh;
    std::uint32_t next = 1;
    for (const source_rule& s : sources_)
    {
        auto found = by_name.find(s.name);
        if (found == by_name.end())
        {
            while (taken.contains(static_cast<source_number>(next)))
            {
                ++next;
            }
            if (next > std::numeric_limits<source_number>::max())
            {
                return failure{"too many names of sources have been used on this host"};
            }
            const auto number = static_cast<source_number>(next++);
            found = by_name.emplace(s.name, number).first;
            fresh.push_back({number, s.name});
        }
        numbers.push_back(found->second);
    }
    numbers_ = std::move(numbers);
    return fresh;
}

std::optional<std::size_t> source_table::find_number(source_number number) const
{
    const auto found = std::find(numbers_.begin(), numbers_.end(), number);
    return number == 0 || found == numbers_.end()
               ? std::nullopt
               : std::optional(static_cast<std::size_t>(found - numbers_.begin()));
}

} // namespace hikyaku::shaping
