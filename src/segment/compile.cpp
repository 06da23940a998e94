#include <hikyaku/segment/condition.h>

#include <algorithm>
#include <utility>

#include "leaf_value.h"
#include "mistakes.h"
#include "nearest.h"
#include "tree.h"

namespace hikyaku::segment
{

namespace
{

constexpr std::size_t quoted_bytes_max = 64;

// At most quoted_bytes_max bytes, cut between characters.
std::string_view shortened(std::string_view name)
{
    std::size_t size = std::min(name.size(), quoted_bytes_max);
    while (size > 0 && size < name.size() &&
           (static_cast<unsigned char>(name[size]) & 0xC0U) == 0x80U)
    {
        --size;
    }
    return name.substr(0, size);
}

std::string quoted(std::string_view name)
{
    return "'" + std::string(shortened(name)) + "'";
}

std::string did_you_mean(std::string_view nearest)
{
    return nearest.empty() ? "" : "; did you mean " + quoted(nearest) + "?";
}

// RFC 6901 section 4.
std::string escaped(std::string_view key)
{
    std::string out;
    for (const char c : shortened(key))
    {
        out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    }
    return out;
}

class compiler
{
public:
    compiler(const field_finder& find, const compile_options& options)
        : find_(find), options_(options)
    {
    }

    void read(const json::value& source, const std::string& pointer, std::size_t depth);
    [[nodiscard]] mistakes& wrong() noexcept { return wrong_; }
    [[nodiscard]] tree take() { return std::move(tree_); }

private:
    void read_group(node_kind kind, const json::object& source, std::string_view key,
                    const std::string& pointer, std::size_t depth);
    void read_leaf(const json::object& source, const std::string& pointer);
    std::optional<field_ref> read_field(const json::object& source, const std::string& pointer);
    const op_row* read_operator(const json::object& source, const std::string& pointer);
    void read_value(leaf& to, const json::object& source, const std::string& pointer);
    bool refuse_later_kinds(const json::object& source, const std::string& pointer);

