#include "filters.h"

#include "markup_lexer.h"

#include <algorithm>

#include <hikyaku/text/utf8.h>

namespace hikyaku::tmpl::filters
{
namespace
{

enum class which : std::uint8_t
{
    all,
    first,
    last,
};

/// An empty pattern matches between all characters, as in Ruby.
void replace_between(std::string& out, std::string_view text, std::string_view by)
{
    out.append(by);
    while (!text.empty())
    {
        const auto character = text::truncate_code_points(text, 1);
        out.append(character).append(by);
        text.remove_prefix(character.size());
    }
}

bool replace_text(machine& m, value& v, const value& pattern, const value& replacement, which w)
{
    const auto text = m.text_of(v);
    const auto what = m.text_of(pattern);
    const auto by = m.text_of(replacement);
    if (!m.charge_search(text, what))
    {
        return false;
    }
    auto& made = m.buffer();
    if (what.empty() && w == which::all)
    {
        if (!m.charge(text.size() * (by.size() + 1)))
        {
            return false;
        }
        replace_between(made, text, by);
        v = m.keep(made);
        return !m.failed();
    }
    std::size_t at = 0;
    auto found = w == which::last ? text.rfind(what) : text.find(what);
    while (found != std::string_view::npos)
    {
        made.append(text.substr(at, found - at)).append(by);
        at = found + what.size();
        if (made.size() > m.limits().scratch_bytes_max)
        {
            return m.fail("filters make more than " + std::to_string(m.limits().scratch_bytes_max) +
                          " bytes (limit scratch_bytes_max)");
        }
        found = w == which::all ? text.find(what, at) : std::string_view::npos;
    }
    if (at == 0 && made.empty())
    {
        v = value::string(text);
        return !m.failed();
    }
    v = m.keep(made.append(text.substr(at)));
    return !m.failed();
}

/// Appends `part` unless the array limit is reached.
bool add_part(machine& m, std::vector<value>& parts, std::string_view part)
{
    if (parts.size() >= m.limits().loop_iterations_max)
    {
        return m.fail("an array of more than " + std::to_string(m.limits().loop_iterations_max) +
                      " elements (limit loop_iterations_max)");
    }
    parts.push_back(value::string(part));
    return true;
}

bool split_words(machine& m, std::vector<value>& parts, std::string_view text)
{
    while (true)
    {
        const auto start = std::find_if_not(text.begin(), text.end(), is_space);
        text.remove_prefix(static_cast<std::size_t>(start - text.begin()));
        if (text.empty())
        {
            return true;
        }
        const auto end = std::find_if(text.begin(), text.end(), is_space);
        const auto word = text.substr(0, static_cast<std::size_t>(end - text.begin()));
        if (!add_part(m, parts, word))
        {
            return false;
        }
        text.remove_prefix(word.size());
    }
}

bool split_text(machine& m, std::vector<value>& parts, std::string_view text,
                std::string_view pattern)
{
    while (!text.empty())
    {
        const auto at =
            pattern.empty() ? text::truncate_code_points(text, 1).size() : text.find(pattern);
        if (!add_part(m, parts, text.substr(0, at)))
        {
            return false;
        }
        if (at == std::string_view::npos)
        {
            return true;
        }
        text.remove_prefix(at + pattern.size());
    }
    return true;
}

} // namespace

bool replace(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], a.size() > 1 ? a[1] : value{}, which::all);
}

bool replace_first(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], a.size() > 1 ? a[1] : value{}, which::first);
}

bool replace_last(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], a[1], which::last);
}

bool remove(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], value{}, which::all);
}

bool remove_first(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], value{}, which::first);
}

bool remove_last(machine& m, value& v, const filter_arguments& a)
{
    return replace_text(m, v, a[0], value{}, which::last);
}

bool split(machine& m, value& v, const filter_arguments& a)
{
    const auto text = m.text_of(v);
    const auto pattern = m.text_of(a[0]);
    std::vector<value> parts;
    if (!m.charge_search(text, pattern))
    {
        return false;
    }
    if (!(pattern == " " ? split_words(m, parts, text) : split_text(m, parts, text, pattern)))
    {
        return false;
    }
    while (!parts.empty() && parts.back().as_string().empty())
    {
        parts.pop_back();
    }
    const auto made = m.make_array(parts.size());
    if (m.failed())
    {
        return false;
    }
    std::copy(parts.begin(), parts.end(), made.begin());
    v = value::array(made);
    return true;
}

} // namespace hikyaku::tmpl::filters
