#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>

namespace hikyaku::crm
{

/// Limits of a CSV file.
inline constexpr std::size_t csv_field_bytes_max = 1u << 20;
inline constexpr std::size_t csv_columns_max = 1'000;
/// Of one record, line breaks inside quotes included.
inline constexpr std::size_t csv_record_bytes_max = 4u << 20;

/// What is wrong with a record.
enum class csv_errc : std::uint8_t
{
    /// A quote inside an unquoted field, or text after a closing quote.
    bad_quote = 1,
    /// A quoted field has no end within csv_record_bytes_max or before the end of the file.
    unclosed_quote,
    wrong_column_count,
    nul_byte,
    invalid_utf8,
    field_too_long,
    record_too_long,
    too_many_columns,
};
[[nodiscard]] std::string_view to_string(csv_errc e) noexcept;
/// A sentence for people.
[[nodiscard]] std::string_view explain(csv_errc e) noexcept;

/// Cuts a byte stream into records (RFC 4180; also LF and CR line ends, and other delimiters).
/// A UTF-8 byte order mark at the start of the file is skipped; empty lines are no records.
///
/// Pure; holds at most one record and one chunk. feed() a chunk, then next() until need_more. A bad
/// record is reported once, and reading goes on with the line after the one it began on (or, when
/// it is complete, with the next record).
class csv_parser
{
public:
    enum class event : std::uint8_t
    {
        /// fields(), raw() and the numbers are about a new record.
        record,
        /// error() and the numbers are about a record that can't be read; raw() has its bytes
        /// as far as they go.
        bad_record,
        need_more,
        end,
    };

    /// Where to go on: a border between records.
    struct position
    {
        std::uint64_t offset = 0;
        /// 1-based line the next record begins on.
        std::uint64_t line = 1;
        /// Records (good and bad) before it, the header included.
        std::uint64_t records = 0;
    };

    explicit csv_parser(char delimiter = ',') : csv_parser(delimiter, position{}) {}
    /// Goes on in a file at `at`: feed it the bytes from there.
    csv_parser(char delimiter, position at);

    /// The number of columns a record must have; 0 takes any. As a rule the header's.
    void expect_columns(std::size_t columns) noexcept { columns_ = columns; }
    /// Whether fields must be UTF-8; on unless the caller looks at another encoding.
    void check_utf8(bool on) noexcept { check_utf8_ = on; }

    /// The next bytes; `last` when no more come. @pre next() said need_more, or nothing was fed
    void feed(std::string_view chunk, bool last);
    [[nodiscard]] event next();

    /// Unquoted; valid until the next feed() or next().
    [[nodiscard]] std::span<const std::string_view> fields() const noexcept { return fields_; }
    /// The record as it stands in the file, without its line end. Valid as fields().
    [[nodiscard]] std::string_view raw() const noexcept { return raw_; }
    [[nodiscard]] csv_errc error() const noexcept { return error_; }
    /// 1-based line the record begins on.
    [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
    /// 1-based number of the record; the header is 1.
    [[nodiscard]] std::uint64_t record_number() const noexcept { return at_.records; }
    /// The border after the record.
    [[nodiscard]] const position& border() const noexcept { return at_; }

private:
    struct cut
    {
        std::size_t first = 0;
        std::size_t last = 0;
        bool unescape = false;
    };
    enum class step : std::uint8_t
    {
        /// Between records: line ends here are empty lines.
        between,
        field_start,
        plain,
        quoted,
        after_quote,
        /// The record can't be cut: to the end of the line it began on.
        skipping,
        complete,
    };

    [[nodiscard]] bool skip_mark();
    [[nodiscard]] bool skip_blank();
    [[nodiscard]] bool scan();
    [[nodiscard]] bool start_field();
    [[nodiscard]] bool scan_plain();
    [[nodiscard]] bool scan_quoted();
    [[nodiscard]] bool scan_after_quote();
    [[nodiscard]] bool skip_line();
    [[nodiscard]] std::size_t line_end_size(std::size_t at) const noexcept;
    [[nodiscard]] bool end_record(std::size_t field_last);
    void close_field(std::size_t last);
    void fail(csv_errc e) noexcept;
    [[nodiscard]] event finish_record();
    [[nodiscard]] std::optional<csv_errc> check_record() const;
    [[nodiscard]] std::uint64_t count_lines() const noexcept;
    void build_fields();

    char delimiter_;
    std::size_t columns_ = 0;
    bool check_utf8_ = true;

    std::string buffer_;
    bool last_ = false;
    position at_;
    std::uint64_t line_ = 1;

    // The record being cut: offsets in buffer_.
    std::size_t begin_ = 0;
    std::size_t scan_ = 0;
    std::size_t field_ = 0;
    std::size_t record_end_ = 0;
    /// Bytes of a line that is too long, thrown away behind record_bytes_max.
    std::uint64_t dropped_ = 0;
    step step_ = step::between;
    bool field_escaped_ = false;
    bool record_quoted_ = false;
    bool too_many_ = false;
    std::optional<csv_errc> failed_;
    std::vector<cut> cuts_;

    std::string unescaped_;
    std::vector<std::string_view> fields_;
    std::string_view raw_;
    csv_errc error_ = csv_errc::bad_quote;
};

/// Appends a field, quoted when it must be (delimiter, quote, CR, LF, blank at an end).
void append_csv_field(std::string& out, std::string_view field, char delimiter = ',');

} // namespace hikyaku::crm