    const field_finder& find_;
    const compile_options& options_;
    mistakes wrong_;
    tree tree_;
    std::size_t nodes_ = 0;
    std::size_t values_left_ = values_max;
};

void compiler::read(const json::value& source, const std::string& pointer, std::size_t depth)
{
    if (++nodes_ > nodes_max)
    {
        if (nodes_ == nodes_max + 1)
        {
            wrong_.add(pointer, "too_many_nodes",
                       "a condition has at most " + std::to_string(nodes_max) + " parts");
        }
        return;
    }
    if (depth > depth_max)
    {
        wrong_.add(pointer, "too_deep",
                   "conditions are nested at most " + std::to_string(depth_max) + " deep");
        return;
    }
    if (!source.is_object())
    {
        wrong_.add(pointer, "wrong_type", "a condition is an object");
        return;
    }
    const json::object& object = source.get_object();
    constexpr std::pair<std::string_view, node_kind> groups[] = {
        {"all", node_kind::all}, {"any", node_kind::any}, {"not", node_kind::negation}};
    for (const auto& [key, kind] : groups)
    {
        if (object.contains(key))
        {
            read_group(kind, object, key, pointer, depth);
            return;
        }
    }
    read_leaf(object, pointer);
}

void compiler::read_group(node_kind kind, const json::object& source, std::string_view key,
                          const std::string& pointer, std::size_t depth)
{
    for (const auto& member : source)
    {
        if (std::string_view{member.key()} != key)
        {
            wrong_.add(pointer + "/" + escaped(member.key()), "unknown_key",
                       quoted(key) + " stands alone in its object");
        }
    }
    const std::size_t self = tree_.nodes.size();
    tree_.nodes.push_back({kind, 0, 0});
    const json::value& inside = source.at(key);
    const std::string below = pointer + "/" + std::string(key);
    if (kind == node_kind::negation)
    {
        read(inside, below, depth + 1);
    }
    else if (!inside.is_array())
    {
        wrong_.add(below, "wrong_type", quoted(key) + " takes a list of conditions");
    }
    else
    {
        for (std::size_t i = 0; i < inside.get_array().size() && nodes_ <= nodes_max; ++i)
        {
            read(inside.get_array()[i], below + "/" + std::to_string(i), depth + 1);
        }
    }
    tree_.nodes[self].end = static_cast<std::uint32_t>(tree_.nodes.size());
}

// Kinds of leaves that the language has and this compiler has no data for.
bool compiler::refuse_later_kinds(const json::object& source, const std::string& pointer)
{
    for (const std::string_view kind : {"history", "mail", "consent"})
    {
        if (source.contains(kind))
        {
            wrong_.add(pointer, "not_available",
                       "conditions on " + quoted(kind) + " are not available");
            return true;
        }
    }
    return false;
}

void compiler::read_leaf(const json::object& source, const std::string& pointer)
{
    if (refuse_later_kinds(source, pointer))
    {
        return;
    }
    for (const auto& member : source)
    {
        const std::string_view key = member.key();
        if (key != "field" && key != "op" && key != "value")
        {
            wrong_.add(pointer + "/" + escaped(key), "unknown_key",
                       quoted(key) + " is none of all, any, not, field, op, value");
        }
    }
    const auto field = read_field(source, pointer);
    const op_row* row = read_operator(source, pointer);
    if (!field || row == nullptr)
    {
        return;
    }
    if (!allows(*row, field->type))
    {
        wrong_.add(pointer + "/op", "operator_not_allowed",
                   std::string(row->name) + " is not for fields of type " +
                       std::string(to_string(field->type)));
        return;
    }
    leaf made;
    made.field = std::string_view{source.at("field").get_string()};
    made.at = *field;
    made.which = row->which;
    read_value(made, source, pointer);
    const auto self = static_cast<std::uint32_t>(tree_.nodes.size());
    tree_.nodes.push_back(
        {node_kind::leaf, self + 1, static_cast<std::uint32_t>(tree_.leaves.size())});
    tree_.leaves.push_back(std::move(made));
}

std::optional<field_ref> compiler::read_field(const json::object& source,
                                              const std::string& pointer)
{
    const json::value* name = source.if_contains("field");
    if (name == nullptr)
    {
        wrong_.add(pointer, "missing_key", "a condition needs one of all, any, not, field");
        return std::nullopt;
    }
    if (!name->is_string())
    {
        wrong_.add(pointer + "/field", "wrong_type", "the name of a field is a text");
        return std::nullopt;
    }
    const std::string_view text = name->get_string();
    auto found = text.size() <= value_bytes_max ? find_(text) : std::nullopt;
    if (!found)
    {
        wrong_.add(pointer + "/field", "unknown_field",
                   "there is no field " + quoted(text) +
                       did_you_mean(find_nearest(text, options_.field_names)));
    }
    return found;
}

const op_row* compiler::read_operator(const json::object& source, const std::string& pointer)
{
    const json::value* name = source.if_contains("op");
    if (name == nullptr)
    {
        if (source.contains("field"))
        {
            wrong_.add(pointer, "missing_key", "the key op is missing");
        }
        return nullptr;
    }
    const auto text = name->is_string() ? std::string_view{name->get_string()} : std::string_view{};
    const op_row* row = find_operator(text);
    if (row == nullptr)
    {
        std::vector<std::string> names;
        for (const op_row& known : operators())
        {
            names.emplace_back(known.name);
        }
        wrong_.add(pointer + "/op", "unknown_operator",
                   "there is no operator " + quoted(text) +
                       did_you_mean(find_nearest(text, names)));
    }
    return row;
}

void compiler::read_value(leaf& to, const json::object& source, const std::string& pointer)
{
    const json::value* value = source.if_contains("value");
    const op_row& row = row_of(to.which);
    if (row.takes == arity::none)
    {
        if (value != nullptr)
        {
            wrong_.add(pointer + "/value", "unknown_key",
                       std::string(row.name) + " takes no value");
        }
        return;
    }
    if (value == nullptr)
    {
        wrong_.add(pointer, "missing_key", std::string(row.name) + " needs a value");
        return;
    }
    leaf_value_reader(to, options_.normalize, values_left_, wrong_)
        .read(*value, pointer + "/value");
}

} // namespace

condition::condition()
    : tree_(std::make_shared<const tree>(tree{{node{node_kind::all, 1, 0}}, {}, {}}))
{
}

condition::condition(std::shared_ptr<const tree> compiled) : tree_(std::move(compiled)) {}

result<condition, std::vector<condition_error>>
compile(const json::value& source, const field_finder& find, const compile_options& options)
{
    compiler work(find, options);
    work.read(source, "", 1);
    if (!work.wrong().none())
    {
        return work.wrong().take();
    }
    tree made = work.take();
    if (options.normalize_rows)
    {
        made.normalize_rows = options.normalize;
    }
    return condition(std::make_shared<const tree>(std::move(made)));
}

} // namespace hikyaku::segment
