#include <gtest/gtest.h>

#include "table_row.h"

namespace hikyaku::segment
{
namespace
{

using namespace std::string_view_literals;
using std::chrono::sys_days;

// 2026-11-24 00:30 in Tokyo, still the 23rd in UTC.
const wall_time now = parse_rfc3339("2026-11-24T00:30:00+09:00").value();
constexpr int tokyo = 9 * 60;

constexpr std::string_view hobbies[] = {"旅行", "food", "golf"};
constexpr std::string_view tags[] = {"vip", "2026"};

sys_days day(int y, unsigned m, unsigned d)
{
    return std::chrono::year{y} / std::chrono::month{m} / std::chrono::day{d};
}

table_row full_row()
{
    table_row row;
    row.cells = {
        {0, "山田太郎"sv},
        {1, std::int64_t{42}},
        {2, decimal{1050, 2}},
        {3, day(2026, 11, 24)},
        {4, parse_rfc3339("2026-11-23T12:00:00+09:00").value()},
        {5, true},
        {6, "yamada@example.com"sv},
        {7, "東京都"sv},
        {8, std::span<const std::string_view>{hobbies}},
        {9, std::span<const std::string_view>{tags}},
    };
    return row;
}

struct match_row
{
    const char* condition;
    bool full;
    /// For a row where every value is missing.
    bool missing;
};

constexpr match_row match_rows[] = {
    {R"({"all":[]})", true, true},
    {R"({"any":[]})", false, false},
    {R"({"not":{"all":[]}})", false, false},
    {R"({"field":"name","op":"eq","value":"山田太郎"})", true, false},
    {R"({"field":"name","op":"eq","value":"山田"})", false, false},
    {R"({"field":"name","op":"ne","value":"山田太郎"})", false, true},
    {R"({"field":"name","op":"contains","value":"田太"})", true, false},
    {R"({"field":"name","op":"not_contains","value":"田太"})", false, true},
    {R"({"field":"name","op":"starts_with","value":"山"})", true, false},
    {R"({"field":"name","op":"ends_with","value":"山"})", false, false},
    {R"({"field":"name","op":"ends_with","value":"太郎"})", true, false},
    {R"({"field":"name","op":"between","value":["a","z"]})", false, false},
    {R"({"field":"name","op":"gte","value":"山"})", true, false},
    {R"({"field":"name","op":"empty"})", false, true},
    {R"({"field":"name","op":"not_empty"})", true, false},
    {R"({"field":"age","op":"eq","value":42})", true, false},
    {R"({"field":"age","op":"in","value":[7,42,1,42]})", true, false},
    {R"({"field":"age","op":"in","value":[7,41]})", false, false},
    {R"({"field":"age","op":"not_in","value":[7,41]})", true, true},
    {R"({"field":"age","op":"lt","value":42})", false, false},
    {R"({"field":"age","op":"lte","value":42})", true, false},
    {R"({"field":"age","op":"gt","value":-9223372036854775808})", true, false},
    {R"({"field":"age","op":"gte","value":43})", false, false},
    {R"({"field":"age","op":"between","value":[42,42]})", true, false},
    {R"({"field":"age","op":"between","value":[43,99]})", false, false},
    {R"({"not":{"field":"age","op":"lt","value":1}})", true, true},
    {R"({"field":"spent","op":"eq","value":"10.5"})", true, false},
    {R"({"field":"spent","op":"eq","value":10.5})", true, false},
    {R"({"field":"spent","op":"eq","value":"10.500000000000001"})", false, false},
    {R"({"field":"spent","op":"in","value":["10.50",3]})", true, false},
    {R"({"field":"spent","op":"gt","value":10})", true, false},
    {R"({"field":"spent","op":"lt","value":"-10.5"})", false, false},
    {R"({"field":"birthday","op":"eq","value":"2026-11-24"})", true, false},
    {R"({"field":"birthday","op":"eq","value":"today"})", true, false},
    {R"({"field":"birthday","op":"in","value":["2026-01-01","today"]})", true, false},
    {R"({"field":"birthday","op":"gte","value":"+1d"})", false, false},
    {R"({"field":"birthday","op":"gt","value":"-1d"})", true, false},
    {R"({"field":"birthday","op":"between","value":["-30d","today+7d"]})", true, false},
    {R"({"field":"seen","op":"eq","value":"2026-11-23"})", true, false},
    {R"({"field":"seen","op":"eq","value":"today"})", false, false},
    {R"({"field":"seen","op":"eq","value":"-1d"})", true, false},
    {R"({"field":"seen","op":"lt","value":"2026-11-23"})", false, false},
    {R"({"field":"seen","op":"lte","value":"2026-11-23"})", true, false},
    {R"({"field":"seen","op":"gt","value":"2026-11-23"})", false, false},
    {R"({"field":"seen","op":"gte","value":"2026-11-23"})", true, false},
    {R"({"field":"seen","op":"lt","value":"2026-11-23T03:00:00Z"})", false, false},
    {R"({"field":"seen","op":"eq","value":"2026-11-23T03:00:00Z"})", true, false},
    {R"({"field":"seen","op":"gte","value":"-13h"})", true, false},
    {R"({"field":"seen","op":"gte","value":"-12h"})", false, false},
    {R"({"field":"seen","op":"gte","value":"now-750min"})", true, false},
    {R"({"field":"seen","op":"lt","value":"now"})", true, false},
    {R"({"field":"member","op":"eq","value":true})", true, false},
    {R"({"field":"member","op":"eq","value":false})", false, false},
    {R"({"field":"member","op":"ne","value":true})", false, true},
    {R"({"field":"email","op":"ends_with","value":"@example.com"})", true, false},
    {R"({"field":"prefecture","op":"in","value":["大阪府","東京都"]})", true, false},
    {R"({"field":"prefecture","op":"not_in","value":["大阪府"]})", true, true},
    {R"({"field":"hobbies","op":"contains","value":"golf"})", true, false},
    {R"({"field":"hobbies","op":"contains","value":"gol"})", false, false},
    {R"({"field":"hobbies","op":"not_contains","value":"golf"})", false, true},
    {R"({"field":"hobbies","op":"has_any","value":["x","旅行"]})", true, false},
    {R"({"field":"hobbies","op":"has_all","value":["food","旅行","food"]})", true, false},
    {R"({"field":"hobbies","op":"has_all","value":["food","x"]})", false, false},
    {R"({"field":"hobbies","op":"has_none","value":["food","x"]})", false, true},
    {R"({"field":"tags","op":"has_all","value":["vip","2026","x","y"]})", false, false},
    {R"({"field":"tags","op":"empty"})", false, true},
    {R"({"any":[{"field":"age","op":"eq","value":1},{"field":"tags","op":"contains","value":"vip"}]})",
     true, false},
    {R"({"all":[{"field":"age","op":"eq","value":1},{"field":"tags","op":"contains","value":"vip"}]})",
     false, false},
    {R"({"all":[{"not":{"any":[{"field":"age","op":"eq","value":1}]}},{"field":"age","op":"not_empty"}]})",
     true, false},
};

TEST(Match, Rows)
{
    const table_row full = full_row();
    table_row blank;
    blank.cells = {{0, ""sv}, {8, std::span<const std::string_view>{}}};
    for (const match_row& row : match_rows)
    {
        const auto compiled = compile_text(row.condition);
        ASSERT_TRUE(compiled.has_value()) << row.condition << ": " << compiled.error().front().text;
        EXPECT_EQ(matches(*compiled, full, now, tokyo), row.full) << row.condition;
        EXPECT_EQ(matches(*compiled, table_row{}, now, tokyo), row.missing) << row.condition;
        EXPECT_EQ(matches(*compiled, blank, now, tokyo), row.missing) << row.condition;
    }
}

TEST(Match, TheOffsetDecidesWhichDayItIs)
{
    const table_row row = full_row();
    const auto today = compile_text(R"({"field":"birthday","op":"eq","value":"today"})").value();
    EXPECT_TRUE(matches(today, row, now, tokyo));
    EXPECT_FALSE(matches(today, row, now, 0)) << "the 23rd in UTC";
    const auto seen = compile_text(R"({"field":"seen","op":"eq","value":"today"})").value();
    EXPECT_FALSE(matches(seen, row, now, tokyo));
    EXPECT_TRUE(matches(seen, row, now, 0));
}

TEST(Match, MonthsAndYearsEndWithTheirMonth)
{
    struct
    {
        const char* today;
        const char* value;
        sys_days expected;
    } const rows[] = {
        {"2026-03-31T12:00:00Z", "-1mo", day(2026, 2, 28)},
        {"2024-02-29T12:00:00Z", "+1y", day(2025, 2, 28)},
        {"2024-02-29T12:00:00Z", "today-12mo", day(2023, 2, 28)},
        {"2026-01-15T12:00:00Z", "-1mo", day(2025, 12, 15)},
        {"2026-01-01T00:00:00Z", "-1d", day(2025, 12, 31)},
        {"2026-01-01T00:00:00Z", "+2w", day(2026, 1, 15)},
    };
    for (const auto& row : rows)
    {
        const std::string text =
            std::string(R"({"field":"birthday","op":"eq","value":")") + row.value + "\"}";
        table_row contact;
        contact.cells = {{3, row.expected}};
        EXPECT_TRUE(
            matches(compile_text(text).value(), contact, parse_rfc3339(row.today).value(), 0))
            << row.today << " " << row.value;
    }
}

TEST(Match, ACellOfAnotherTypeIsMissing)
{
    table_row row;
    row.cells = {
        {0, std::int64_t{1}}, {1, "42"sv}, {2, decimal{1, 99}}, {3, now}, {4, day(2026, 1, 1)}};
    for (const char* field : {"name", "age", "spent", "birthday", "seen", "member", "tags"})
    {
        const std::string text = std::string(R"({"field":")") + field + R"(","op":"empty"})";
        EXPECT_TRUE(matches(compile_text(text).value(), row, now, tokyo)) << field;
    }
    row.cells = {{2, std::int64_t{7}}, {3, sys_days::max()}, {4, wall_time::max()}};
    EXPECT_TRUE(matches(compile_text(R"({"all":[{"field":"spent","op":"eq","value":"7.0"},
        {"field":"birthday","op":"gt","value":"today"},{"field":"seen","op":"gt","value":"today"}]})")
                            .value(),
                        row, now, tokyo));
}

std::string lower(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
    {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    return out;
}

TEST(Match, TextsAreComparedInTheirNormalForm)
{
    compile_options options;
    options.normalize = lower;
    constexpr std::string_view upper_tags[] = {"VIP"};
    table_row row;
    row.cells = {{6, "Yamada@Example.COM"sv}, {9, std::span<const std::string_view>{upper_tags}}};
    const char* text = R"({"all":[{"field":"email","op":"contains","value":"EXAMPLE"},
        {"field":"email","op":"in","value":["yamada@EXAMPLE.com"]},
        {"field":"tags","op":"has_all","value":["vip","Vip"]}]})";
    const auto c = compile_text(text, options).value();
    EXPECT_TRUE(matches(c, row, now, tokyo));
    EXPECT_NE(canonical_json(c).find("EXAMPLE"), std::string::npos) << "stored as it was typed";
    options.normalize_rows = false;
    EXPECT_FALSE(matches(compile_text(text, options).value(), row, now, tokyo));
}

TEST(Decimal, ComparesAndPrintsExactly)
{
    EXPECT_EQ(format_decimal({INT64_MIN, 18}), "-9.223372036854775808");
    EXPECT_EQ(format_decimal({-5, 2}), "-0.05");
    EXPECT_EQ(format_decimal({1200, 2}), "12");
    EXPECT_EQ(format_decimal({0, 18}), "0");
    EXPECT_TRUE(compare({INT64_MAX, 0}, {INT64_MAX, 18}) > 0);
    EXPECT_TRUE(compare({INT64_MIN, 0}, {INT64_MAX, 18}) < 0);
    EXPECT_TRUE(compare({150, 2}, {15, 1}) == 0);
    for (const char* bad : {"", "-", ".5", "5.", "1e3", "+1", "1..2", "1.2.3", " 1", "--1", "1-",
                            "1234567890123456789", "0.1234567890123456789"})
    {
        EXPECT_FALSE(parse_decimal(bad)) << bad;
    }
    EXPECT_EQ(format_decimal(parse_decimal("-007.500").value()), "-7.5");
}

} // namespace
} // namespace hikyaku::segment
