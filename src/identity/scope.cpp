#include <hikyaku/identity/scope.h>

#include <array>
#include <optional>

namespace hikyaku::identity
{
namespace
{

constexpr std::array<std::string_view, scope_count> scope_names = {
    "contacts:read",  "contacts:write", "schema:write", "campaigns:read",     "campaigns:write",
    "campaigns:send", "messages:send",  "domains:read", "domains:write",      "events:read",
    "webhooks:write", "access:read",    "access:write", "operation_log:read", "jobs",
};

std::optional<scope> find_scope(std::string_view name)
{
    for (std::size_t i = 0; i < scope_names.size(); ++i)
    {
        if (scope_names[i] == name)
        {
            return static_cast<scope>(i);
        }
    }
    return std::nullopt;
}

std::string known_names()
{
    std::string out;
    for (const auto name : scope_names)
    {
        out += out.empty() ? "" : ", ";
        out += name;
    }
    return out;
}

} // namespace

std::string_view to_string(scope s) noexcept
{
    return scope_names.at(static_cast<std::size_t>(s));
}

result<scope_set, problem> scope_set::parse(std::span<const std::string> names)
{
    scope_set out;
    for (const auto& name : names)
    {
        if (name == "*")
        {
            return all();
        }
        const auto found = find_scope(name);
        if (!found)
        {
            return problem{problem_kind::invalid, "scopes",
                           "there is no such scope; known are * and " + known_names()};
        }
        out.bits_ |= scope_set{*found}.bits_;
    }
    if (out.empty())
    {
        return problem{problem_kind::invalid, "scopes", "a key needs at least one scope"};
    }
    return out;
}

std::vector<std::string> scope_set::names() const
{
    std::vector<std::string> out;
    for (std::size_t i = 0; i < scope_count; ++i)
    {
        if (has(static_cast<scope>(i)))
        {
            out.emplace_back(scope_names[i]);
        }
    }
    return out;
}

} // namespace hikyaku::identity
