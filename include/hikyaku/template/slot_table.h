#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hikyaku::tmpl
{

/// Numbers the root names (field names, Japanese labels) that the programs of one campaign read:
/// subject, text and HTML share one table, so a recipient's values are looked up once.
/// Slots are dense from 0 and never change. Written by compile() only; not thread-safe then,
/// freely shared afterwards.
class slot_table
{
public:
    /// The slot of `root_name`, made if it is new.
    std::uint32_t obtain(std::string_view root_name);
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view root_name) const;
    /// names()[slot] is the slot's name. Valid until the next obtain().
    [[nodiscard]] std::span<const std::string> names() const noexcept { return names_; }

private:
    struct hash
    {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept
        {
            return std::hash<std::string_view>{}(s);
        }
    };
    std::vector<std::string> names_;
    std::unordered_map<std::string, std::uint32_t, hash, std::equal_to<>> slots_;
};

} // namespace hikyaku::tmpl
