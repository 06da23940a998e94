#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::cli
{

/// Columns a text takes on a terminal: 2 for East Asian wide characters, 0 for combining marks.
/// @pre UTF-8 without control characters
[[nodiscard]] std::size_t display_width(std::string_view text) noexcept;

/// Rows with aligned columns, two spaces between them. The last column is not padded.
class text_table
{
public:
    /// Without a header: pairs of name and value.
    text_table() = default;
    explicit text_table(std::vector<std::string> header) { add(std::move(header)); }

    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    void print(std::ostream& out) const;

private:
    std::vector<std::vector<std::string>> rows_;
};

} // namespace hikyaku::cli
