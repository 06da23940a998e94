#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::shaping
{

/// One compiled regular expression over the text of a reply: without case, found anywhere in it.
///
/// RE2 inside: replies are hostile bytes, and its time is linear in them whatever the pattern
/// (no back-references, no look-around). Immutable; const use from several threads is safe.
class text_pattern
{
public:
    static constexpr std::size_t pattern_bytes_max = 1'000;
    /// What one compiled pattern and its automata may take.
    static constexpr std::int64_t memory_bytes_max = 1 << 20;

    /// @error what is wrong with the expression, and where
    [[nodiscard]] static result<text_pattern, failure> compile(std::string_view expression);

    text_pattern(text_pattern&&) noexcept;
    text_pattern& operator=(text_pattern&&) noexcept;
    ~text_pattern();

    [[nodiscard]] bool matches(std::string_view text) const noexcept;
    /// As it was given to compile().
    [[nodiscard]] const std::string& expression() const noexcept;

private:
    struct machine;
    explicit text_pattern(std::unique_ptr<machine> m) noexcept;

    std::unique_ptr<machine> machine_;
};

} // namespace hikyaku::shaping
