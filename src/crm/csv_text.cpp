#include <hikyaku/crm/csv.h>

namespace hikyaku::crm
{

std::string_view to_string(csv_errc e) noexcept
{
    switch (e)
    {
    case csv_errc::bad_quote:
        return "bad_quote";
    case csv_errc::unclosed_quote:
        return "unclosed_quote";
    case csv_errc::wrong_column_count:
        return "wrong_column_count";
    case csv_errc::nul_byte:
        return "nul_byte";
    case csv_errc::invalid_utf8:
        return "invalid_utf8";
    case csv_errc::field_too_long:
        return "field_too_long";
    case csv_errc::record_too_long:
        return "record_too_long";
    case csv_errc::too_many_columns:
        return "too_many_columns";
    }
    return "";
}

std::string_view explain(csv_errc e) noexcept
{
    switch (e)
    {
    case csv_errc::bad_quote:
        return "A quote stands inside an unquoted field, or text follows a closing quote.";
    case csv_errc::unclosed_quote:
        return "A quoted field does not end.";
    case csv_errc::wrong_column_count:
        return "The row has more or fewer columns than the header.";
    case csv_errc::nul_byte:
        return "The row holds a NUL byte.";
    case csv_errc::invalid_utf8:
        return "The row is not UTF-8.";
    case csv_errc::field_too_long:
        return "A field is longer than 1 MiB.";
    case csv_errc::record_too_long:
        return "The row is longer than 4 MiB.";
    case csv_errc::too_many_columns:
        return "The row has more than 1,000 columns.";
    }
    return "";
}

void append_csv_field(std::string& out, std::string_view field, char delimiter)
{
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    const char special[] = {delimiter, '"', '\r', '\n'};
    const bool bare =
        field.find_first_of(std::string_view(special, sizeof special)) == std::string_view::npos &&
        (field.empty() || (!is_blank(field.front()) && !is_blank(field.back())));
    if (bare)
    {
        out += field;
        return;
    }
    out.push_back('"');
    for (const char c : field)
    {
        out.append(c == '"' ? 2 : 1, c);
    }
    out.push_back('"');
}

} // namespace hikyaku::crm
