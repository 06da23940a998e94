#include "filters.h"

#include "markup_lexer.h"
#include "number.h"
#include "output_escape.h"

#include <algorithm>
#include <limits>

#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

namespace hikyaku::tmpl::filters
{
namespace
{

constexpr std::int64_t truncate_default = 50;
constexpr std::int64_t truncatewords_default = 15;
constexpr std::string_view ellipsis = "...";

bool is_strippable(char c) noexcept
{
    return is_space(c) || c == '\0';
}

std::string_view without_front(std::string_view s) noexcept
{
    while (!s.empty() && is_strippable(s.front()))
    {
        s.remove_prefix(1);
    }
    return s;
}

std::string_view without_back(std::string_view s) noexcept
{
    while (!s.empty() && is_strippable(s.back()))
    {
        s.remove_suffix(1);
    }
    return s;
}

/// ASCII without ICU; the rest through it.
bool change_case(machine& m, value& v, bool up)
{
    const auto text = m.text_of(v);
    if (!text::is_ascii(text))
    {
        v = m.keep(up ? text::to_upper(text) : text::to_lower(text));
        return !m.failed();
    }
    auto& made = m.buffer();
    made.assign(text);
    for (char& c : made)
    {
        const bool changes = up ? c >= 'a' && c <= 'z' : c >= 'A' && c <= 'Z';
        c = changes ? static_cast<char>(c ^ 0x20) : c;
    }
    v = m.keep(made);
    return !m.failed();
}

/// In HTML a part that joins markup is escaped first.
void append_part(std::string& out, machine& m, const value& part, bool as_markup)
{
    if (as_markup && !part.is_markup())
    {
        append_html(out, m.text_of(part));
        return;
    }
    out.append(m.text_of(part));
}

bool join_two(machine& m, value& v, const value& front, const value& back)
{
    const bool as_markup = m.mode() == escape_mode::html && v.is_markup();
    const auto size = m.text_of(front).size() + m.text_of(back).size();
    if (!m.charge(size))
    {
        return false;
    }
    auto& made = m.buffer();
    append_part(made, m, front, as_markup);
    append_part(made, m, back, as_markup);
    v = m.keep(made);
    v = as_markup ? v.as_markup() : v;
    return !m.failed();
}

std::optional<std::int64_t> length_argument(machine& m, const filter_arguments& a, std::size_t i,
                                            std::int64_t otherwise)
{
    if (a.size() <= i)
    {
        return otherwise;
    }
    const auto n = to_integer(a[i]);
    if (!n)
    {
        m.fail("invalid integer");
    }
    return n;
}

} // namespace

bool upcase(machine& m, value& v, const filter_arguments&)
{
    return change_case(m, v, true);
}

bool downcase(machine& m, value& v, const filter_arguments&)
{
    return change_case(m, v, false);
}

bool capitalize(machine& m, value& v, const filter_arguments&)
{
    const auto text = m.text_of(v);
    const auto head = text::truncate_code_points(text, 1);
    value first = value::string(head);
    value rest = value::string(text.substr(head.size()));
    return change_case(m, first, true) && change_case(m, rest, false) &&
           join_two(m, v = value{}, first, rest);
}

bool append(machine& m, value& v, const filter_arguments& a)
{
    return join_two(m, v, v, a[0]);
}

bool prepend(machine& m, value& v, const filter_arguments& a)
{
    return join_two(m, v, a[0], v);
}

bool strip(machine& m, value& v, const filter_arguments&)
{
    v = value::string(without_back(without_front(m.text_of(v))));
    return !m.failed();
}

bool lstrip(machine& m, value& v, const filter_arguments&)
{
    v = value::string(without_front(m.text_of(v)));
    return !m.failed();
}

bool rstrip(machine& m, value& v, const filter_arguments&)
{
    v = value::string(without_back(m.text_of(v)));
    return !m.failed();
}

bool strip_newlines(machine& m, value& v, const filter_arguments&)
{
    const auto text = m.text_of(v);
    auto& made = m.buffer();
    for (std::size_t i = 0; i < text.size(); ++i)
    {
        const bool pair = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
        if (text[i] != '\n' && !pair)
        {
            made.push_back(text[i]);
        }
    }
    v = m.keep(made);
    return !m.failed();
}

bool truncate(machine& m, value& v, const filter_arguments& a)
{
    const auto length = length_argument(m, a, 0, truncate_default);
    if (v.is_nil() || !length)
    {
        return !m.failed();
    }
    const auto end = a.size() > 1 ? m.text_of(a[1]) : ellipsis;
    const auto text = m.text_of(v);
    const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(0, *length));
    if (text::truncate_code_points(text, wanted).size() == text.size() && *length >= 0)
    {
        v = value::string(text);
        return !m.failed();
    }
    const auto end_size = text::count_code_points(end);
    auto& made = m.buffer();
    made.append(text::truncate_code_points(text, wanted > end_size ? wanted - end_size : 0));
    made.append(end);
    v = m.keep(made);
    return !m.failed();
}

