#include "csv_cell_checks.h"

#include <hikyaku/text/case.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <array>

namespace hikyaku::crm
{
namespace
{

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool all_digits(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool holds_any(std::string_view text, std::initializer_list<std::string_view> parts)
{
    return std::any_of(parts.begin(), parts.end(), [text](std::string_view part)
                       { return text.find(part) != std::string_view::npos; });
}

/// Whether a word of ASCII letters is exactly `word`: "tel_home" has tel, "hotel" does not.
bool has_word(std::string_view text, std::string_view word)
{
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    for (std::size_t at = text.find(word); at != std::string_view::npos;
         at = text.find(word, at + 1))
    {
        const std::size_t end = at + word.size();
        if ((at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end])))
        {
            return true;
        }
    }
    return false;
}

/// "9.01E+09", as a spreadsheet shows a number of many digits.
bool is_exponent_number(std::string_view text)
{
    const std::size_t mark = text.find("E+");
    if (mark == std::string_view::npos)
    {
        return false;
    }
    std::string_view number = text.substr(0, mark);
    number.remove_prefix(number.starts_with('-') ? 1 : 0);
    const std::size_t point = std::min(number.find('.'), number.size());
    const auto fraction = number.substr(std::min(point + 1, number.size()));
    return all_digits(text.substr(mark + 2)) && all_digits(number.substr(0, point)) &&
           (point == number.size() || all_digits(fraction));
}

/// UTF-8 read as CP932 or as Windows-1252 and written again.
bool is_mojibake(std::string_view cell)
{
    // Lead bytes of kana (E3 81, E3 82, E3 83) with what CP932 makes of them.
    constexpr std::array<char32_t, 3> kana_as_cp932 = {U'縺', U'繧', U'繝'};
    constexpr int suspects_min = 2;
    int suspects = 0;
    char32_t before = 0;
    std::string_view rest = cell;
    while (!rest.empty())
    {
        const char32_t c = text::take_code_point(rest);
        suspects += std::find(kana_as_cp932.begin(), kana_as_cp932.end(), c) != kana_as_cp932.end();
        // U+00E3 then 81, 82 or 83 in Latin-1 or Windows-1252.
        const bool second = c == 0x81 || c == 0x82 || c == 0x83 || c == U'‚' || c == U'ƒ';
        suspects += before == U'ã' && second;
        before = c;
    }
    return suspects >= suspects_min;
}

bool lost_zero(std::string_view cell, column_kind kind)
{
    if (!all_digits(cell) || cell[0] == '0')
    {
        return false;
    }
    switch (kind)
    {
    case column_kind::other:
        return false;
    case column_kind::phone: // 03-1234-5678 has 10 digits, 090-1234-5678 has 11
        return cell.size() == 9 || cell.size() == 10;
    case column_kind::postal_code: // 060-0001
        return cell.size() >= 5 && cell.size() <= 6;
    }
    return false;
}

} // namespace

column_kind kind_of_column(std::string_view header)
{
    const std::string name = text::ascii_lower(header);
    if (has_word(name, "tel") || has_word(name, "fax") ||
        holds_any(name, {"phone", "電話", "携帯", "ＴＥＬ", "ＦＡＸ"}))
    {
        return column_kind::phone;
    }
    const bool postal = has_word(name, "zip") || has_word(name, "zipcode") ||
                        holds_any(name, {"postal", "postcode", "郵便", "〒"});
    return postal ? column_kind::postal_code : column_kind::other;
}

cell_fault find_cell_fault(std::string_view cell, column_kind kind)
{
    if (!text::is_ascii(cell))
    {
        if (cell.find("\xEF\xBF\xBD") != std::string_view::npos)
        {
            return {"replacement_character", "holds U+FFFD: characters were lost before this file"};
        }
        return is_mojibake(cell)
                   ? cell_fault{"mojibake", "looks like text read in a wrong encoding"}
                   : cell_fault{};
    }
    if (is_exponent_number(cell))
    {
        return {"exponent_number", "is a number that a spreadsheet has shortened: digits are lost"};
    }
    return lost_zero(cell, kind) ? cell_fault{"lost_leading_zero", "seems to lack its leading zero"}
                                 : cell_fault{};
}

} // namespace hikyaku::crm
