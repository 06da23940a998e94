#include "failures.h"

#include <hikyaku/crm/csv.h>
#include <hikyaku/crm/import.h>

#include <array>

namespace hikyaku::crm
{
namespace
{

constexpr std::size_t mapping_max = csv_columns_max;
constexpr std::size_t text_bytes_max = 1'024;

struct mode_name
{
    import_mode mode;
    std::string_view name;
};
constexpr std::array<mode_name, 3> mode_names{{{import_mode::new_only, "new_only"},
                                               {import_mode::update_only, "update_only"},
                                               {import_mode::both, "both"}}};

std::string_view name_of(empty_cell e)
{
    return e == empty_cell::clear ? "clear" : "keep";
}

/// nullptr unless it is a text of fair length.
const json::string* get_text(const json::value& v)
{
    const auto* text = v.if_string();
    return text != nullptr && text->size() <= text_bytes_max ? text : nullptr;
}

bool read_mode(const json::value& v, import_options& out)
{
    const auto* text = get_text(v);
    for (const auto& known : mode_names)
    {
        if (text != nullptr && known.name == std::string_view(*text))
        {
            out.mode = known.mode;
            return true;
        }
    }
    return false;
}

bool read_empty(const json::value& v, import_options& out)
{
    const auto* text = get_text(v);
    for (const auto known : {empty_cell::clear, empty_cell::keep})
    {
        if (text != nullptr && name_of(known) == std::string_view(*text))
        {
            out.empty = known;
            return true;
        }
    }
    return false;
}

bool read_text(const json::value& v, std::string& out)
{
    const auto* text = get_text(v);
    if (text == nullptr || text->empty())
    {
        return false;
    }
    out = std::string_view(*text);
    return true;
}

bool read_mapping(const json::value& v, import_options& out)
{
    const auto* object = v.if_object();
    if (object == nullptr || object->size() > mapping_max)
    {
        return false;
    }
    for (const auto& [column, target] : *object)
    {
        const auto* text = get_text(target);
        if (text == nullptr)
        {
            return false;
        }
        out.mapping[std::string(column)] = std::string(std::string_view(*text));
    }
    return true;
}

bool read_flag(const json::value& v, bool& out)
{
    const auto* flag = v.if_bool();
    out = flag != nullptr && *flag;
    return flag != nullptr;
}

} // namespace

result<import_options, problem> parse_import_options(const json::object& o)
{
    import_options out;
    for (const auto& [name, v] : o)
    {
        if (name == "upload" && !read_text(v, out.upload_id))
        {
            return invalid("upload", "Give the id of an upload, such as \"upl_...\".");
        }
        if (name == "mode" && !read_mode(v, out))
        {
            return invalid("mode", "The mode is new_only, update_only or both.");
        }
        if (name == "key" && !read_text(v, out.key))
        {
            return invalid("key", "The key is the name or label of an update key field.");
        }
        if (name == "mapping" && !read_mapping(v, out))
        {
            return invalid("mapping", "The mapping is an object from column headers to names or "
                                      "labels of fields; \"\" leaves a column out.");
        }
        if (name == "strict" && !read_flag(v, out.strict))
        {
            return invalid("strict", "strict is true or false.");
        }
        if (name == "empty" && !read_empty(v, out))
        {
            return invalid("empty", "Empty cells clear or keep what a contact has.");
        }
        if (name != "upload" && name != "mode" && name != "key" && name != "mapping" &&
            name != "strict" && name != "empty")
        {
            return invalid(std::string(name), "There is no such option.");
        }
    }
    if (out.upload_id.empty())
    {
        return invalid("upload", "Name the upload that is to be imported.");
    }
    return out;
}

json::object to_json(const import_options& o)
{
    json::object mapping;
    for (const auto& [column, target] : o.mapping)
    {
        mapping[column] = target;
    }
    std::string_view mode;
    for (const auto& known : mode_names)
    {
        mode = known.mode == o.mode ? known.name : mode;
    }
    return {{"upload", o.upload_id},         {"mode", mode},       {"key", o.key},
            {"mapping", std::move(mapping)}, {"strict", o.strict}, {"empty", name_of(o.empty)}};
}

} // namespace hikyaku::crm
