#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hikyaku::tmpl
{

enum class piece_kind : std::uint8_t
{
    text,
    output,
    tag,
    broken_output, ///< {{ without }}
    broken_tag,    ///< {% without %}
};

struct piece
{
    piece_kind kind = piece_kind::text;
    /// Of a text: what white space control leaves; else what stands between the braces.
    std::string_view inside;
    std::size_t inside_position = 0;
    std::size_t position = 0; ///< of the first brace
    std::string_view tag_name;
};

/// Cuts a template into texts, outputs and tags, and does the trimming of {%- -%} {{- -}}.
class source_scanner
{
public:
    explicit source_scanner(std::string_view source) noexcept : source_(source) {}

    /// nullopt at the end.
    [[nodiscard]] std::optional<piece> take();

    /// After {% raw %}: everything up to {% endraw %}, which is taken too. nullopt: there is none.
    [[nodiscard]] std::optional<std::string_view> take_raw();

private:
    [[nodiscard]] piece take_text();
    [[nodiscard]] piece take_markup(bool tag);

    std::string_view source_;
    std::size_t at_ = 0;
    bool trim_next_ = false;
};

} // namespace hikyaku::tmpl
