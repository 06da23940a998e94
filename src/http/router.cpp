#include <hikyaku/http/router.h>

#include <hikyaku/base/assert.h>

#include <algorithm>
#include <set>

#include "target.h"

namespace hikyaku::http
{
namespace
{

/// "/a/b" → {"a", "b"}; "/" → {""}.
std::vector<std::string_view> split_path(std::string_view path)
{
    std::vector<std::string_view> segments;
    path.remove_prefix(path.starts_with('/') ? 1 : 0);
    while (true)
    {
        const auto slash = path.find('/');
        segments.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos)
        {
            return segments;
        }
        path.remove_prefix(slash + 1);
    }
}

std::string join_allow(const std::map<std::string, route, std::less<>>& methods)
{
    std::set<std::string_view> names;
    for (const auto& [method, _] : methods)
    {
        names.insert(method);
    }
    if (names.contains("GET"))
    {
        names.insert("HEAD");
    }
    std::string out;
    for (const auto name : names)
    {
        out += (out.empty() ? "" : ", ") + std::string(name);
    }
    return out;
}

} // namespace

std::vector<router::segment> router::parse_pattern(std::string_view text)
{
    HK_ASSERT(text.starts_with('/'));
    std::vector<segment> segments;
    for (const auto part : split_path(text))
    {
        segment s;
        if (part.starts_with('{'))
        {
            const auto close = part.find('}');
            HK_ASSERT(close != std::string_view::npos && close > 1);
            const auto rest = part.substr(close + 1);
            HK_ASSERT(rest.empty() || (rest.front() == ':' && rest.size() > 1));
            s.text = part.substr(1, close - 1);
            s.action = rest.empty() ? rest : rest.substr(1);
            s.is_parameter = true;
        }
        else
        {
            HK_ASSERT(part.find_first_of("{}") == std::string_view::npos);
            s.text = part;
        }
        segments.push_back(std::move(s));
    }
    return segments;
}

bool router::more_specific(const pattern& a, const pattern& b)
{
    const auto rank = [](const segment& s)
    {
        return !s.is_parameter ? 0 : s.action.empty() ? 2 : 1;
    };
    return std::lexicographical_compare(a.segments.begin(), a.segments.end(), b.segments.begin(),
                                        b.segments.end(), [&](const segment& x, const segment& y)
                                        { return rank(x) < rank(y); });
}

router::pattern& router::obtain_pattern(std::string_view text)
{
    auto segments = parse_pattern(text);
    auto& list = patterns_[segments.size()];
    const auto known =
        std::find_if(list.begin(), list.end(), [&](const pattern& p) { return p.text == text; });
    if (known != list.end())
    {
        return *known;
    }
    pattern made{std::string(text), std::move(segments), {}};
    const auto at = std::upper_bound(list.begin(), list.end(), made, more_specific);
    return *list.insert(at, std::move(made));
}

void router::add(std::string_view method, std::string_view text, handler run, route_options options)
{
    HK_ASSERT(run != nullptr);
    if (options.name.empty())
    {
        options.name = std::string(method) + " " + std::string(text);
    }
    const auto added = obtain_pattern(text).methods.emplace(
        std::string(method), route{std::move(run), std::move(options)});
    HK_ASSERT(added.second);
}

bool router::fits(const pattern& p, const std::vector<std::string_view>& path,
                  std::map<std::string, std::string, std::less<>>& parameters)
{
    for (std::size_t i = 0; i < path.size(); ++i)
    {
        const segment& s = p.segments[i];
        auto raw = path[i];
        if (!s.action.empty())
        {
            if (raw.size() <= s.action.size() + 1 || !raw.ends_with(s.action) ||
                raw[raw.size() - s.action.size() - 1] != ':')
            {
                return false;
            }
            raw.remove_suffix(s.action.size() + 1);
        }
        auto decoded = percent_decode(raw, false);
        if (!decoded || (s.is_parameter ? decoded->empty() : *decoded != s.text))
        {
            return false;
        }
        if (s.is_parameter)
        {
            parameters.insert_or_assign(s.text, std::move(*decoded));
        }
    }
    return true;
}

route_match router::match(std::string_view method, std::string_view raw_path) const
{
    route_match result;
    const auto path = split_path(raw_path);
    const auto list = patterns_.find(path.size());
    if (list == patterns_.end())
    {
        return result;
    }
    for (const pattern& p : list->second)
    {
        result.parameters.clear();
        if (!fits(p, path, result.parameters))
        {
            continue;
        }
        auto found = p.methods.find(method);
        if (found == p.methods.end() && method == "HEAD")
        {
            found = p.methods.find("GET");
        }
        result.found = found == p.methods.end() ? nullptr : &found->second;
        result.allow = join_allow(p.methods);
        return result;
    }
    result.parameters.clear();
    return result;
}

std::vector<std::string> router::list() const
{
    std::vector<std::string> out;
    for (const auto& [_, patterns] : patterns_)
    {
        for (const pattern& p : patterns)
        {
            for (const auto& [method, route] : p.methods)
            {
                out.push_back(method + " " + p.text);
            }
        }
    }
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace hikyaku::http
