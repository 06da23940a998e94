#include <hikyaku/http/fields.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/http/request.h>

#include <algorithm>

namespace hikyaku::http
{
namespace
{

char to_lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

} // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y)
                                              { return to_lower(x) == to_lower(y); });
}

void header_fields::add(std::string name, std::string value)
{
    fields_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> header_fields::find(std::string_view name) const noexcept
{
    for (const auto& [field, value] : fields_)
    {
        if (equal_ignoring_case(field, name))
        {
            return value;
        }
    }
    return std::nullopt;
}

std::size_t header_fields::count(std::string_view name) const noexcept
{
    return static_cast<std::size_t>(std::count_if(
        begin(), end(), [&](const auto& field) { return equal_ignoring_case(field.first, name); }));
}

void query_parameters::add(std::string name, std::string value)
{
    parameters_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> query_parameters::find(std::string_view name) const noexcept
{
    for (const auto& [parameter, value] : parameters_)
    {
        if (parameter == name)
        {
            return value;
        }
    }
    return std::nullopt;
}

std::vector<std::string_view> query_parameters::all(std::string_view name) const
{
    std::vector<std::string_view> values;
    for (const auto& [parameter, value] : parameters_)
    {
        if (parameter == name)
        {
            values.push_back(value);
        }
    }
    return values;
}

const std::string& request::parameter(std::string_view name) const
{
    const auto at = parameters.find(name);
    HK_ASSERT(at != parameters.end());
    return at->second;
}

} // namespace hikyaku::http
