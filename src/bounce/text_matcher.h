#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>

namespace hikyaku::bounce
{

/// Many expressions over one text. What must stand in a text for an expression to match (its atoms)
/// is looked for in one pass over the text; only expressions whose atoms were found are tried. RE2
/// inside: time is linear in hostile text. Filled, compiled, then only read: const use from several
/// threads is safe.
class text_matcher
{
public:
    /// What one expression and its automata may take.
    static constexpr std::int64_t memory_bytes_max = 256 << 10;
    /// A shorter atom finds too much.
    static constexpr int atom_bytes_min = 3;

    text_matcher();
    ~text_matcher();

    /// @returns the number of the expression: 0, 1, 2 …
    /// @error what is wrong with it
    [[nodiscard]] result<std::size_t, failure> add(std::string_view expression);
    /// After the last add().
    void compile();

    /// Numbers of the expressions that may match, ascending. @pre compiled
    void find_candidates(std::string_view text, std::vector<int>& out) const;
    [[nodiscard]] bool matches(std::size_t number, std::string_view text) const;

private:
    struct machine;
    std::unique_ptr<machine> machine_;
};

} // namespace hikyaku::bounce
