#include <hikyaku/http/json_body.h>

#include <algorithm>

namespace hikyaku::http
{
namespace
{

response refuse_type(std::string detail)
{
    return response::problem(
        {.status = 415, .code = "unsupported_media_type", .detail = std::move(detail)});
}

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t");
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// application/json, application/x+json; parameters: charset=utf-8 alone.
bool is_json_type(std::string_view type)
{
    const auto semicolon = std::min(type.find(';'), type.size());
    const auto essence = trim(type.substr(0, semicolon));
    const auto parameter = trim(type.substr(std::min(semicolon + 1, type.size())));
    constexpr std::string_view prefix = "application/";
    constexpr std::string_view suffix = "+json";
    const bool json = equal_ignoring_case(essence, "application/json") ||
                      (essence.size() > prefix.size() + suffix.size() &&
                       equal_ignoring_case(essence.substr(0, prefix.size()), prefix) &&
                       equal_ignoring_case(essence.substr(essence.size() - suffix.size()), suffix));
    return json && (parameter.empty() || equal_ignoring_case(parameter, "charset=utf-8") ||
                    equal_ignoring_case(parameter, "charset=\"utf-8\""));
}

/// Code points of text that is valid UTF-8.
std::size_t count_characters(std::string_view text) noexcept
{
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(),
                      [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string kind_name(const json::value& value)
{
    switch (value.kind())
    {
    case json::kind::null:
        return "null";
    case json::kind::bool_:
        return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
        return "a number";
    case json::kind::string:
        return "a string";
    case json::kind::array:
        return "an array";
    case json::kind::object:
        return "an object";
    }
    return "something else";
}

} // namespace

std::string escape_pointer(std::string_view part)
{
    std::string out;
    for (const char c : part)
    {
        if (c == '~')
        {
            out += "~0";
        }
        else if (c == '/')
        {
            out += "~1";
        }
        else
        {
            out.push_back(c);
        }
    }
    return out;
}

result<json::value, response> parse_json_body(const request& from, const json_limits& limits)
{
    const auto type = from.header("Content-Type");
    if (!type || !is_json_type(*type))
    {
        return refuse_type("The body must be application/json in UTF-8.");
    }
    auto parsed = parse_json(from.body, limits);
    if (parsed.has_error())
    {
        const auto& e = parsed.error();
        return response::problem({.status = 400,
                                  .code = "malformed_json",
                                  .title = "The body is not valid JSON",
                                  .detail = e.text + " at byte " + std::to_string(e.offset)});
    }
    return std::move(*parsed);
}

struct object_reader::node
{
    /// Null: a reader of nothing.
    const json::object* object;
    std::string pointer;
    std::vector<std::string> known;
};

struct object_reader::state
{
    std::vector<node> nodes;
    std::vector<field_error> errors;
    bool failed = false;

    void note(std::string pointer, std::string code, std::string detail)
    {
        failed = true;
        if (errors.size() < errors_max)
        {
            errors.push_back({std::move(pointer), std::move(code), std::move(detail)});
        }
    }
};

object_reader::object_reader(const json::value& value, std::string pointer)
    : object_reader(std::make_shared<state>(), &value, std::move(pointer))
{
}

object_reader::object_reader(std::shared_ptr<state> shared, const json::value* value,
                             std::string pointer)
    : state_(std::move(shared)), node_(state_->nodes.size())
{
    const json::object* object = value == nullptr ? nullptr : value->if_object();
    if (value != nullptr && object == nullptr)
    {
        state_->note(pointer, "wrong_type", "must be an object, not " + kind_name(*value));
    }
    state_->nodes.push_back({object, std::move(pointer), {}});
}

bool object_reader::has(std::string_view name) const noexcept
{
    const auto* object = state_->nodes[node_].object;
    return object != nullptr && object->if_contains(name) != nullptr;
}

bool object_reader::is_null(std::string_view name)
{
    auto& here = state_->nodes[node_];
    here.known.emplace_back(name);
    const auto* value = here.object == nullptr ? nullptr : here.object->if_contains(name);
    return value != nullptr && value->is_null();
}

/// The member unless absent or null; makes it known.
const json::value* object_reader::take(std::string_view name, bool required)
{
    auto& here = state_->nodes[node_];
    here.known.emplace_back(name);
    if (here.object == nullptr)
    {
        return nullptr;
    }
    const auto* value = here.object->if_contains(name);
    if (value != nullptr && !value->is_null())
    {
        return value;
    }
    if (required)
    {
        note(pointer_to(name), "missing", "is required");
    }
    return nullptr;
}

std::optional<std::string> object_reader::checked_string(const json::value& value,
                                                         const std::string& pointer,
                                                         std::size_t length_min,
                                                         std::size_t length_max)
{
    const auto* text = value.if_string();
    if (text == nullptr)
    {
        note(pointer, "wrong_type", "must be a string, not " + kind_name(value));
        return std::nullopt;
    }
    const std::string_view view(text->data(), text->size());
    const auto length = count_characters(view);
    if (view.find('\0') != std::string_view::npos)
    {
        note(pointer, "invalid", "must not contain U+0000");
        return std::nullopt;
    }
    if (length > length_max)
    {
        note(pointer, "too_long",
             "has " + std::to_string(length) + " characters; at most " +
                 std::to_string(length_max) + " are allowed");
        return std::nullopt;
    }
    if (length < length_min)
    {
        note(pointer, "too_short", "needs at least " + std::to_string(length_min) + " characters");
        return std::nullopt;
    }
    return std::string(view);
}

std::string object_reader::required_string(std::string_view name, std::size_t length_max,
                                           std::size_t length_min)
{
    const auto* value = take(name, true);
    if (value == nullptr)
    {
        return {};
    }
    return checked_string(*value, pointer_to(name), length_min, length_max).value_or("");
}

std::optional<std::string> object_reader::optional_string(std::string_view name,
                                                          std::size_t length_max,
                                                          std::size_t length_min)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return std::nullopt;
    }
    return checked_string(*value, pointer_to(name), length_min, length_max);
}

std::optional<std::int64_t> object_reader::checked_int(const json::value& value,
                                                       const std::string& pointer, std::int64_t min,
                                                       std::int64_t max)
{
    if (value.is_double() || !value.is_number())
    {
        note(pointer, "wrong_type", "must be an integer, not " + kind_name(value));
        return std::nullopt;
    }
    if (value.is_uint64() || value.get_int64() < min || value.get_int64() > max)
    {
        note(pointer, "out_of_range",
             "must be from " + std::to_string(min) + " to " + std::to_string(max));
        return std::nullopt;
    }
    return value.get_int64();
}

std::int64_t object_reader::required_int(std::string_view name, std::int64_t min, std::int64_t max)
{
    const auto* value = take(name, true);
    if (value == nullptr)
    {
        return 0;
    }
    return checked_int(*value, pointer_to(name), min, max).value_or(0);
}

std::optional<std::int64_t> object_reader::optional_int(std::string_view name, std::int64_t min,
                                                        std::int64_t max)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return std::nullopt;
    }
    return checked_int(*value, pointer_to(name), min, max);
}

