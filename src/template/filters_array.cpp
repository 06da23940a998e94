#include "filters.h"

#include "compare.h"

#include <algorithm>
#include <string>

namespace hikyaku::tmpl::filters
{
namespace
{

/// What Ruby's item[property] gives for an element of any kind.
enum class property_outcome : std::uint8_t
{
    found,   ///< perhaps nil
    no_item, ///< the item has no properties (nil, true, 2.5)
    failed,
};

property_outcome property_of(machine& m, const value& item, const value& name, value& found)
{
    const auto text = m.text_of(name);
    switch (item.kind())
    {
    case value_kind::object:
    case value_kind::json_object:
    case value_kind::loop:
        found = m.member_of(item, text);
        return property_outcome::found;
    case value_kind::string:
        found =
            item.as_string().find(text) == std::string_view::npos ? value{} : value::string(text);
        return property_outcome::found;
    case value_kind::integer:
    case value_kind::array:
    case value_kind::json_array:
        m.fail("cannot select a property of a number or an array");
        return property_outcome::failed;
    case value_kind::nil:
    case value_kind::boolean:
    case value_kind::decimal:
    case value_kind::date_time:
    case value_kind::range:
    case value_kind::empty:
    case value_kind::blank:
        break;
    }
    return property_outcome::no_item;
}

bool set_array(machine& m, value& v, const std::vector<value>& elements)
{
    const auto made = m.make_array(elements.size());
    if (m.failed())
    {
        return false;
    }
    std::copy(elements.begin(), elements.end(), made.begin());
    v = value::array(made);
    return true;
}

/// An element and what it is sorted or told apart by.
struct keyed
{
    value key;
    value element;
};

/// nullopt: failed, or an element has no properties (v is nil then).
std::optional<std::vector<keyed>> keyed_elements(machine& m, value& v, const filter_arguments& a)
{
    const auto elements = m.elements_of(v);
    if (!elements)
    {
        return std::nullopt;
    }
    std::vector<keyed> made;
    made.reserve(elements->size());
    for (const auto& e : *elements)
    {
        value key = e;
        if (a.size() > 0 && !a[0].is_nil() &&
            property_of(m, e, a[0], key) != property_outcome::found)
        {
            v = value{};
            return std::nullopt;
        }
        made.push_back({key, e});
    }
    return made;
}

/// Bottom-up merge sort: the order may fail half way, and data may make it inconsistent.
bool sort_keyed(machine& m, std::vector<keyed>& all)
{
    const auto after = [&m](const keyed& a, const keyed& b)
    {
        if (a.key.is_nil() || b.key.is_nil())
        {
            return a.key.is_nil() && !b.key.is_nil(); // nil last
        }
        const auto o = order(m, a.key, b.key);
        if (!o && !equals(m, a.key, b.key))
        {
            m.fail("cannot sort values of incompatible types");
        }
        return o && *o > 0;
    };
    std::vector<keyed> merged(all.size());
    for (std::size_t width = 1; width < all.size(); width *= 2)
    {
        for (std::size_t start = 0; start < all.size(); start += 2 * width)
        {
            auto left = start;
            auto right = std::min(start + width, all.size());
            const auto left_end = right;
            const auto right_end = std::min(start + 2 * width, all.size());
            for (auto to = start; to < right_end; ++to)
            {
                const bool take_right =
                    left == left_end || (right < right_end && after(all[left], all[right]));
                merged[to] = take_right ? all[right++] : all[left++];
            }
            if (m.failed() || !m.charge(right_end - start))
            {
                return false;
            }
        }
        all.swap(merged);
    }
    return true;
}

bool set_elements(machine& m, value& v, const std::vector<keyed>& all)
{
    std::vector<value> elements;
    elements.reserve(all.size());
    std::transform(all.begin(), all.end(), std::back_inserter(elements),
                   [](const keyed& k) { return k.element; });
    return set_array(m, v, elements);
}

} // namespace

bool join(machine& m, value& v, const filter_arguments& a)
{
    const auto elements = m.elements_of(v);
    if (!elements)
    {
        return false;
    }
    const auto glue = a.size() > 0 ? m.text_of(a[0]) : std::string_view(" ");
    auto& made = m.buffer();
    for (std::size_t i = 0; i < elements->size(); ++i)
    {
        made.append(i == 0 ? std::string_view{} : glue);
        m.append_text(made, (*elements)[i]);
        if (!m.charge(1 + glue.size()))
        {
            return false;
        }
    }
    v = m.keep(made);
    return !m.failed();
}

bool first(machine& m, value& v, const filter_arguments& a)
{
    if (v.kind() == value_kind::string)
    {
        const value zero = value::integer(0);
        return slice(m, v, {std::span(&zero, 1), a.allow_false});
    }
    const bool has = (is_array(v) || is_object(v)) && size_of(v) != 0;
    v = has ? m.element(v, 0) : value{};
    return !m.failed();
}

bool last(machine& m, value& v, const filter_arguments& a)
{
    if (v.kind() == value_kind::string)
    {
        const value end = value::integer(-1);
        return slice(m, v, {std::span(&end, 1), a.allow_false});
    }
    const bool has = is_array(v) && size_of(v) != 0;
    v = has ? m.element(v, *size_of(v) - 1) : value{};
    return !m.failed();
}

bool sort(machine& m, value& v, const filter_arguments& a)
{
    auto all = keyed_elements(m, v, a);
    if (!all)
    {
        return !m.failed();
    }
    return sort_keyed(m, *all) && set_elements(m, v, *all);
}

bool uniq(machine& m, value& v, const filter_arguments& a)
{
    const auto all = keyed_elements(m, v, a);
    if (!all)
    {
        return !m.failed();
    }
    std::vector<keyed> kept;
    for (const auto& k : *all)
    {
        const bool seen =
            std::any_of(kept.begin(), kept.end(), [&](const keyed& other)
                        { return m.charge(sizeof(value)) && equals(m, other.key, k.key); });
        if (m.failed())
        {
            return false;
        }
        if (!seen)
        {
            kept.push_back(k);
        }
    }
    return set_elements(m, v, kept);
}

bool reverse(machine& m, value& v, const filter_arguments&)
{
    const auto elements = m.elements_of(v);
    return elements && set_array(m, v, {elements->rbegin(), elements->rend()});
}

bool map(machine& m, value& v, const filter_arguments& a)
{
    const auto elements = m.elements_of(v);
    if (!elements)
    {
        return false;
    }
    std::vector<value> made(elements->size());
    for (std::size_t i = 0; i < made.size(); ++i)
    {
        if (property_of(m, (*elements)[i], a[0], made[i]) == property_outcome::failed)
        {
            return false;
        }
    }
    return set_array(m, v, made);
}

bool where(machine& m, value& v, const filter_arguments& a)
{
    const auto elements = m.elements_of(v);
    if (!elements)
    {
        return false;
    }
    const bool any_truthy = a.size() < 2 || a[1].is_nil();
    std::vector<value> made;
    for (const auto& e : *elements)
    {
        value found;
        if (property_of(m, e, a[0], found) != property_outcome::found)
        {
            v = value{};
            return !m.failed();
        }
        if (any_truthy ? found.truthy() : equals(m, found, a[1]))
        {
            made.push_back(e);
        }
    }
    return set_array(m, v, made);
}

bool compact(machine& m, value& v, const filter_arguments& a)
{
    auto all = keyed_elements(m, v, a);
    if (!all)
    {
        return !m.failed();
    }
    std::erase_if(*all, [](const keyed& k) { return k.key.is_nil(); });
    return set_elements(m, v, *all);
}

bool concat(machine& m, value& v, const filter_arguments& a)
{
    if (!is_array(a[0]))
    {
        return m.fail("concat takes an array");
    }
    const auto front = m.elements_of(v);
    const auto back = front ? m.elements_of(a[0]) : std::nullopt;
    if (!back)
    {
        return false;
    }
    std::vector<value> made(front->begin(), front->end());
    made.insert(made.end(), back->begin(), back->end());
    return set_array(m, v, made);
}

} // namespace hikyaku::tmpl::filters
