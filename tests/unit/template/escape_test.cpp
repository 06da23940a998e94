#include "rendering.h"

namespace hikyaku::tmpl
{
namespace
{

TEST(Escape, HtmlEscapesEveryOutputOnce)
{
    static constexpr row rows[] = {
        {"<b>{{ a }}</b>", "<b>&lt;&amp;&gt;&quot;&#39;</b>", R"({"a":"<&>\"'"})"},
        {"{{ a | escape }}", "&lt;", R"({"a":"<"})"},
        {"{% assign x = a | escape %}{{ x }}{{ x | upcase }}", "&lt;&amp;LT;", R"({"a":"<"})"},
        {"{{ a | escape_once }}", "&lt;&amp;", R"({"a":"<&amp;"})"},
        {"{{ a | newline_to_br }}", "&lt;<br />\n", R"({"a":"<\n"})"},
        {"{{ a | escape | append: a }}{{ a | append: a }}", "&lt;&lt;&lt;&lt;", R"({"a":"<"})"},
        {"{{ '<br>' }}{{ a }}", "&lt;br&gt;{&quot;k&quot;=&gt;&quot;&lt;&quot;}",
         R"({"a":{"k":"<"}})"},
        {"{{ a | join: '<' }}", "&lt;&lt;b", R"({"a":["<","b"]})"},
        {"{{ a | strip }}", "&lt;script&gt;", R"({"a":" <script> "})"},
    };
    expect_rows(rows, escape_mode::html);
}

TEST(Escape, HeaderNeverGainsALineBreak)
{
    static constexpr row rows[] = {
        {"Hi {{ a }}", "Hi x  Bcc: y", R"({"a":"x\r\nBcc: y"})"},
        {"{{ a }}", "a b c d e f", R"({"a":"a\u0000b\u0085c\u2028d\u2029e\u001bf"})"},
        {"a\r\nb\n{% if true %}\nc{% endif %}", "a  b  c"},
        {"{{ a | newline_to_br }}", "x<br /> y", R"({"a":"x\ny"})"},
        {"{{ a | url_decode }}", "x  y", R"({"a":"x%0d%0Ay"})"},
        {"{{ 'now' | date: '%n%t%Y' }}{{ a }}", "  2026<&>山\xF0\x9F\x98\x80",
         R"({"a":"<&>山😀"})"},
    };
    expect_rows(rows, escape_mode::header);
}

TEST(Escape, HeaderReplacesBrokenUtf8)
{
    slot_table slots;
    const auto p = compile("{{ a }}", escape_mode::header, slots);
    ASSERT_TRUE(p);
    const value overlong = value::string("x\xC0\x8Ay\xFF");
    std::string out;
    ASSERT_TRUE(renderer().render(*p, std::span(&overlong, 1), test_clock, out));
    EXPECT_EQ(out, "x\xEF\xBF\xBD\xEF\xBF\xBDy\xEF\xBF\xBD");
}

TEST(Escape, DataIsNeverATemplate)
{
    static constexpr row rows[] = {
        {"{{ a }}", "{{ b }}{% if %}{{{{", R"({"a":"{{ b }}{% if %}{{{{","b":"leak"})"},
        {"{{ o | append: a | append: c }}", "{{b}}", R"({"o":"{{","a":"b","c":"}}","b":"leak"})"},
        {"{% assign x = a %}{{ x }}", "{% raw %}", R"({"a":"{% raw %}"})"},
        {"{{ a }}", "${7*7} #{7*7} <%= 7*7 %>", R"({"a":"${7*7} #{7*7} <%= 7*7 %>"})"},
    };
    expect_rows(rows);
}

} // namespace
} // namespace hikyaku::tmpl
