#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "code.h"

namespace hikyaku::tmpl
{

/// What a root name means at one place of the template: the variable of an enclosing loop, an
/// assigned variable, or a slot. Decided while compiling, so that rendering hashes no name.
class name_scope
{
public:
    name_scope(program_code& code, slot_table& slots) noexcept : code_(code), slots_(slots) {}

    /// Fills kind, first and second.
    void resolve(std::string_view name, operand& o);
    /// The local that {% assign name = %} writes.
    [[nodiscard]] std::uint32_t obtain_local(std::string_view name);

    /// Enters a loop over `variable`; the state is its depth.
    std::uint32_t enter_loop(std::string_view variable);
    void leave_loop();
    [[nodiscard]] std::size_t loop_depth() const noexcept { return loop_variables_.size(); }

    /// After the whole template is known: names that are never assigned become plain slots.
    void finish();

private:
    std::uint32_t obtain_name(std::string_view name);

    program_code& code_;
    slot_table& slots_;
    std::vector<std::string> loop_variables_;
    std::unordered_map<std::string, std::uint32_t> known_;
    std::vector<bool> assigned_;
};

} // namespace hikyaku::tmpl
