#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::mime
{

/// Fields kept of one block; what follows is read past.
inline constexpr std::size_t header_fields_max = 1'000;
/// Bytes kept of one block; fields that end beyond are read past.
inline constexpr std::size_t header_block_bytes_max = 1u << 20;

/// One field as received: views into the message.
struct header_field
{
    std::string_view name;
    /// Without the blanks around it; still folded, still encoded.
    std::string_view value;

    friend bool operator==(const header_field&, const header_field&) = default;
};

/// The fields of a message, of a part, or of one group of a delivery report (RFC 5322 section 2.2).
/// Views: the bytes outlive it.
class header_block
{
public:
    /// Takes the header and its empty line from the front of `bytes`. A line that is no field ends
    /// the header too, and stays: some hosts forget the empty line. Lines end with LF or CR LF.
    /// @param fields_max  how many fields are kept, at most header_fields_max
    [[nodiscard]] static header_block take(std::string_view& bytes,
                                           std::size_t fields_max = header_fields_max);

    [[nodiscard]] const std::vector<header_field>& fields() const noexcept { return fields_; }
    [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
    /// The first value of a name, which is compared without regard to case; nullopt when absent.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// The same with the folding taken out, "" when absent.
    [[nodiscard]] std::string get(std::string_view name) const;
    /// The same as UTF-8 with encoded words decoded (RFC 2047).
    [[nodiscard]] std::string get_text(std::string_view name) const;

    friend bool operator==(const header_block&, const header_block&) = default;

private:
    std::vector<header_field> fields_;
};

/// A value on one line: line ends dropped (RFC 5322 section 2.2.3), blanks around it too.
[[nodiscard]] std::string unfold(std::string_view value);

} // namespace hikyaku::mime
