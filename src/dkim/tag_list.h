#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::dkim
{

/// A parsed tag=value list (RFC 6376 section 3.2). Views point into the parsed text.
class tag_list
{
public:
    /// More tags than this is no signature.
    static constexpr std::size_t tags_max = 64;

    /// @returns nullopt when the text is no tag list, or a tag occurs twice
    [[nodiscard]] static std::optional<tag_list> parse(std::string_view text);

    /// The value without surrounding white space, folding inside kept; nullopt when absent. Names
    /// are case-sensitive.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;

private:
    struct tag
    {
        std::string_view name;
        std::string_view value;
    };
    std::vector<tag> tags_;
};

/// A value without any white space (FWS is allowed anywhere in base64, and around list items).
[[nodiscard]] std::string without_white_space(std::string_view value);

/// base64 with white space anywhere; missing padding is forgiven.
[[nodiscard]] std::optional<std::string> decode_base64_value(std::string_view value);

/// A decimal number of t=, x= or l=; beyond 64 bits it saturates. nullopt when not only digits.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view value) noexcept;

/// Whether a colon-separated list names `item`, ASCII case ignored.
[[nodiscard]] bool list_names(std::string_view list, std::string_view item) noexcept;

/// The items of a colon-separated list, white space around them cut.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view list);

/// The value of tag b= taken out of a signature field's text (section 3.5), everything else kept.
/// @param text  the field, name and colon included
[[nodiscard]] std::string without_signature_value(std::string_view text);

} // namespace hikyaku::dkim