bool object_reader::required_bool(std::string_view name)
{
    if (take(name, true) == nullptr)
    {
        return false;
    }
    return optional_bool(name).value_or(false);
}

std::optional<bool> object_reader::optional_bool(std::string_view name)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return std::nullopt;
    }
    if (!value->is_bool())
    {
        note_type(name, "true or false", *value);
        return std::nullopt;
    }
    return value->get_bool();
}

const json::array* object_reader::optional_array(std::string_view name, std::size_t items_max)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return nullptr;
    }
    const auto* array = value->if_array();
    if (array == nullptr)
    {
        note_type(name, "an array", *value);
        return nullptr;
    }
    if (array->size() > items_max)
    {
        note(pointer_to(name), "too_many",
             "has " + std::to_string(array->size()) + " items; at most " +
                 std::to_string(items_max) + " are allowed");
        return nullptr;
    }
    return array;
}

const json::array* object_reader::required_array(std::string_view name, std::size_t items_max,
                                                 std::size_t items_min)
{
    if (take(name, true) == nullptr)
    {
        return nullptr;
    }
    const auto* array = optional_array(name, items_max);
    if (array != nullptr && array->size() < items_min)
    {
        note(pointer_to(name), "too_short",
             "needs at least " + std::to_string(items_min) + " items");
        return nullptr;
    }
    return array;
}

