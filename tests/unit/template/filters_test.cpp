#include "rendering.h"

namespace hikyaku::tmpl
{
namespace
{

TEST(Filters, Text)
{
    static constexpr row rows[] = {
        {"{{ 'aÉß' | upcase }}{{ 'AÉ' | downcase }}{{ 'hELLO wORLD' | capitalize }}",
         "AÉSSaéHello world"},
        {"{{ 5 | upcase }}{{ nil | upcase }}{{ 'ábC' | capitalize }}", "5Ábc"},
        {"{{ 'a' | append: 1 | prepend: 'b' }}", "ba1"},
        {"[{{ ' \t\na ' | strip }}][{{ ' a ' | lstrip }}][{{ ' a ' | rstrip }}]", "[a][a ][ a]"},
        {"{{ 'Ground control to Major Tom.' | truncate: 20 }}", "Ground control to..."},
        {"{{ 'Ground control' | truncate: 10, ', and' }}", "Groun, and"},
        {"{{ 'Ground control' | truncate: 5, '' }}{{ 'abc' | truncate: 3 }}", "Grounabc"},
        {"{{ 'abcdef' | truncate: 2 }}{{ 'abc' | truncate: 0 }}", "......"},
        {"{{ '日本語の文章' | truncate: 5, '…' }}", "日本語の…"},
        {"{{ 'a' | truncate: 'x' }}", "error 1:10: invalid integer"},
        {"{{ nil | truncate: 5 }}{{ 12345678 | truncate: 5 }}", "12..."},
        {"{{ ' a  b c d' | truncatewords: 3 }}{{ 'a b' | truncatewords: 2 }}", "a b c...a b"},
        {"{{ 'a b c' | truncatewords: 0, '!' }}", "a!"},
        {"{{ 'Liquid' | slice: 2 }}{{ 'Liquid' | slice: 2, 5 }}{{ 'Liquid' | slice: -3, 2 }}",
         "qquidui"},
        {"{{ 'a' | slice: 9 }}{{ 'a' | slice: 0, -1 }}{{ a | slice: 1, 2 | join: '#' }}", "2#3",
         R"({"a":[1,2,3,4]})"},
        {"{{ 'ab' | size }}{{ a | size }}{{ nil | size }}{{ 1.5 | size }}", "2300",
         R"({"a":[1,2,3]})"},
        {"{{ a | default: 'x' }}{{ '' | default: 'x' }}{{ false | default: 'x' }}", "xxx"},
        {"{{ false | default: 'x', allow_false: true }}{{ nil | default: 'x', allow_false: true }}",
         "falsex"},
        {"{{ false | default: allow_false: true, 'x' }}{{ 0 | default: 'x' }}{{ false | default }}",
         "false0"},
        {"{{ a | default: 'x' }}{{ o | default: 'x' }}", "xx", R"({"a":[],"o":{}})"},
        {"{{ 'a\nb\r\nc' | strip_newlines }}", "abc"},
        {"{{ 'a-b-a' | replace: 'a', 'x' }}{{ 'hello' | replace: '', 'x' }}", "x-b-xxhxexlxlxox"},
        {"{{ 'aba' | replace_first: 'a', 'x' }}{{ 'aba' | replace_last: 'a', 'x' }}", "xbaabx"},
        {"{{ 'aba' | remove: 'a' }}{{ 'aba' | remove_first: 'a' }}{{ 'aba' | remove_last: 'a' }}",
         "bbaab"},
        {"{{ 'a1b' | replace: 1, 2 }}{{ nil | replace: 'a', 'b' }}{{ 'ab' | replace: 'a' }}",
         "a2bb"},
    };
    expect_rows(rows);
}

TEST(Filters, SplitAndArrays)
{
    static constexpr row rows[] = {
        {"{{ 'a,b,,' | split: ',' | join: '#' }} {{ ',a' | split: ',' | join: '#' }}", "a#b #a"},
        {"{{ ' a  b ' | split: ' ' | join: '#' }} {{ 'añ' | split: '' | join: '#' }}", "a#b a#ñ"},
        {"{{ '' | split: ',' | size }}{{ nil | split: ',' | size }}{{ 'a' | split: 'a' | size }}",
         "000"},
        {"{{ a | join }}{{ 'x' | join: '#' }}{{ (1..3) | join: ', ' }}", "1 2 3x1, 2, 3",
         R"({"a":[1,[2,3]]})"},
        {"{{ a | first }}{{ a | last }}{{ (4..6) | first }}{{ (4..6) | last }}{{ 1 | first }}",
         "1346", R"({"a":[1,2,3]})"},
        {"{{ a | sort | join: '' }}{{ b | sort | join: '' }}", "123AZab",
         R"({"a":[3,1,2],"b":["b","Z","a","A"]})"},
        {"{{ a | sort | join: '-' }}", "1-2-", R"({"a":[2,null,1]})"},
        {"{{ a | sort: 'p' | map: 'n' | join: '' }}", "bca",
         R"({"a":[{"n":"a","p":3},{"n":"b","p":1},{"n":"c","p":2}]})"},
        {"{{ a | sort }}", "error 1:8: cannot sort values of incompatible types",
         R"({"a":[1,"b"]})"},
        {"{{ a | uniq | join: '' }}{{ o | uniq: 'k' | size }}", "1232",
         R"({"a":[1,2,1.0,3,2],"o":[{"k":1},{"k":1},{"k":2}]})"},
        {"{{ a | reverse | join: '' }}", "321", R"({"a":[1,2,3]})"},
        {"{{ a | map: 'k' | join: ',' }}", "1,,2", R"({"a":[{"k":1},{},[{"k":2}]]})"},
        {"{{ a | map: 'k' }}", "error 1:8: cannot select a property of a number or an array",
         R"({"a":[1]})"},
        {"{{ a | where: 'k', 'x' | map: 'n' | join: '' }}{{ a | where: 'k' | size }}", "132",
         R"({"a":[{"n":1,"k":"x"},{"n":2},{"n":3,"k":"x"}]})"},
        {"{{ a | compact | size }}{{ a | concat: a | size }}", "26", R"({"a":[1,null,2]})"},
        {"{{ a | concat: 1 }}", "error 1:8: concat takes an array", R"({"a":[1]})"},
    };
    expect_rows(rows);
}

TEST(Filters, Numbers)
{
    static constexpr row rows[] = {
        {"{{ 10 | divided_by: 3 }} {{ 5.0 | divided_by: 2 }} {{ -7 | divided_by: 2 }}", "3 2.5 -4"},
        {"{{ 20 | divided_by: 7.0 }} {{ 10.0 | divided_by: 3 }}",
         "2.857142857142857 3.3333333333333335"},
        {"{{ 10 | divided_by: 2.0 }} {{ 0 | divided_by: 1.1 }}", "5.0 0.0"},
        {"{{ 1 | divided_by: 0 }}", "error 1:8: divided by 0"},
        {"{{ 1 | divided_by: 0.0 }}", "error 1:8: divided by 0"},
        {"{{ 1 | modulo: nil }}", "error 1:8: divided by 0"},
        {"{{ 1.0 | times: 3 }} {{ 0.1 | plus: 0.2 }} {{ 1.1 | minus: 1 }}", "3.0 0.3 0.1"},
        {"{{ 183.357 | times: 12 }} {{ 183.357 | minus: 12.2 }}", "2200.284 171.157"},
        {"{{ '3.5' | plus: '1' }} {{ 'x' | plus: 1 }} {{ nil | plus: 1 }} {{ '12px' | plus: 1 }}",
         "4.5 1 1 13"},
        {"{{ 24 | modulo: 7 }} {{ 183.357 | modulo: 12 }} {{ -1 | modulo: 3 }} {{ 1 | modulo: -3 "
         "}}",
         "3 3.357 2 -2"},
        {"{{ 1.2 | round }} {{ 2.5 | round }} {{ -2.5 | round }} {{ 183.357 | round: 2 }}",
         "1 3 -3 183.36"},
        {"{{ 5.666 | round: '1' }} {{ 5.666 | round: -2 }} {{ 15 | round: -1 }} {{ 5 | round: 2 }}",
         "5.7 0 20 5"},
        {"{{ 5.666 | round: 1.2 }} {{ 5.666 | round: nosuch }} {{ 5.0 | round: 2 }}", "5.7 6 5.0"},
        {"{{ 1.2 | ceil }} {{ -1.2 | ceil }} {{ 1.8 | floor }} {{ -1.2 | floor }} {{ '3.5' | ceil "
         "}}",
         "2 -1 1 -2 4"},
        {"{{ -1.5 | abs }} {{ -3 | abs }} {{ '-7' | abs }}", "1.5 3 7"},
        {"{{ 4 | at_least: 5 }} {{ 4 | at_most: 3.5 }} {{ 4 | at_most: 5 }}", "5 3.5 4"},
        {"{{ 9223372036854775807 | plus: 1 }}", "error 1:26: the number is out of range"},
        {"{{ 99999999999999999999 }}",
         "error 1:4: the number \"99999999999999999999\" is too large"},
        {"{{ 999999999.99 | times: 1000000 }}", "999999999990000.0"},
        {"{{ 1234567 | number }} {{ 1234567.5 | number: 2 }} {{ -1234.565 | number: 2 }}",
         "1,234,567 1,234,567.50 -1,234.57"},
        {"{{ '98765' | number }} {{ 'x' | number }} {{ nil | number }} {{ 12 | number: 1 }}",
         "98,765 x  12.0"},
        {"{{ 0.5 | number }} {{ 0 | number: 2 }} {{ 1000 | number }} {{ 999.999 | number: 0 }}",
         "0.5 0.00 1,000 1,000"},
        {"{{ 1e | number }}", "error 1:5: unexpected \"e\""},
    };
    expect_rows(rows);
}

TEST(Filters, Markup)
{
    static constexpr row rows[] = {
        {"{{ '<a href=\"x\">&\\'' | escape }}", "error 1:20: unexpected \"'\""},
        {"{{ \"<a b='x'>&\" | escape }}{{ nil | escape }}", "&lt;a b=&#39;x&#39;&gt;&amp;"},
        {"{{ '1 < 2 &amp; &#39; &x' | escape_once }}", "1 &lt; 2 &amp; &#39; &amp;x"},
        {"{{ 'a b+c/é~*' | url_encode }}", "a+b%2Bc%2F%C3%A9~%2A"},
        {"{{ 'a+b%2Bc%C3%A9%' | url_decode }}", "a b+cé%"},
        {"{{ '%FF' | url_decode }}", "error 1:12: url_decode makes bytes that are not UTF-8"},
        {"{{ 'a\r\nb\nc' | newline_to_br }}", "a<br />\nb<br />\nc"},
        {"{{ '<p>a</p><script>x</script><style>y</style><!-- z -->b < c' | strip_html }}",
         "ab < c"},
    };
    expect_rows(rows);
}

TEST(Filters, Date)
{
    static constexpr row rows[] = {
        {"{{ '2026-03-01T23:04:05Z' | date: '%Y %m %d %H %M %S %B %b %A %a %y %j %e %I %p' }}",
         "2026 03 01 23 04 05 March Mar Sunday Sun 26 060  1 11 PM"},
        {"{{ '2026-03-01T23:04:05+09:00' | date: '%z %:z %Z %s %-d %-m %% %q %^a' }}",
         "+0900 +09:00 +09:00 1772373845 1 3 % %q SUN"},
        {"{{ 'now' | date: '%Y-%m-%d %H:%M:%S %Z' }} {{ 'today' | date: '%F' }}",
         "2026-03-01 12:34:56 JST 2026-03-01"},
        {"{{ 0 | date: '%F %T %z' }} {{ '1152098955' | date: '%m/%d/%Y' }}",
         "1970-01-01 09:00:00 +0900 07/05/2006"},
        {"{{ 'March 14, 2016' | date: '%b %d, %y' }}", "Mar 14, 16"},
        {"{{ 'Fri, 14 Mar 2016 10:05 PM' | date: '%F %R' }}", "2016-03-14 22:05"},
        {"{{ '2026/3/1' | date: '%F' }} {{ '2026年3月1日' | date: '%Y/%-m/%-d' }}",
         "2026-03-01 2026/3/1"},
        {"{{ '2026-03-01 10:20:30.125 +0100' | date: '%T.%L %z' }}", "10:20:30.125 +0100"},
        {"{{ '2024-12-30' | date: '%G-W%V-%u %U %W %w' }}", "2025-W01-1 52 53 1"},
        {"{{ '2026-03-01' | date: '%10Y|%_m|%-H|%k|%l|%P|%C' }}", "0000002026| 3|0| 0|12|am|20"},
        {"{{ 'nonsense' | date: '%F' }} {{ '-5' | date: '%F' }} {{ nil | date: '%F' }}",
         "nonsense -5 "},
        {"{{ '2026-13-01' | date: '%F' }} {{ '2026-02-30' | date: '%F' }}",
         "2026-13-01 2026-02-30"},
        {"{{ 'March 14, 2016' | date: nosuch }}", "March 14, 2016"},
        {"{{ 'March 14, 2016' | date: '%s' }}", "1457881200"},
        {"{{ '2026-03-01' | date: '%Y年%-m月%-d日' }}", "2026年3月1日"},
        {"{{ 99999999999999 | date: '%F' }}", "99999999999999"},
    };
    expect_rows(rows);
}

} // namespace
} // namespace hikyaku::tmpl
