#include <hikyaku/segment/condition.h>

#include <algorithm>

#include <hikyaku/base/assert.h>

#include "tree.h"

namespace hikyaku::segment
{

namespace
{

constexpr int offset_minutes_max = 18 * 60;

using text_list = std::span<const std::string_view>;

struct evaluation
{
    const tree& compiled;
    const row_view& row;
    wall_time now;
    int offset_minutes;
};

// Negative operators are the complements of positive ones, on missing values too.
struct polarity
{
    op positive;
    bool negated;
};

polarity polarity_of(op which)
{
    switch (which)
    {
    case op::ne:
        return {op::eq, true};
    case op::not_in:
        return {op::in, true};
    case op::not_contains:
        return {op::contains, true};
    case op::has_none:
        return {op::has_any, true};
    case op::empty:
        return {op::not_empty, true};
    case op::eq:
    case op::in:
    case op::lt:
    case op::lte:
    case op::gt:
    case op::gte:
    case op::between:
    case op::contains:
    case op::starts_with:
    case op::ends_with:
    case op::has_any:
    case op::has_all:
    case op::not_empty:
        return {which, false};
    }
    return {which, false};
}

// The operators on a value with a total order, given how it compares to the i-th operand.
template <class Compare> bool in_order(op which, Compare against)
{
    switch (which)
    {
    case op::eq:
        return against(0) == 0;
    case op::lt:
        return against(0) < 0;
    case op::lte:
        return against(0) <= 0;
    case op::gt:
        return against(0) > 0;
    case op::gte:
        return against(0) >= 0;
    case op::between:
        return against(0) >= 0 && against(1) <= 0;
    case op::ne:
    case op::in:
    case op::not_in:
    case op::contains:
    case op::not_contains:
    case op::starts_with:
    case op::ends_with:
    case op::has_any:
    case op::has_all:
    case op::has_none:
    case op::empty:
    case op::not_empty:
        break;
    }
    return false;
}

bool is_in(const std::vector<std::string>& sorted, std::string_view text)
{
    return std::binary_search(sorted.begin(), sorted.end(), text, std::less<>{});
}

bool text_matches(op which, std::string_view text, const std::vector<std::string>& operands)
{
    if (which == op::in)
    {
        return is_in(operands, text);
    }
    if (which == op::contains)
    {
        return text.find(operands[0]) != std::string_view::npos;
    }
    if (which == op::starts_with)
    {
        return text.starts_with(operands[0]);
    }
    if (which == op::ends_with)
    {
        return text.ends_with(operands[0]);
    }
    return in_order(which, [&](std::size_t i) { return text <=> operands[i]; });
}

bool match_text(const evaluation& e, const leaf& l, op which, const cell& value)
{
    const auto* text = std::get_if<std::string_view>(&value);
    if (text == nullptr || text->empty())
    {
        return false;
    }
    if (which == op::not_empty)
    {
        return true;
    }
    if (e.compiled.normalize_rows)
    {
        return text_matches(which, e.compiled.normalize_rows(*text), l.texts);
    }
    return text_matches(which, *text, l.texts);
}

bool elements_match(op which, text_list elements, const std::vector<std::string>& operands)
{
    if (which == op::has_all)
    {
        // The operands are distinct: fewer elements can't hold them all.
        return elements.size() >= operands.size() &&
               std::ranges::all_of(operands,
                                   [&](const std::string& wanted)
                                   {
                                       return std::ranges::find(elements,
                                                                std::string_view{wanted}) !=
                                              elements.end();
                                   });
    }
    return std::ranges::any_of(elements,
                               [&](std::string_view have) { return is_in(operands, have); });
}

bool match_elements(const evaluation& e, const leaf& l, op which, const cell& value)
{
    const auto* elements = std::get_if<text_list>(&value);
    if (elements == nullptr || elements->empty())
    {
        return false;
    }
    if (which == op::not_empty)
    {
        return true;
    }
    if (!e.compiled.normalize_rows)
    {
        return elements_match(which, *elements, l.texts);
    }
    std::vector<std::string> normal;
    normal.reserve(elements->size());
    for (const std::string_view element : *elements)
    {
        normal.push_back(e.compiled.normalize_rows(element));
    }
    const std::vector<std::string_view> views(normal.begin(), normal.end());
    return elements_match(which, views, l.texts);
}

bool match_number(const leaf& l, op which, const cell& value)
{
    decimal number;
    if (const auto* whole = std::get_if<std::int64_t>(&value))
    {
        number = {*whole, 0};
    }
    else if (const auto* scaled = std::get_if<decimal>(&value);
             scaled != nullptr && scaled->scale <= decimal::scale_max)
    {
        number = *scaled;
    }
    else
    {
        return false;
    }
    if (which == op::not_empty)
    {
        return true;
    }
    if (which == op::in)
    {
        return std::binary_search(l.numbers.begin(), l.numbers.end(), number,
                                  [](const decimal& a, const decimal& b)
                                  { return compare(a, b) < 0; });
    }
    return in_order(which, [&](std::size_t i) { return compare(number, l.numbers[i]); });
}

std::strong_ordering against_interval(std::int64_t at, const interval& i)
{
    return at < i.begin  ? std::strong_ordering::less
           : at >= i.end ? std::strong_ordering::greater
                         : std::strong_ordering::equal;
}

// Days far beyond any calendar keep their order and do not overflow.
std::int64_t local_ms(std::chrono::sys_days day)
{
    constexpr std::int64_t days_max = 1'000'000'000;
    constexpr std::int64_t day_ms = 86'400'000;
    return std::clamp<std::int64_t>(day.time_since_epoch().count(), -days_max, days_max) * day_ms;
}

bool match_moment(const evaluation& e, const leaf& l, op which, const cell& value)
{
    const bool whole_days = l.at.type == field_type::date;
    const auto* day = std::get_if<std::chrono::sys_days>(&value);
    const auto* time = std::get_if<wall_time>(&value);
    if (whole_days ? day == nullptr : time == nullptr)
    {
        return false;
    }
    if (which == op::not_empty)
    {
        return true;
    }
    const std::int64_t at = whole_days ? local_ms(*day) : to_unix_ms(*time);
    const auto against = [&](std::size_t i)
    {
        const moment& m = l.moments[i];
        return against_interval(at, whole_days ? local_interval(m, e.now, e.offset_minutes)
                                               : utc_interval(m, e.now, e.offset_minutes));
    };
    if (which == op::in)
    {
        for (std::size_t i = 0; i < l.moments.size(); ++i)
        {
            if (against(i) == 0)
            {
                return true;
            }
        }
        return false;
    }
    return in_order(which, against);
}

bool match_truth(const leaf& l, op which, const cell& value)
{
    const auto* truth = std::get_if<bool>(&value);
    return truth != nullptr && (which == op::not_empty || *truth == l.truth);
}

bool match_positive(const evaluation& e, const leaf& l, op which)
{
    const cell value = e.row.value(l.at.slot);
    switch (l.at.type)
    {
    case field_type::text:
    case field_type::email:
    case field_type::select:
        return match_text(e, l, which, value);
    case field_type::multi_select:
    case field_type::tags:
        return match_elements(e, l, which, value);
    case field_type::integer:
    case field_type::decimal:
        return match_number(l, which, value);
    case field_type::date:
    case field_type::datetime:
        return match_moment(e, l, which, value);
    case field_type::boolean:
        return match_truth(l, which, value);
    }
    return false;
}

// At most depth_max calls deep.
bool match_node(const evaluation& e, std::size_t at)
{
    const node& self = e.compiled.nodes[at];
    switch (self.kind)
    {
    case node_kind::leaf:
    {
        const leaf& l = e.compiled.leaves[self.leaf];
        const polarity p = polarity_of(l.which);
        return match_positive(e, l, p.positive) != p.negated;
    }
    case node_kind::negation:
        return !match_node(e, at + 1);
    case node_kind::all:
    case node_kind::any:
        break;
    }
    const bool ends_at = self.kind == node_kind::any;
    for (std::size_t child = at + 1; child < self.end; child = e.compiled.nodes[child].end)
    {
        if (match_node(e, child) == ends_at)
        {
            return ends_at;
        }
    }
    return !ends_at;
}

} // namespace

bool matches(const condition& c, const row_view& row, wall_time now, int offset_minutes)
{
    HK_ASSERT(offset_minutes >= -offset_minutes_max && offset_minutes <= offset_minutes_max);
    return match_node({c.compiled(), row, now, offset_minutes}, 0);
}

} // namespace hikyaku::segment
