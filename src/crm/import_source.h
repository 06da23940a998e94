#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <hikyaku/crm/csv.h>

#include "files.h"

namespace hikyaku::crm
{

/// A record of the upload that waits for its batch.
struct import_row
{
    /// From 1 after the header.
    std::uint64_t number = 0;
    /// The bytes as they stand in the file, without the line end.
    std::string raw;
    /// Why it could not be read.
    std::optional<csv_errc> bad;
    /// Where to go on behind it.
    csv_parser::position after;
};

/// The CSV file of an import, read once from front to back. Holds a chunk and a record.
class import_source
{
public:
    /// Opens the file and reads its header. @error io; invalid (empty, header can't be read)
    [[nodiscard]] static result<import_source, problem> open(const std::filesystem::path& file);

    [[nodiscard]] const std::vector<std::string>& header() const noexcept { return header_; }
    [[nodiscard]] const std::string& raw_header() const noexcept { return raw_header_; }
    [[nodiscard]] char delimiter() const noexcept { return delimiter_; }
    [[nodiscard]] bool has_mark() const noexcept { return has_mark_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return file_.size(); }

    /// Goes on at a border between records. @error io
    [[nodiscard]] result<void, problem> seek(const csv_parser::position& at);
    /// The next rows, at most `rows_max` and not many more bytes than `bytes_max`; none at the end.
    /// @error io
    [[nodiscard]] result<void, problem> read(std::size_t rows_max, std::size_t bytes_max,
                                             std::vector<import_row>& out);

private:
    import_source() = default;
    [[nodiscard]] result<void, problem> feed();
    [[nodiscard]] result<csv_parser::event, problem> next();

    input_file file_;
    csv_parser parser_;
    std::string chunk_;
    char delimiter_ = ',';
    bool has_mark_ = false;
    std::vector<std::string> header_;
    std::string raw_header_;
};

} // namespace hikyaku::crm
