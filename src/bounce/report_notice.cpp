#include "report_notice.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_lines.h"
#include "report_phrases.h"
#include "report_reply.h"

namespace hikyaku::bounce
{

namespace
{

constexpr std::size_t lines_max = 4'000;
/// Lines of one reason.
constexpr std::size_t reason_lines_max = 12;
constexpr std::size_t reason_bytes_max = 2'000;
/// Recipients whose reason is looked for in the whole notice.
constexpr std::size_t searches_max = 20;
/// What of a line is looked at for labels.
constexpr std::size_t label_bytes_max = 120;

/// How a line names an address. The higher, the surer it is the one that failed.
enum class naming : std::uint8_t
{
    excluded,
    mentioned,
    beside_reply, ///< on a line with a reply code or words of failure
    labelled,     ///< "Recipient: a@b"
    alone,        ///< the address is all there is on the line
    heading,      ///< "<a@b>:" at the start of a line: qmail, Postfix, and many more
};

struct candidate
{
    std::string address;
    naming how = naming::excluded;
    std::size_t line = 0;
    std::size_t end = 0; ///< of the address in the line
};

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < lines_max)
    {
        lines.push_back(take_line(text));
    }
    return lines;
}

/// Punctuation around an address that stands alone.
std::string_view without_decoration(std::string_view s) noexcept
{
    constexpr std::string_view marks = " \t*-•·<>()[]\"'`:;,.=|#&>";
    const std::size_t first = s.find_first_not_of(marks);
    return first == std::string_view::npos ? std::string_view{}
                                           : s.substr(first, s.find_last_not_of(marks) - first + 1);
}

/// @param from  end of the address before it on the line, or 0
naming naming_of(std::string_view line, const found_address& found, std::size_t from)
{
    const bool first_on_line = from == 0;
    const std::string_view before = line.substr(0, found.begin);
    const std::string_view after = line.substr(found.end);
    const std::string_view between = before.substr(from);
    const std::string lower_before = text::to_lower(
        between.size() > label_bytes_max ? between.substr(between.size() - label_bytes_max)
                                         : between);
    const bool starts = without_decoration(before).empty();
    if (starts && without_decoration(after).empty())
    {
        const bool colon = after.find(':') != std::string_view::npos;
        return colon ? naming::heading : naming::alone;
    }
    if (starts && (after.starts_with(">:") || after.starts_with(":") || after.starts_with("> :") ||
                   after.starts_with("> (expanded") || after.starts_with(" (expanded")))
    {
        return naming::heading;
    }
    if (labels_other(lower_before) && !labels_recipient(lower_before))
    {
        return naming::excluded;
    }
    if (starts && first_on_line && find_reply(after).code != 0)
    {
        return naming::heading;
    }
    if (lower_before.ends_with(" to <") || lower_before.ends_with(" to "))
    {
        return naming::beside_reply;
    }
    const std::size_t word = lower_before.find_last_not_of(" <\t\"'([");
    const bool label = word != std::string::npos &&
                       (lower_before[word] == ':' || lower_before.ends_with("：") ||
                        lower_before.ends_with("： <") || lower_before.ends_with("：<"));
    if (label && labels_recipient(lower_before))
    {
        return naming::labelled;
    }
    const std::string lower = text::to_lower(line.substr(0, 600));
    if (says_failure(lower) || find_reply(line).code != 0)
    {
        return naming::beside_reply;
    }
    if (labels_recipient(lower_before) || (starts && first_on_line))
    {
        return naming::beside_reply;
    }
    return naming::mentioned;
}

std::vector<candidate> find_candidates(const std::vector<std::string_view>& lines,
                                       const std::vector<std::string>& strangers)
{
    std::vector<candidate> all;
    for (std::size_t i = 0; i < lines.size() && all.size() < report_recipients_max; ++i)
    {
        if (lines[i].find('@') == std::string_view::npos)
        {
            continue;
        }
        const auto found = find_addresses(lines[i]);
        std::size_t from = 0;
        for (const found_address& f : found)
        {
            const std::size_t previous = std::exchange(from, f.end);
            if (is_daemon_address(f.address) || contains_address(strangers, f.address))
            {
                continue;
            }
            const naming how = naming_of(lines[i], f, previous);
            if (how != naming::excluded && all.size() < report_recipients_max)
            {
                all.push_back({f.address, how, i, f.end});
            }
        }
    }
    return all;
}

/// The line names the next recipient: "<a@b>: …", or an address and nothing else.
bool starts_next(std::string_view line, std::string_view address)
{
    if (line.find('@') == std::string_view::npos)
    {
        return false;
    }
    const auto found = find_addresses(line.substr(0, reason_bytes_max));
    return !found.empty() && !same_address(found.front().address, address) &&
           ((line.starts_with('<') && line.find(">:") != std::string_view::npos) ||
            without_decoration(line) == found.front().address);
}

