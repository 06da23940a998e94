#include <hikyaku/template/slot_table.h>

namespace hikyaku::tmpl
{

std::uint32_t slot_table::obtain(std::string_view root_name)
{
    if (const auto known = find(root_name))
    {
        return *known;
    }
    const auto slot = static_cast<std::uint32_t>(names_.size());
    names_.emplace_back(root_name);
    slots_.emplace(std::string(root_name), slot);
    return slot;
}

std::optional<std::uint32_t> slot_table::find(std::string_view root_name) const
{
    const auto at = slots_.find(root_name);
    return at == slots_.end() ? std::nullopt : std::optional(at->second);
}

} // namespace hikyaku::tmpl
