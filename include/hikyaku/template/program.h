#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <hikyaku/template/limits.h>
#include <hikyaku/template/slot_table.h>
#include <hikyaku/template/source_error.h>

namespace hikyaku::tmpl
{

/// What happens to the output of every {{ }}.
enum class escape_mode : std::uint8_t
{
    /// Nothing: text parts.
    none,
    /// & < > " ' become entities, except what `escape`, `escape_once` and `newline_to_br` made.
    html,
    /// For one header field: control characters, U+0085, U+2028 and U+2029 become a space, broken
    /// UTF-8 becomes U+FFFD; so does the template's own text. The value has no line break.
    header,
};

struct program_code;

/// A compiled template: a flat list of instructions over slots. Immutable; cheap to copy and move,
/// shared by any number of threads and renderers.
class program
{
public:
    explicit program(std::shared_ptr<const program_code> code) noexcept;

    /// The slots it may read, ascending: what a recipient's values must be fetched for.
    [[nodiscard]] std::span<const std::uint32_t> slots() const noexcept;
    [[nodiscard]] escape_mode mode() const noexcept;
    /// It holds {{ [expression] }} and may read any slot known when it was compiled.
    [[nodiscard]] bool reads_any_slot() const noexcept;
    [[nodiscard]] const program_code& code() const noexcept { return *code_; }

private:
    // Shared: a campaign's programs are rendered by many shards and replaced while they run.
    std::shared_ptr<const program_code> code_;
};

/// Compiles the Liquid subset of src/template/README.md. Nothing of `source` is kept alive.
/// Root names get slots in `slots`, also when compiling fails.
/// @error an unknown tag or filter (named), a syntax error, an exceeded limit (named)
[[nodiscard]] result<program, source_error> compile(std::string_view source, escape_mode mode,
                                                    slot_table& slots,
                                                    const compile_limits& limits = {});

} // namespace hikyaku::tmpl
