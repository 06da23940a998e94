#include "import_rejects.h"

#include <hikyaku/text/utf8.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

constexpr std::string_view line_end = "\r\n";

/// Whether the bytes are one CSV record of UTF-8.
bool is_csv(const import_row& row)
{
    if (!row.bad)
    {
        return true;
    }
    switch (*row.bad)
    {
    case csv_errc::wrong_column_count:
    case csv_errc::field_too_long:
    case csv_errc::too_many_columns:
        return true;
    case csv_errc::bad_quote:
    case csv_errc::unclosed_quote:
    case csv_errc::nul_byte:
    case csv_errc::invalid_utf8:
    case csv_errc::record_too_long:
        return false;
    }
    return false;
}

} // namespace

void import_rejects::add(const import_row& row, std::string_view reason)
{
    const char between = source_.delimiter();
    if (bytes_ == 0 && pending_.empty())
    {
        pending_ = source_.has_mark() ? "\xEF\xBB\xBFrow" : "row";
        pending_ += between;
        pending_ += "reason";
        pending_ += between;
        pending_ += source_.raw_header();
        pending_ += line_end;
    }
    pending_ += std::to_string(row.number);
    pending_ += between;
    append_csv_field(pending_, reason, between);
    pending_ += between;
    if (is_csv(row))
    {
        pending_ += row.raw;
    }
    else
    {
        std::string shown =
            text::to_valid_utf8(std::string_view(row.raw).substr(0, broken_bytes_max));
        std::replace(shown.begin(), shown.end(), '\0', ' ');
        append_csv_field(pending_, shown, between);
    }
    pending_ += line_end;
}

result<void, problem> import_rejects::flush()
{
    if (pending_.empty())
    {
        return {};
    }
    if (!open_)
    {
        auto opened = output_file::open(file_, bytes_);
        if (opened.has_error())
        {
            return opened.error();
        }
        open_ = std::move(*opened);
    }
    const auto written = open_->append(pending_);
    pending_.clear();
    bytes_ = open_->size();
    return written;
}

} // namespace hikyaku::crm
