#include "filter_table.h"

#include "filters.h"

#include <algorithm>
#include <array>

namespace hikyaku::tmpl
{
namespace
{

constexpr auto table = std::to_array<filter_entry>({
    {"abs", filters::abs, 0, 0},
    {"append", filters::append, 1, 1},
    {"at_least", filters::at_least, 1, 1},
    {"at_most", filters::at_most, 1, 1},
    {"capitalize", filters::capitalize, 0, 0},
    {"ceil", filters::ceil, 0, 0},
    {"compact", filters::compact, 0, 1},
    {"concat", filters::concat, 1, 1},
    {"date", filters::date, 1, 1},
    {"default", filters::default_value, 0, 1},
    {"divided_by", filters::divided_by, 1, 1},
    {"downcase", filters::downcase, 0, 0},
    {"escape", filters::escape, 0, 0},
    {"escape_once", filters::escape_once, 0, 0},
    {"first", filters::first, 0, 0},
    {"floor", filters::floor, 0, 0},
    {"h", filters::escape, 0, 0},
    {"join", filters::join, 0, 1},
    {"last", filters::last, 0, 0},
    {"lstrip", filters::lstrip, 0, 0},
    {"map", filters::map, 1, 1},
    {"minus", filters::minus, 1, 1},
    {"modulo", filters::modulo, 1, 1},
    {"newline_to_br", filters::newline_to_br, 0, 0},
    {"number", filters::number, 0, 1},
    {"plus", filters::plus, 1, 1},
    {"prepend", filters::prepend, 1, 1},
    {"remove", filters::remove, 1, 1},
    {"remove_first", filters::remove_first, 1, 1},
    {"remove_last", filters::remove_last, 1, 1},
    {"replace", filters::replace, 1, 2},
    {"replace_first", filters::replace_first, 1, 2},
    {"replace_last", filters::replace_last, 2, 2},
    {"reverse", filters::reverse, 0, 0},
    {"round", filters::round, 0, 1},
    {"rstrip", filters::rstrip, 0, 0},
    {"size", filters::size, 0, 0},
    {"slice", filters::slice, 1, 2},
    {"sort", filters::sort, 0, 1},
    {"split", filters::split, 1, 1},
    {"strip", filters::strip, 0, 0},
    {"strip_html", filters::strip_html, 0, 0},
    {"strip_newlines", filters::strip_newlines, 0, 0},
    {"times", filters::times, 1, 1},
    {"truncate", filters::truncate, 0, 2},
    {"truncatewords", filters::truncatewords, 0, 2},
    {"uniq", filters::uniq, 0, 1},
    {"upcase", filters::upcase, 0, 0},
    {"url_decode", filters::url_decode, 0, 0},
    {"url_encode", filters::url_encode, 0, 0},
    {"where", filters::where, 1, 2},
});

static_assert(std::is_sorted(table.begin(), table.end(),
                             [](const filter_entry& a, const filter_entry& b)
                             { return a.name < b.name; }));

} // namespace

const filter_entry* find_filter(std::string_view name) noexcept
{
    const auto at =
        std::lower_bound(table.begin(), table.end(), name,
                         [](const filter_entry& e, std::string_view n) { return e.name < n; });
    return at != table.end() && at->name == name ? &*at : nullptr;
}

} // namespace hikyaku::tmpl