std::vector<std::string> object_reader::strings(std::string_view name, std::size_t items_max,
                                                std::size_t length_max)
{
    std::vector<std::string> out;
    const auto* array = optional_array(name, items_max);
    const auto base = pointer_to(name);
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i)
    {
        auto text = checked_string((*array)[i], base + "/" + std::to_string(i), 0, length_max);
        if (text)
        {
            out.push_back(std::move(*text));
        }
    }
    return out;
}

std::vector<object_reader> object_reader::objects(std::string_view name, std::size_t items_max)
{
    std::vector<object_reader> out;
    const auto* array = optional_array(name, items_max);
    const auto base = pointer_to(name);
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i)
    {
        out.push_back(object_reader(state_, &(*array)[i], base + "/" + std::to_string(i)));
    }
    return out;
}

std::optional<object_reader> object_reader::optional_object(std::string_view name)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return std::nullopt;
    }
    return object_reader(state_, value, pointer_to(name));
}

object_reader object_reader::required_object(std::string_view name)
{
    const auto* value = take(name, true);
    return object_reader(state_, value, pointer_to(name));
}

const json::object* object_reader::optional_free_object(std::string_view name,
                                                        std::size_t members_max)
{
    const auto* value = take(name, false);
    if (value == nullptr)
    {
        return nullptr;
    }
    const auto* object = value->if_object();
    if (object == nullptr)
    {
        note_type(name, "an object", *value);
        return nullptr;
    }
    if (object->size() > members_max)
    {
        note(pointer_to(name), "too_many",
             "at most " + std::to_string(members_max) + " members are allowed");
        return nullptr;
    }
    return object;
}

const json::value* object_reader::optional_any(std::string_view name)
{
    return take(name, false);
}

const json::value* object_reader::required_any(std::string_view name)
{
    return take(name, true);
}

std::string object_reader::pointer_to(std::string_view name) const
{
    const auto& base = state_->nodes[node_].pointer;
    return name.empty() ? base : base + "/" + escape_pointer(name);
}

void object_reader::note(std::string pointer, std::string code, std::string detail)
{
    state_->note(std::move(pointer), std::move(code), std::move(detail));
}

void object_reader::note_type(std::string_view name, std::string_view wanted,
                              const json::value& got)
{
    note(pointer_to(name), "wrong_type",
         "must be " + std::string(wanted) + ", not " + kind_name(got));
}

void object_reader::fail(std::string_view name, std::string code, std::string detail)
{
    // "a/0" goes deeper than a member: its parts are escaped already.
    const auto& base = state_->nodes[node_].pointer;
    auto pointer = name.find('/') == std::string_view::npos ? pointer_to(name)
                                                            : base + "/" + std::string(name);
    state_->note(std::move(pointer), std::move(code), std::move(detail));
}

bool object_reader::ok() const noexcept
{
    return !state_->failed;
}

std::optional<response> object_reader::finish()
{
    for (const node& n : state_->nodes)
    {
        if (n.object == nullptr)
        {
            continue;
        }
        for (const auto& member : *n.object)
        {
            const std::string_view key(member.key().data(), member.key().size());
            if (std::find(n.known.begin(), n.known.end(), key) == n.known.end())
            {
                state_->note(n.pointer + "/" + escape_pointer(key), "unknown_field",
                             "is not a known field");
            }
        }
    }
    if (!state_->failed)
    {
        return std::nullopt;
    }
    return response::problem({.status = 422,
                              .code = "invalid_fields",
                              .title = "The request has invalid fields",
                              .errors = state_->errors});
}

} // namespace hikyaku::http
