#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <hikyaku/base/json.h>
#include <hikyaku/crm/csv.h>
#include <hikyaku/crm/problem.h>

namespace hikyaku::crm
{

/// A line of a report.
struct csv_remark
{
    std::uint64_t line = 0;
    /// Stable: for an error to_string(csv_errc), for a warning replacement_character, mojibake,
    /// exponent_number, lost_leading_zero, not_utf8, empty_header, duplicate_header.
    std::string code;
    std::string text;
};

/// What `hikyaku csv FILE` tells of a file.
struct csv_report
{
    static constexpr std::size_t rows_max = 10;
    static constexpr std::size_t remarks_max = 100;

    /// utf-8, utf-8-bom, cp932, euc-jp, iso-2022-jp, or unknown.
    std::string encoding;
    char delimiter = ',';
    std::vector<std::string> columns;
    /// The first rows after the header, as UTF-8.
    std::vector<std::vector<std::string>> rows;
    /// Records after the header, bad ones included.
    std::uint64_t row_count = 0;
    /// At most remarks_max each; the counts are exact.
    std::vector<csv_remark> warnings;
    std::vector<csv_remark> errors;
    std::uint64_t warning_count = 0;
    std::uint64_t error_count = 0;
};

/// Reads the whole file in chunks; memory is bounded. @error io
[[nodiscard]] result<csv_report, problem> report_csv(const std::filesystem::path& file);
[[nodiscard]] json::object to_json(const csv_report& r);

/// The delimiter of a text that begins with a header: the one of ',' ';' TAB that is found most
/// often outside quotes in the first record; ',' when none is.
[[nodiscard]] char detect_delimiter(std::string_view head) noexcept;

} // namespace hikyaku::crm