/// The paragraph behind an address: the rest of its line and what follows, up to an empty line or
/// the next address; one empty line right behind it is passed over. The whole line where the
/// address stands within a sentence.
std::string reason_behind(const std::vector<std::string_view>& lines, const candidate& c)
{
    const bool heads = c.how >= naming::alone;
    std::string reason;
    if (heads)
    {
        const std::string_view rest = lines[c.line].substr(std::min(c.end, lines[c.line].size()));
        const std::size_t first = rest.find_first_not_of(" \t>:;,)]\"'");
        reason = first == std::string_view::npos ? std::string_view{} : rest.substr(first);
    }
    else
    {
        reason = trimmed_line(lines[c.line].substr(0, reason_bytes_max));
    }
    std::size_t taken = 0;
    bool gap = false;
    for (std::size_t i = c.line + 1; i < lines.size() && taken < reason_lines_max; ++i)
    {
        const std::string_view line = trimmed_line(lines[i]);
        if (line.empty())
        {
            if (taken > 0 || gap || !reason.empty())
            {
                break;
            }
            gap = true;
            continue;
        }
        const bool next = starts_next(line, c.address);
        const bool separator =
            line.starts_with("---") || line.starts_with("===") || line.starts_with("***");
        if (next || separator || reason.size() + line.size() > reason_bytes_max)
        {
            break;
        }
        reason += reason.empty() ? "" : "\n";
        reason += line;
        ++taken;
    }
    return reason;
}

bool tells_reason(std::string_view text)
{
    const told_reply told = find_reply(text);
    return told.code != 0 || told.enhanced.present();
}

} // namespace

std::string find_reason(std::string_view notice, std::string_view address)
{
    const auto lines = lines_of(notice);
    std::string best;
    for (std::size_t i = 0; i < lines.size(); ++i)
    {
        const auto found = find_addresses(lines[i].substr(0, reason_bytes_max));
        for (const found_address& f : found)
        {
            if (same_address(f.address, address))
            {
                const std::string reason =
                    reason_behind(lines, {f.address, naming::alone, i, f.end});
                const std::string whole =
                    std::string(lines[i].substr(0, reason_bytes_max)) + "\n" + reason;
                if (tells_reason(whole))
                {
                    return tells_reason(reason) ? reason : whole;
                }
                best = best.empty() ? reason : best;
            }
        }
    }
    // Nothing beside the address: a reply elsewhere, and two lines behind it.
    for (std::size_t i = 0; i < lines.size(); ++i)
    {
        if (find_reply(lines[i]).code != 0 || find_enhanced(lines[i]).present())
        {
            std::string reason(trimmed_line(lines[i].substr(0, reason_bytes_max)));
            for (std::size_t k = i + 1;
                 k < std::min(i + 4, lines.size()) && !trimmed_line(lines[k]).empty(); ++k)
            {
                reason += "\n" + std::string(trimmed_line(lines[k].substr(0, reason_bytes_max)));
            }
            return reason;
        }
    }
    if (!best.empty())
    {
        return best;
    }
    for (const std::string_view line : lines)
    {
        if (says_failure(text::to_lower(line.substr(0, reason_bytes_max))))
        {
            return std::string(trimmed_line(line.substr(0, reason_bytes_max)));
        }
    }
    return {};
}

std::vector<noticed_recipient> find_recipients(std::string_view notice,
                                               const original_message& original,
                                               const std::vector<std::string>& strangers)
{
    const auto lines = lines_of(notice);
    const auto candidates = find_candidates(lines, strangers);
    const auto is_known = [&original](const candidate& c)
    {
        return contains_address(original.to, c.address) ||
               contains_address(original.for_, c.address);
    };

    const bool alone =
        std::ranges::all_of(candidates, [&candidates](const candidate& c)
                            { return same_address(c.address, candidates.front().address); });
    const bool any_known = std::ranges::any_of(candidates, is_known);
    naming best = naming::excluded;
    for (const candidate& c : candidates)
    {
        // What the original was sent to is surer than anything else that is named as well.
        if ((!any_known || is_known(c) || c.how == naming::heading) && c.how > best)
        {
            best = c.how;
        }
    }
    std::vector<noticed_recipient> named;
    for (const candidate& c : candidates)
    {
        const bool taken = std::ranges::any_of(named, [&c](const noticed_recipient& n)
                                               { return same_address(n.address, c.address); });
        const bool sure = c.how == best || (best >= naming::alone && c.how >= naming::alone);
        if (taken || !sure || (any_known && !is_known(c) && c.how < naming::labelled))
        {
            continue;
        }
        std::string reason = reason_behind(lines, c);
        if (!tells_reason(reason) && named.size() < searches_max)
        {
            std::string elsewhere = find_reason(notice, c.address);
            if (reason.empty() || (alone && tells_reason(elsewhere)))
            {
                reason = std::move(elsewhere);
            }
        }
        named.push_back({c.address, std::move(reason)});
        if (c.how == naming::mentioned)
        {
            break;
        }
    }
    return named;
}

} // namespace hikyaku::bounce
