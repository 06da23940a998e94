#pragma once

#include "document.h"

#include <string>
#include <string_view>

// What readers of lists and of their items share.
namespace hikyaku::config
{

/// False, and told, when a list or map is too long.
[[nodiscard]] inline bool check_count(document& doc, const entry& e, std::size_t count,
                                      std::size_t count_max)
{
    if (count > count_max)
    {
        doc.fail(e.value.Mark(), e.path, "at most " + std::to_string(count_max) + " are allowed");
    }
    return count <= count_max;
}

/// "list[3]".
[[nodiscard]] inline std::string item_path(const std::string& list, std::size_t index)
{
    return list + "[" + std::to_string(index) + "]";
}

/// Reads one text with a check; tells when it does not fit.
template <class Fits>
void read_text(document& doc, const entry& e, std::string_view expected, std::string& out,
               Fits fits)
{
    const auto text = read_scalar(doc, e.value, e.path, expected);
    if (text && !fits(*text))
    {
        doc.fail(e.value.Mark(), e.path,
                 "expected " + std::string(expected) + ", found " + quote(*text));
    }
    else if (text)
    {
        out = *text;
    }
}

/// Reads one text in one of the forms of forms.h.
template <class Form, class T>
void read_form(document& doc, const entry& e, const Form& form, T& out)
{
    const auto text = read_scalar(doc, e.value, e.path, form.expected());
    if (text && !form.read(*text, out))
    {
        doc.fail(e.value.Mark(), e.path, "expected " + form.expected() + ", found " + quote(*text));
    }
}

} // namespace hikyaku::config
