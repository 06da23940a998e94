#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/value.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

struct key_writer
{
    const field& f;

    std::string operator()(const std::monostate&) const { return {}; }
    std::string operator()(const std::string& v) const
    {
        if (f.type != field_type::email)
        {
            return v;
        }
        const auto parsed = mime::parse_address(v);
        return parsed.has_value() ? parsed->normalized() : std::string{};
    }
    std::string operator()(const std::vector<std::string>&) const { return {}; }
    std::string operator()(wall_time v) const { return format_value(v, 0); }
    template <class T> std::string operator()(const T& v) const { return format_value(v, 0); }
};

std::string join_lines(const std::vector<std::string>& items)
{
    std::string out;
    for (const auto& item : items)
    {
        out += out.empty() ? "" : "\n";
        out += item;
    }
    return out;
}

std::string format_date(std::chrono::sys_days day)
{
    // The date part of a time stamp: one place knows how years are written.
    return format_rfc3339(wall_time{day}, 0).substr(0, 10);
}

struct text_writer
{
    int offset_minutes;

    std::string operator()(const std::monostate&) const { return {}; }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(const decimal& v) const { return segment::format_decimal(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::chrono::sys_days v) const { return format_date(v); }
    std::string operator()(wall_time v) const { return format_rfc3339(v, offset_minutes); }
    std::string operator()(const std::vector<std::string>& v) const { return join_lines(v); }
};

} // namespace

bool equal(const value& a, const value& b) noexcept
{
    const auto* left = std::get_if<decimal>(&a);
    const auto* right = std::get_if<decimal>(&b);
    if (left != nullptr && right != nullptr)
    {
        return segment::compare(*left, *right) == 0;
    }
    if (a.index() != b.index() || left != nullptr)
    {
        return false;
    }
    return std::visit(
        [&b](const auto& v)
        {
            using type = std::decay_t<decltype(v)>;
            if constexpr (std::is_same_v<type, decimal>)
            {
                return false;
            }
            else
            {
                return v == *std::get_if<type>(&b);
            }
        },
        a);
}

std::string format_value(const value& v, int offset_minutes)
{
    return std::visit(text_writer{offset_minutes}, v);
}

json::value to_json(const value& v, int offset_minutes)
{
    if (is_none(v))
    {
        return nullptr;
    }
    if (const auto* number = std::get_if<std::int64_t>(&v))
    {
        return *number;
    }
    if (const auto* flag = std::get_if<bool>(&v))
    {
        return *flag;
    }
    if (const auto* list = std::get_if<std::vector<std::string>>(&v))
    {
        json::array out;
        for (const auto& item : *list)
        {
            out.emplace_back(item);
        }
        return out;
    }
    return json::value(format_value(v, offset_minutes));
}

std::string key_bytes(const field& f, const value& v)
{
    return std::visit(key_writer{f}, v);
}

result<values, problem> parse_values(const schema& s, const json::object& o)
{
    values out;
    out.reserve(o.size());
    for (const auto& [name, v] : o)
    {
        const field* f = s.find(std::string_view(name));
        if (f == nullptr)
        {
            return problem{errc::invalid, std::string(name), "There is no such field."};
        }
        auto parsed = parse_value(*f, v);
        if (parsed.has_error())
        {
            return parsed.error();
        }
        out.emplace_back(f->id, std::move(*parsed));
    }
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    const auto twice = std::adjacent_find(out.begin(), out.end(), [](const auto& a, const auto& b)
                                          { return a.first == b.first; });
    if (twice != out.end())
    {
        return problem{errc::invalid, s.find(twice->first)->name, "The field is given twice."};
    }
    return out;
}

} // namespace hikyaku::crm