bool truncatewords(machine& m, value& v, const filter_arguments& a)
{
    const auto argument = length_argument(m, a, 0, truncatewords_default);
    if (v.is_nil() || !argument)
    {
        return !m.failed();
    }
    const auto words_max = std::max<std::int64_t>(1, *argument);
    const auto end = a.size() > 1 ? m.text_of(a[1]) : ellipsis;
    auto rest = without_front(m.text_of(v));
    auto& made = m.buffer();
    for (std::int64_t n = 0; n < words_max && !rest.empty(); ++n)
    {
        const auto word =
            rest.substr(0, static_cast<std::size_t>(
                               std::find_if(rest.begin(), rest.end(), is_space) - rest.begin()));
        made.append(n == 0 ? "" : " ").append(word);
        rest = without_front(rest.substr(word.size()));
    }
    if (!rest.empty())
    {
        v = m.keep(made.append(end));
    }
    return !m.failed();
}

bool slice(machine& m, value& v, const filter_arguments& a)
{
    const auto offset = length_argument(m, a, 0, 0);
    const bool has_length = a.size() > 1 && !a[1].is_nil();
    const auto length = has_length ? length_argument(m, a, 1, 1) : std::optional<std::int64_t>(1);
    if (!offset || !length)
    {
        return false;
    }
    const bool of_array = is_array(v);
    const auto text = of_array ? std::string_view{} : m.text_of(v);
    const auto size = static_cast<std::int64_t>(
        of_array ? std::min<std::uint64_t>(size_of(v).value_or(0),
                                           std::numeric_limits<std::int64_t>::max())
                 : text::count_code_points(text));
    const auto start = *offset < 0 ? *offset + size : *offset;
    const bool is_inside = start >= 0 && start <= size && *length >= 0;
    const auto from = static_cast<std::size_t>(is_inside ? start : 0);
    const auto count = static_cast<std::size_t>(is_inside ? std::min(*length, size - start) : 0);
    if (!of_array)
    {
        const auto rest = text.substr(text::truncate_code_points(text, from).size());
        v = value::string(text::truncate_code_points(rest, count));
        return !m.failed();
    }
    const auto made = m.make_array(count);
    for (std::size_t i = 0; i < made.size(); ++i)
    {
        made[i] = m.element(v, from + i);
    }
    v = value::array(made);
    return !m.failed();
}

bool size(machine&, value& v, const filter_arguments&)
{
    constexpr std::int64_t bytes_of_integer = 8; // Ruby's Integer#size
    const auto n = size_of(v);
    v = value::integer(n                                 ? static_cast<std::int64_t>(*n)
                       : v.kind() == value_kind::integer ? bytes_of_integer
                                                         : 0);
    return true;
}

bool default_value(machine&, value& v, const filter_arguments& a)
{
    const bool missing = a.allow_false ? v.is_nil() : !v.truthy();
    const bool is_empty = v.kind() == value_kind::string
                              ? v.as_string().empty()
                              : (is_array(v) || is_object(v)) && size_of(v) == 0;
    if (missing || is_empty)
    {
        v = a.size() > 0 ? a[0] : value::string("");
    }
    return true;
}

} // namespace hikyaku::tmpl::filters
