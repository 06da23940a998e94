#include <hikyaku/base/json.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>

namespace hikyaku
{
namespace
{

using boost::json::string_view;

/// Feeds Boost's value stack, and refuses what the stock handler lets pass.
struct strict_handler
{
    static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

    json::value_stack stack;
    std::size_t string_bytes_max;
    std::string why;
    std::string key;
    std::vector<std::vector<std::string>> keys_of_open_objects;

    explicit strict_handler(std::size_t string_max) : string_bytes_max(string_max)
    {
        stack.reset();
    }

    bool refuse(std::string text, error_code& ec)
    {
        why = std::move(text);
        ec = boost::json::make_error_code(boost::json::error::exception);
        return false;
    }
    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&)
    {
        keys_of_open_objects.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t n, error_code& ec)
    {
        auto& keys = keys_of_open_objects.back();
        std::sort(keys.begin(), keys.end());
        const auto twin = std::adjacent_find(keys.begin(), keys.end());
        if (twin != keys.end())
        {
            return refuse("duplicate key \"" + twin->substr(0, 64) + "\"", ec);
        }
        keys_of_open_objects.pop_back();
        stack.push_object(n);
        return true;
    }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t n, error_code&)
    {
        stack.push_array(n);
        return true;
    }
    bool on_key_part(string_view part, std::size_t n, error_code& ec)
    {
        if (n > string_bytes_max)
        {
            return refuse("a key is too long", ec);
        }
        key.append(part.data(), part.size());
        stack.push_chars(part);
        return true;
    }
    bool on_key(string_view part, std::size_t, error_code&)
    {
        key.append(part.data(), part.size());
        keys_of_open_objects.back().push_back(std::move(key));
        key.clear();
        stack.push_key(part);
        return true;
    }
    bool on_string_part(string_view part, std::size_t n, error_code& ec)
    {
        if (n > string_bytes_max)
        {
            return refuse("a string is longer than " + std::to_string(string_bytes_max) + " bytes",
                          ec);
        }
        stack.push_chars(part);
        return true;
    }
    bool on_string(string_view part, std::size_t n, error_code& ec)
    {
        if (n > string_bytes_max)
        {
            return refuse("a string is longer than " + std::to_string(string_bytes_max) + " bytes",
                          ec);
        }
        stack.push_string(part);
        return true;
    }
    bool on_number_part(string_view, error_code&) { return true; }
    bool on_int64(std::int64_t v, string_view, error_code&)
    {
        stack.push_int64(v);
        return true;
    }
    bool on_uint64(std::uint64_t v, string_view, error_code&)
    {
        stack.push_uint64(v);
        return true;
    }
    bool on_double(double v, string_view, error_code& ec)
    {
        if (!std::isfinite(v))
        {
            return refuse("a number is out of range", ec);
        }
        stack.push_double(v);
        return true;
    }
    bool on_bool(bool v, error_code&)
    {
        stack.push_bool(v);
        return true;
    }
    bool on_null(error_code&)
    {
        stack.push_null();
        return true;
    }
    bool on_comment_part(string_view, error_code&) { return true; }
    bool on_comment(string_view, error_code&) { return true; }
};

} // namespace

result<json::value, json_error> parse_json(std::string_view text, const json_limits& limits)
{
    boost::json::parse_options options;
    options.max_depth = limits.depth_max;
    boost::json::basic_parser<strict_handler> parser(options, limits.string_bytes_max);
    error_code ec;
    const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
    auto& handler = parser.handler();
    if (!ec && parser.done() && used < text.size())
    {
        return json_error{"more text after the JSON value", used};
    }
    if (ec)
    {
        std::string why = handler.why.empty() ? ec.message() : handler.why;
        if (ec == boost::json::error::too_deep)
        {
            why = "nested deeper than " + std::to_string(limits.depth_max) + " levels";
        }
        return json_error{std::move(why), used};
    }
    return handler.stack.release();
}

std::string to_json_text(const json::value& value)
{
    return boost::json::serialize(value);
}

} // namespace hikyaku
