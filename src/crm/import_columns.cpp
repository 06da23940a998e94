#include "import_columns.h"

#include "failures.h"

#include <hikyaku/text/utf8.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

/// Of a header, as shown in a warning.
constexpr std::size_t shown_code_points_max = 64;

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    return first == std::string_view::npos
               ? std::string_view{}
               : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string show(std::size_t column, std::string_view name)
{
    return "Column " + std::to_string(column + 1) + " (\"" +
           std::string(text::truncate_code_points(name, shown_code_points_max)) + "\")";
}

result<void, problem> check_mapping(const import_options& o, std::span<const std::string> header)
{
    for (const auto& [column, target] : o.mapping)
    {
        const bool there = std::any_of(header.begin(), header.end(), [&](const std::string& h)
                                       { return h == column || trim(h) == column; });
        if (!there)
        {
            return invalid("mapping", "The file has no column \"" + column + "\".");
        }
    }
    return {};
}

} // namespace

result<import_columns, problem> import_columns::match(schema_ptr fields,
                                                      std::span<const std::string> header,
                                                      const import_options& o)
{
    import_columns out;
    out.schema_ = std::move(fields);
    out.empty_ = o.empty;
    const field* key = out.schema_->find(std::string_view(o.key));
    if (key == nullptr || !key->update_key)
    {
        return invalid("key", key == nullptr ? "There is no such field."
                                             : "This field is not an update key.");
    }
    out.key_ = key->id;
    const auto mapped = check_mapping(o, header);
    if (mapped.has_error())
    {
        return mapped.error();
    }
    for (std::size_t i = 0; i < header.size(); ++i)
    {
        const std::string_view name = trim(header[i]);
        auto asked = o.mapping.find(std::string_view(header[i]));
        asked = asked == o.mapping.end() ? o.mapping.find(name) : asked;
        const bool by_mapping = asked != o.mapping.end();
        if (by_mapping && asked->second.empty())
        {
            continue;
        }
        const field* f = out.schema_->find(by_mapping ? std::string_view(asked->second) : name);
        if (f == nullptr && (by_mapping || o.strict))
        {
            return invalid(by_mapping ? "mapping" : "", show(i, name) + " matches no field.");
        }
        if (f == nullptr)
        {
            out.warnings_.push_back(show(i, name) + " matches no field and is left out.");
            continue;
        }
        out.targets_.push_back({i, f});
    }
    std::sort(out.targets_.begin(), out.targets_.end(), [](const target& a, const target& b)
              { return a.to->id != b.to->id ? a.to->id < b.to->id : a.column < b.column; });
    const auto twice =
        std::adjacent_find(out.targets_.begin(), out.targets_.end(),
                           [](const auto& a, const auto& b) { return a.to == b.to; });
    if (twice != out.targets_.end())
    {
        return invalid(twice->to->name, "Two columns are for this field.");
    }
    if (std::none_of(out.targets_.begin(), out.targets_.end(),
                     [key](const target& t) { return t.to == key; }))
    {
        return invalid("key", "The file has no column for the update key.");
    }
    return out;
}

result<values, problem> import_columns::read(std::span<const std::string_view> cells) const
{
    values out;
    out.reserve(targets_.size());
    for (const target& t : targets_)
    {
        auto v = parse_value(*t.to, cells[t.column]);
        if (v.has_error())
        {
            return v.error();
        }
        if (!is_none(*v) || empty_ == empty_cell::clear)
        {
            out.emplace_back(t.to->id, std::move(*v));
        }
    }
    return out;
}

} // namespace hikyaku::crm
