#include <hikyaku/feed/tail.h>

#include <algorithm>

#include <hikyaku/feed/log_line.h>

namespace hikyaku::feed
{
namespace
{

/// `"key":"value"` as append_log_line writes it. Inside a value every quote is escaped, so these
/// bytes occur in a line only as its member.
std::string member(std::string_view key, std::string_view value)
{
    std::string out;
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
    return out;
}

} // namespace

line_matcher::line_matcher(const log_filter& filter)
{
    const auto want = [this](std::string_view key, std::string_view value)
    {
        if (!value.empty())
        {
            needles_.push_back(member(key, value));
        }
    };
    want("event", filter.disposition);
    want("tenant", filter.tenant ? format_id("tnt", filter.tenant->value) : std::string());
    want("campaign", filter.campaign ? format_id("cmp", filter.campaign->value) : std::string());
    want("site", filter.site);
    want("recipient", filter.recipient);
}

bool line_matcher::matches(std::string_view line) const noexcept
{
    return std::all_of(needles_.begin(), needles_.end(), [line](const std::string& needle)
                       { return line.find(needle) != std::string_view::npos; });
}

} // namespace hikyaku::feed
