#include "machine.h"

#include "date_parse.h"

#include <algorithm>
#include <charconv>

namespace hikyaku::tmpl
{
namespace
{

void append_quoted(std::string& out, std::string_view text)
{
    out.push_back('"');
    for (const char c : text)
    {
        if (c == '"' || c == '\\')
        {
            out.push_back('\\');
        }
        if (c == '\n' || c == '\t' || c == '\r')
        {
            out.append(c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
            continue;
        }
        out.push_back(c);
    }
    out.push_back('"');
}

} // namespace

std::string_view machine::text_of(const value& v)
{
    if (v.kind() == value_kind::string)
    {
        return v.as_string();
    }
    if (v.is_nil())
    {
        return {};
    }
    text_buffer_.clear();
    append_text(text_buffer_, v);
    const value kept = keep(text_buffer_);
    return kept.is_nil() ? std::string_view{} : kept.as_string();
}

void machine::append_text(std::string& out, const value& v)
{
    switch (v.kind())
    {
    case value_kind::nil:
    case value_kind::empty:
    case value_kind::blank:
        return;
    case value_kind::boolean:
        out.append(v.as_boolean() ? "true" : "false");
        return;
    case value_kind::integer:
        out.append(std::to_string(v.as_integer()));
        return;
    case value_kind::decimal:
        append_decimal(out, v.as_decimal());
        return;
    case value_kind::string:
        out.append(v.as_string());
        (void)charge(v.as_string().size());
        return;
    case value_kind::date_time:
        if (const auto t = to_date(v, *clock_))
        {
            append_strftime(out, "%Y-%m-%d %H:%M:%S %z", *t, clock_->zone_name);
        }
        return;
    case value_kind::array:
    case value_kind::json_array:
        append_elements(out, v, false);
        return;
    case value_kind::object:
    case value_kind::json_object:
        append_members(out, v);
        return;
    case value_kind::range:
        out.append(std::to_string(v.range_first())).append("..");
        out.append(std::to_string(v.range_last()));
        return;
    case value_kind::loop:
        out.append("Liquid::ForloopDrop");
        return;
    }
}

void machine::append_elements(std::string& out, const value& v, bool inspected)
{
    const auto size = size_of(v).value_or(0);
    out.append(inspected ? "[" : "");
    for (std::uint64_t i = 0; i < size && charge(sizeof(value)); ++i)
    {
        const value e = element(v, i);
        if (inspected)
        {
            out.append(i == 0 ? "" : ", ");
            append_inspected(out, e);
        }
        else
        {
            append_text(out, e);
        }
    }
    out.append(inspected ? "]" : "");
}

void machine::append_members(std::string& out, const value& v)
{
    const auto size = size_of(v).value_or(0);
    out.push_back('{');
    for (std::uint64_t i = 0; i < size && charge(sizeof(value)); ++i)
    {
        const value pair = element(v, i);
        if (failed_)
        {
            return;
        }
        out.append(i == 0 ? "" : ", ");
        append_inspected(out, pair.as_array()[0]);
        out.append("=>");
        append_inspected(out, pair.as_array()[1]);
    }
    out.push_back('}');
}

void machine::append_inspected(std::string& out, const value& v)
{
    if (v.kind() == value_kind::string)
    {
        (void)charge(v.as_string().size());
        append_quoted(out, v.as_string());
    }
    else if (v.is_nil())
    {
        out.append("nil");
    }
    else if (v.kind() == value_kind::array || v.kind() == value_kind::json_array)
    {
        append_elements(out, v, true);
    }
    else
    {
        append_text(out, v);
    }
}

bool machine::append_flat(std::vector<value>& out, const value& v)
{
    const auto size = size_of(v).value_or(0);
    if (size > limits_.loop_iterations_max || out.size() > limits_.loop_iterations_max)
    {
        return fail("an array of more than " + std::to_string(limits_.loop_iterations_max) +
                    " elements (limit loop_iterations_max)");
    }
    for (std::uint64_t i = 0; i < size && charge(sizeof(value)); ++i)
    {
        const value e = element(v, i);
        const bool nested = e.kind() == value_kind::array || e.kind() == value_kind::json_array;
        if (!nested)
        {
            out.push_back(e);
        }
        else if (!append_flat(out, e))
        {
            return false;
        }
    }
    return !failed_;
}

std::optional<std::span<const value>> machine::elements_of(const value& v)
{
    flat_.clear();
    if (is_array(v))
    {
        if (!append_flat(flat_, v))
        {
            return std::nullopt;
        }
    }
    else if (!v.is_nil())
    {
        flat_.push_back(v);
    }
    const auto kept = make_array(flat_.size());
    if (failed_)
    {
        return std::nullopt;
    }
    std::copy(flat_.begin(), flat_.end(), kept.begin());
    return kept;
}

} // namespace hikyaku::tmpl
