#include <hikyaku/campaign/dry_run.h>

#include <charconv>
#include <cmath>

namespace hikyaku::campaign
{
namespace
{

/// Reads "3:" from the front.
bool take_place(std::string_view& text, std::uint32_t& out)
{
    const auto done = std::from_chars(text.data(), text.data() + text.size(), out);
    const auto used = static_cast<std::size_t>(done.ptr - text.data());
    if (done.ec != std::errc{} || used >= text.size() || text[used] != ':')
    {
        return false;
    }
    text.remove_prefix(used + 1);
    return true;
}

/// Tenths are enough for people.
double round_tenth(double v)
{
    return std::round(v * 10) / 10;
}

/// Never 0 for a limit: that means none.
double round_rate(double v)
{
    return v >= 1 ? round_tenth(v) : std::round(v * 1e6) / 1e6;
}

json::object counts_to_json(const dry_run_report& r)
{
    return json::object{{"audience", r.audience},
                        {"recipients", r.recipients},
                        {"duplicates", r.duplicates},
                        {"no_address", r.no_address},
                        {"invalid_address", r.invalid_address},
                        {"suppressed", r.suppressed},
                        {"render_errors", r.render_errors},
                        {"would_send", r.would_send}};
}

json::object site_to_json(const delivery::forecast_line& s)
{
    return json::object{
        {"site", s.site},
        {"provider", s.provider.empty() ? json::value(nullptr) : json::value(s.provider)},
        {"recipients", s.recipients},
        {"per_second", round_rate(s.per_second)},
        {"seconds", round_tenth(s.seconds_behind_queue)},
        {"limited_by", s.limited_by.empty() ? json::value(nullptr) : json::value(s.limited_by)}};
}

} // namespace

render_problem parse_problem(std::string_view text)
{
    render_problem out;
    // The part may hold spaces ("from name"): the place is what is unmistakable.
    for (auto space = text.find(' '); space != std::string_view::npos;
         space = text.find(' ', space + 1))
    {
        auto rest = text.substr(space + 1);
        std::uint32_t line = 0;
        std::uint32_t column = 0;
        if (take_place(rest, line) && take_place(rest, column))
        {
            out.part = text.substr(0, space);
            out.line = line;
            out.column = column;
            out.reason = rest.substr(rest.starts_with(' ') ? 1 : 0);
            return out;
        }
    }
    out.reason = text;
    return out;
}

json::object to_json(const dry_run_report& r, const std::function<std::string(ordinal)>& name)
{
    auto out = counts_to_json(r);
    json::array problems;
    for (const auto& p : r.problems)
    {
        json::object one{{"recipient", name(p.who)}, {"address", p.address}, {"reason", p.reason}};
        one["part"] = p.part.empty() ? json::value(nullptr) : json::value(p.part);
        one["line"] = p.line == 0 ? json::value(nullptr) : json::value(p.line);
        one["column"] = p.column == 0 ? json::value(nullptr) : json::value(p.column);
        problems.emplace_back(std::move(one));
    }
    out["errors"] = std::move(problems);
    out["largest_message"] =
        r.largest_bytes == 0
            ? json::value(nullptr)
            : json::value(json::object{{"bytes", r.largest_bytes}, {"recipient", name(r.largest)}});
    json::array failing;
    for (const auto& f : r.alignment)
    {
        failing.emplace_back(json::object{{"code", f.code}, {"detail", f.text}});
    }
    out["alignment"] = json::object{{"ok", r.alignment.empty()},
                                    {"refuses_start", r.alignment_refuses},
                                    {"failing", std::move(failing)}};
    json::array sites;
    for (const auto& s : r.sites)
    {
        sites.emplace_back(site_to_json(s));
    }
    out["forecast"] = json::object{{"seconds", round_tenth(r.seconds)},
                                   {"sites", std::move(sites)},
                                   {"sites_left_out", r.sites_left_out}};
    return out;
}

} // namespace hikyaku::campaign
