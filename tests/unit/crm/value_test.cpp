#include <hikyaku/crm/contact.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/crm/value.h>
#include <hikyaku/segment/condition.h>

#include <gtest/gtest.h>

#include <random>

namespace hikyaku::crm
{
namespace
{

using namespace std::chrono_literals;

field make_field(field_type type)
{
    field f;
    f.id = 7;
    f.name = "f";
    f.label = "F";
    f.type = type;
    if (type == field_type::select || type == field_type::multi_select)
    {
        f.options = {"東京都", "大阪府"};
    }
    return f;
}

struct value_row
{
    field_type type;
    std::string input;
    /// As format_value writes it; "!" means refused.
    std::string out;
};

TEST(ParseValue, Table)
{
    using t = field_type;
    const value_row table[] = {
        {t::text, "", ""},
        {t::text, " a ", " a "},
        {t::text, "a\r\nb\tc", "a\nb\tc"},
        {t::text, "a\rb", "!"},
        {t::text, std::string("a\0b", 3), "!"},
        {t::text, "a\x1B[0m", "!"},
        {t::text, "\xFF", "!"},
        {t::text, "\xED\xA0\x80", "!"},
        {t::text, "髙﨑😀", "髙﨑😀"},
        {t::integer, " +12 ", "12"},
        {t::integer, "-9223372036854775808", "-9223372036854775808"},
        {t::integer, "9223372036854775808", "!"},
        {t::integer, "1.0", "!"},
        {t::integer, "+-1", "!"},
        {t::integer, "0x10", "!"},
        {t::decimal, "12.50", "12.5"},
        {t::decimal, "1E+10", "!"},
        {t::decimal, "1234567890123456789", "!"},
        {t::date, "2026-11-24", "2026-11-24"},
        {t::date, "2026/1/4", "2026-01-04"},
        {t::date, "2024-02-29", "2024-02-29"},
        {t::date, "2026-02-29", "!"},
        {t::date, "2026-1-4", "!"},
        {t::date, "0000-01-01", "!"},
        {t::date, "2026-11-24T00:00:00Z", "!"},
        {t::datetime, "2026-11-24T00:00:00Z", "2026-11-24T09:00:00.000+09:00"},
        {t::datetime, "2026-11-24 09:00", "2026-11-24T09:00:00.000+09:00"},
        {t::datetime, "2026/11/24 9:00:30", "2026-11-24T09:00:30.000+09:00"},
        {t::datetime, "2026-11-24", "!"},
        {t::datetime, "2026-11-24 25:00", "!"},
        {t::boolean, "はい", "true"},
        {t::boolean, "0", "false"},
        {t::boolean, "2", "!"},
        {t::email, " Taro@Example.jp ", "Taro@Example.jp"},
        {t::email, "a..b@docomo.ne.jp", "a..b@docomo.ne.jp"},
        {t::email, "a..b@example.jp", "!"},
        {t::email, "a@例え.jp", "a@例え.jp"},
        {t::email, "a@example.jp\r\nBcc: b@example.jp", "!"},
        {t::select, "東京都", "東京都"},
        {t::select, "京都府", "!"},
        {t::multi_select, "大阪府; 東京都,大阪府", "大阪府\n東京都"},
        {t::multi_select, "京都府", "!"},
        {t::tags, "a, b\nc;;a", "a\nb\nc"},
        {t::tags, " , ;", ""},
        {t::tags, std::string("a\0b", 3), "!"},
        {t::text, std::string(value_bytes_max, 'x'), std::string(value_bytes_max, 'x')},
        {t::text, std::string(value_bytes_max + 1, 'x'), "!"},
    };
    for (const value_row& row : table)
    {
        const field f = make_field(row.type);
        const auto parsed = parse_value(f, std::string_view(row.input));
        if (row.out == "!")
        {
            EXPECT_TRUE(parsed.has_error()) << row.input;
            continue;
        }
        ASSERT_TRUE(parsed.has_value()) << row.input << ": " << parsed.error().text;
        EXPECT_EQ(format_value(*parsed), row.out) << row.input;
        EXPECT_EQ(is_none(*parsed), row.out.empty());
        const auto again = parse_value(f, std::string_view(row.out));
        ASSERT_TRUE(again.has_value()) << row.out;
        EXPECT_TRUE(equal(*again, *parsed)) << row.out;
    }
}

TEST(ParseValue, Json)
{
    struct json_row
    {
        field_type type;
        const char* input;
        const char* out;
    };
    using t = field_type;
    const json_row table[] = {
        {t::text, "null", "null"},
        {t::text, R"("a")", R"("a")"},
        {t::text, "1", "!"},
        {t::text, R"(["a"])", "!"},
        {t::text, "{}", "!"},
        {t::integer, "12", "12"},
        {t::integer, "1.5", "!"},
        {t::integer, "18446744073709551615", "!"},
        {t::integer, R"("12")", "12"},
        {t::decimal, "12.5", R"("12.5")"},
        {t::decimal, "1e300", "!"},
        {t::decimal, R"("0.10")", R"("0.1")"},
        {t::boolean, "true", "true"},
        {t::boolean, "1", "!"},
        {t::tags, R"(["a,b","c"])", R"(["a,b","c"])"},
        {t::tags, R"([1])", "!"},
        {t::tags, R"([])", "null"},
        {t::date, R"("2026-11-24")", R"("2026-11-24")"},
    };
    for (const json_row& row : table)
    {
        const auto parsed = parse_value(make_field(row.type), *parse_json(row.input));
        if (std::string_view(row.out) == "!")
        {
            EXPECT_TRUE(parsed.has_error()) << row.input;
            continue;
        }
        ASSERT_TRUE(parsed.has_value()) << row.input;
        EXPECT_EQ(to_json_text(to_json(*parsed)), row.out) << row.input;
    }
}

TEST(ParseValue, ObjectsNameTheFieldAtFault)
{
    const schema s(1, default_fields());
    EXPECT_EQ(parse_values(s, parse_json(R"({"nope":1})")->as_object()).error().field, "nope");
    EXPECT_EQ(parse_values(s, parse_json(R"({"email":"x"})")->as_object()).error().field, "email");
    EXPECT_TRUE(parse_values(s, parse_json(R"({"name":"a","氏名":"b"})")->as_object()).has_error());
    const auto fine = parse_values(s, parse_json(R"({"フリガナ":"ヤ","name":null})")->as_object());
    ASSERT_TRUE(fine.has_value());
    EXPECT_EQ(fine->front().first, name_field);
    EXPECT_TRUE(is_none(fine->front().second));
}

TEST(KeyBytes, AreEqualWhenValuesAre)
{
    const auto key = [](field_type type, std::string_view text)
    {
        const field f = make_field(type);
        return key_bytes(f, *parse_value(f, text));
    };
    EXPECT_EQ(key(field_type::email, "TARO@例え.jp"),
              key(field_type::email, "taro@xn--r8jz45g.jp"));
    EXPECT_EQ(key(field_type::decimal, "1.50"), key(field_type::decimal, "1.5"));
    EXPECT_EQ(key(field_type::datetime, "2026-11-24 09:00"),
              key(field_type::datetime, "2026-11-24T00:00:00Z"));
    EXPECT_NE(key(field_type::text, "a"), key(field_type::text, "A"));
    EXPECT_EQ(key(field_type::text, ""), "");
}

contact make_contact()
{
    contact c;
    c.number = ordinal{3};
    c.revision = 300;
    c.created = from_unix_ms(1);
    c.updated = from_unix_ms(3);
    c.fields = {{1, std::string("a@b.jp")},
                {2, std::int64_t{-2}},
                {5, decimal{1250, 2}},
                {6, true},
                {7, false},
                {8, std::chrono::sys_days{std::chrono::days{2}}},
                {9, from_unix_ms(4)},
                {300, std::vector<std::string>{"x", "yz"}}};
    return c;
}

TEST(ContactRow, GoldenBytesAndDamage)
{
    const contact c = make_contact();
    const std::string golden("\x01\xAC\x02\x02\x04\x08"
                             "\x01\x01\x06"
                             "a@b.jp"
                             "\x01\x02\x03"
                             "\x03\x03\x02\xC4\x13"
                             "\x01\x05\x01\x04\x01\x06\x04\x01\x07\x08"
                             "\xA3\x02\x08\x06\x02\x01x\x02yz",
                             43);
    EXPECT_EQ(encode_contact(c), golden);
    EXPECT_EQ(decode_contact(c.number, golden), c);
    EXPECT_EQ(contact_key(ordinal{258}), std::string("c\0\0\x01\x02", 5));
    EXPECT_EQ(address_prefix("a@b.jp"), std::string("ea@b.jp\0", 8));
    for (std::size_t n = 0; n < golden.size(); ++n)
    {
        EXPECT_FALSE(decode_contact(c.number, golden.substr(0, n)).has_value()) << n;
    }
    EXPECT_FALSE(decode_contact(c.number, golden + "x").has_value());
    std::string other = golden;
    other[0] = 2;
    EXPECT_FALSE(decode_contact(c.number, other).has_value());
}

TEST(ContactRow, DamagedBytesNeverReadPastTheRow)
{
    const std::string golden = encode_contact(make_contact());
    std::mt19937 random(7);
    contact_row_view view;
    for (int i = 0; i < 20'000; ++i)
    {
        std::string bytes = golden;
        for (unsigned n = 1 + random() % 3; n > 0; --n)
        {
            bytes[random() % bytes.size()] = static_cast<char>(random());
        }
        const auto back = decode_contact(ordinal{3}, bytes);
        ASSERT_EQ(back.has_value(), view.load(bytes));
        if (back)
        {
            static_cast<void>(encode_contact(*back));
        }
    }
}

TEST(ContactRow, ConditionsReadItInPlace)
{
    std::vector<field> fields = default_fields();
    field points = make_field(field_type::integer);
    points.id = 20;
    points.name = "points";
    field tags = make_field(field_type::tags);
    tags.id = 30;
    tags.name = "tags";
    tags.label = "タグ";
    fields.push_back(points);
    fields.push_back(tags);
    const schema s(1, fields);
    contact c = make_contact();
    c.fields = {{email_field, std::string("a@b.jp")},
                {20, std::int64_t{5}},
                {30, std::vector<std::string>{"vip"}}};
    const std::string row = encode_contact(c);
    contact_row_view view;
    ASSERT_TRUE(view.load(row));
    const auto matches = [&](const char* text)
    {
        const auto compiled = segment::compile(*parse_json(text), s.finder());
        return segment::matches(*compiled, view, from_unix_ms(0), 540);
    };
    EXPECT_TRUE(matches(R"({"field":"points","op":"gte","value":5})"));
    EXPECT_FALSE(matches(R"({"field":"points","op":"gt","value":5})"));
    EXPECT_TRUE(matches(R"({"field":"タグ","op":"has_any","value":["vip"]})"));
    EXPECT_TRUE(matches(R"({"field":"氏名","op":"empty"})"));
    std::vector<segment::cell> cells;
    const std::vector<std::uint16_t> wanted{1, 2, 20};
    ASSERT_TRUE(decode_fields(view, row, wanted, cells));
    EXPECT_EQ(std::get<std::string_view>(cells[0]), "a@b.jp");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cells[1]));
    EXPECT_EQ(std::get<std::int64_t>(cells[2]), 5);
    EXPECT_FALSE(decode_fields(view, "\x07", wanted, cells));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(cells[0]));
}

} // namespace
} // namespace hikyaku::crm
