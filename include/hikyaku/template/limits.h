#pragma once

#include <cstddef>
#include <cstdint>

namespace hikyaku::tmpl
{

/// What compile() refuses. Exceeding one is an error that names it.
struct compile_limits
{
    /// Bytes of template source.
    std::size_t source_bytes_max = 1u << 20;
    /// Open blocks (if, unless, case, for) inside one another.
    std::size_t block_depth_max = 64;
    /// Expressions inside one another: brackets and ranges.
    std::size_t expression_depth_max = 32;
    /// Values, look-ups and conditions in one program.
    std::size_t expressions_max = 100'000;
    /// Filters applied to one value.
    std::size_t filters_per_value_max = 64;
    /// Values after one filter's colon, or after one `when`.
    std::size_t arguments_max = 256;
};

/// What one rendering may use. Exceeding one ends it with an error that names the limit.
struct render_limits
{
    /// Loop rounds, all loops of the program together; also elements of an array made by a filter.
    std::uint64_t loop_iterations_max = 100'000;
    /// Bytes appended to the output.
    std::size_t output_bytes_max = 4u << 20;
    /// Bytes of strings and arrays made by filters.
    std::size_t scratch_bytes_max = 64u << 20;
    /// Bytes looked at by filters and comparisons: bounds the time of a rendering.
    std::uint64_t work_bytes_max = 512u << 20;
};

} // namespace hikyaku::tmpl
