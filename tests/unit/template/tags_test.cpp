#include "rendering.h"

namespace hikyaku::tmpl
{
namespace
{

TEST(Tags, Conditions)
{
    static constexpr row rows[] = {
        {"{% if a == 'x' %}1{% elsif a == 'y' %}2{% else %}3{% endif %}", "2", R"({"a":"y"})"},
        {"{% if a %}1{% else %}0{% endif %}", "0"},
        {"{% if a %}1{% else %}0{% endif %}", "0", R"({"a":false})"},
        {"{% if a %}1{% else %}0{% endif %}", "1", R"({"a":0})"},
        {"{% if a %}1{% else %}0{% endif %}", "1", R"({"a":""})"},
        {"{% if a %}1{% else %}0{% endif %}", "1", R"({"a":[]})"},
        {"{% unless a %}1{% else %}0{% endunless %}", "1"},
        {"{% unless a %}1{% elsif b %}2{% else %}3{% endunless %}", "2", R"({"a":1,"b":1})"},
        {"{% if false %}1{% else nonsense %}2{% endif %}", "2"},
        {"{% if false %}1{% else %}2{% else %}3{% endif %}", "2"},
        {"{% if false %}1{% else %}2{% elsif true %}3{% endif %}", "2"},
        {"{% if true and false and false or true %}x{% endif %}", ""},
        {"{% if true or false and false %}x{% endif %}", "x"},
        {"{% if false and false or true %}x{% endif %}", ""},
        {"{% if 1 == 1.0 %}x{% endif %}", "x"},
        {"{% if '1' == 1 %}x{% endif %}", ""},
        {"{% if 0 == false or 1 == true %}x{% endif %}", ""},
        {"{% if a <> 'b' %}x{% endif %}{% if a != 'b' %}y{% endif %}", "xy"},
        {"{% if nil < 1 or nil > 1 or 1 <= nil or true < 2 %}x{% endif %}", ""},
        {"{% if 'abc' < 'acb' and 2.5 >= 2 %}x{% endif %}", "x"},
        {"{% if '2' > 1 %}x{% endif %}",
         "error 1:7: these two values have no order between them (a string and a number?)"},
        {"{% if a contains 'b' %}x{% endif %}", "x", R"({"a":["a","b"]})"},
        {"{% if a contains 'b' %}x{% endif %}", "x", R"({"a":{"b":null}})"},
        {"{% if 'hel9lo' contains 9 %}x{% endif %}", "x"},
        {"{% if a contains nil or a contains false %}x{% endif %}", "", R"({"a":[null,false]})"},
        {"{% if nothing contains a %}x{% endif %}", "", R"({"a":"b"})"},
        {"{% if (1..3) contains 2 %}x{% endif %}", "x"},
        {"{% assign r = (1..3) %}{% if r == (1..3) %}x{% endif %}", "x"},
        {"{% if a == b %}x{% endif %}", "x", R"({"a":[1,[2]],"b":[1.0,[2]]})"},
        {"{% if a == b %}x{% endif %}", "x", R"({"a":{"k":1,"l":2},"b":{"l":2,"k":1}})"},
        {"{% if a == b %}x{% endif %}", "", R"({"a":{"k":null},"b":{"l":null}})"},
    };
    expect_rows(rows);
}

TEST(Tags, EmptyAndBlank)
{
    static constexpr row rows[] = {
        {"{{ blank }}{{ empty }}{{ blank.a }}{{ empty['b'] }}", "12",
         R"({"blank":{"a":1},"empty":{"b":2}})"},
        {"{% if blank == empty or empty == blank %}x{% endif %}", ""},
        {"{% if blank and empty %}x{% endif %}", "x"},
        {"{% if '' == empty and a == empty and o == empty %}x{% endif %}", "x",
         R"({"a":[],"o":{}})"},
        {"{% if nil == empty or false == empty or 'a' == empty %}x{% endif %}", ""},
        {"{% if '' == blank and '  ' == blank and nil == blank and false == blank %}x{% endif %}",
         "x"},
        {"{% if true == blank or 'a' == blank or 0 == blank %}x{% endif %}", ""},
        {"{% if blank <= 1 or 1 >= empty %}x{% endif %}", ""},
        {"{% assign x = blank %}{% if '' == x %}x{% endif %}", "x"},
        {"{{ blank | plus: 1 }}{{ empty | default: 'd' }}", "1"},
        {"{% for x in blank %}{{ x }}{% else %}none{% endfor %}", "none"},
    };
    expect_rows(rows);
}

TEST(Tags, Case)
{
    static constexpr row rows[] = {
        {"{% case t %}{% when 'a' %}1{% when 'b' %}2{% endcase %}", "2", R"({"t":"b"})"},
        {"{% case t %} \n {% when 'a' or 'b' %}2{% else %}3{% endcase %}", "2", R"({"t":"b"})"},
        {"{% case t %}junk{{ t }}{% when 'a', 'b' %}2{% else %}3{% endcase %}", "3"},
        {"{% case t %}{% when 'b' %}1{% when a, 'b' %}2{% endcase %}", "122",
         R"({"t":"b","a":"b"})"},
        {"{% case t %}{% when 'x' or 'b', 'b' %}2{% endcase %}", "22", R"({"t":"b"})"},
        {"{% case t %}{% when 'x' and 'b', 'b' %}2{% endcase %}", "", R"({"t":"b"})"},
        {"{% case 'x' %}{% when 'y' %}a{% else %}b{% else %}c{% endcase %}", "bc"},
        {"{% case 'x' %}{% when 'y' %}a{% else %}b{% when 'x' %}c{% endcase %}", "bc"},
        {"{% case 'x' %}{% when 'x' %}a{% else %}b{% when 'x' %}c{% endcase %}", "ac"},
        {"{% case 'x' %}{% when 'x' %}{% else %}b{% endcase %}", ""},
        {"{% case ',' %}{% when ',' %}comma{% endcase %}", "comma"},
        {"{% case x %}{% when nil %}nil{% endcase %}", "nil"},
        {"{% case x %}{% when y %}same{% endcase %}", "same", R"({"x":["a"],"y":["a"]})"},
        {"{% for i in (1..3) %}{% case i %}{% when 2 %}{% break %}{% else %}{{ i }}{% endcase %}"
         "{% endfor %}",
         "1"},
        {"{% case 1 %}{% when %}x{% endcase %}", "error 1:21: the end of the tag is no value"},
    };
    expect_rows(rows);
}

TEST(Tags, For)
{
    static constexpr row rows[] = {
        {"{% for i in (0..3) %}{{ i }} {% endfor %}", "0 1 2 3 "},
        {"{% for t in p.t reversed %}{{ t }}{% endfor %}", "ba", R"({"p":{"t":["a","b"]}})"},
        {"{% for c in o %}{{ c[0] }}={{ c[1] }} {% endfor %}", "k=1 l=2 ",
         R"({"o":{"k":1,"l":2}})"},
        {"{% for i in a %}x{% else %}none{% endfor %}", "none", R"({"a":[]})"},
        {"{% for i in a %}x{% else %}none{% endfor %}", "none"},
        {"{% for i in (1..6) limit: 2 offset: 1 %}{{ i }}{% endfor %}", "23"},
        {"{% for i in (1..6), limit: 4, offset: 2, %}{{ i }}{% endfor %}", "3456"},
        {"{% for i in (1..6) reversed limit: 2 offset: 1 %}{{ i }}{% endfor %}", "32"},
        {"{% for i in (1..6) limit: 2 offset: 1 reversed %}{{ i }}{% endfor %}", "32"},
        {"{% for i in (1..4) limit: '2' offset: '1' %}{{ i }}{% endfor %}", "23"},
        {"{% for i in (1..4) limit: -1 %}{{ i }}{% else %}e{% endfor %}", "e"},
        {"{% for i in (1..4) limit: 'x' %}{{ i }}{% endfor %}",
         "error 1:1: limit: and offset: take an integer"},
        {"{% for i in 'ab' limit: 0 %}{{ i }}{% endfor %}", "ab"},
        {"{% for i in '' %}x{% else %}e{% endfor %}", "e"},
        {"{% for i in (3..1) %}x{% else %}e{% endfor %}", "e"},
        {"{% for i in (2.4..'4') %}{{ i }}{% endfor %}", "234"},
        {"{% for i in a limit:3 %}a{{ i }}{% endfor %}{% for i in a offset:continue %}b{{ i }}"
         "{% endfor %}",
         "a1a2a3b4b5", R"({"a":[1,2,3,4,5]})"},
        {"{% for i in (1..6) limit: 2 %}a{{ i }}{% endfor %}"
         "{% for i in (1..6) limit: 2 offset: continue %}b{{ i }}{% endfor %}"
         "{% for i in (1..6) offset: continue %}c{{ i }}{% endfor %}",
         "a1a2b3b4c5c6"},
        {"{% for i in a limit:1 %}{{ i }}{% endfor %}{% for j in a offset:continue %}{{ j }}"
         "{% endfor %}",
         "112", R"({"a":[1,2]})"},
        {"{% for i in (1..6) limit: 4 %}{% if i == 3 %}{% break %}{% endif %}a{{ i }}{% endfor %}"
         "{% for i in (1..6) offset: continue %}b{{ i }}{% endfor %}",
         "a1a2b5b6"},
        {"{% for i in (1..2) %}{% assign x = i %}{% endfor %}{{ x }}{{ i }}{{ forloop.length }}",
         "2"},
        {"{% assign i = 9 %}{% for i in (1..2) %}{{ i }}{% endfor %}{{ i }}", "129"},
        {"{% for i in (1..2) %}{% assign i = 7 %}{{ i }}{% endfor %}{{ i }}", "127"},
        {"{% for i in (1..3) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"},
        {"a{% break %}b", "a"},
        {"{% for i in (1..2) %}{% for j in e %}{% else %}{% break %}{% endfor %}{{ i }}{% endfor "
         "%}",
         ""},
    };
    expect_rows(rows);
}

TEST(Tags, ForloopObject)
{
    static constexpr row rows[] = {
        {"{% for i in (1..3) %}{{ forloop.index }}{{ forloop.index0 }}{{ forloop.rindex }}"
         "{{ forloop.rindex0 }}{{ forloop.first }}{{ forloop.last }}{{ forloop.length }} "
         "{% endfor %}",
         "1032truefalse3 2121falsefalse3 3210falsetrue3 "},
        {"{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}"
         "{{ forloop.index }} {% endfor %}{{ forloop.parentloop.index }}{% endfor %}",
         "11 12 21 22 "},
        {"{% for i in (1..3) limit:1 %}{{ forloop.name }}{% endfor %}", "i-(1..3)"},
        {"{% for i in p.t limit:1 %}{{ forloop.name }}{{ forloop.x }}{% endfor %}", "i-p.t",
         R"({"p":{"t":[1]}})"},
        {"{% for i in (1..3) offset:1 %}{{ forloop.first }}{{ forloop.length }}{% endfor %}",
         "true2false2"},
        {"{{ forloop.index }}", "7", R"({"forloop":{"index":7}})"},
    };
    expect_rows(rows);
}

TEST(Tags, RawCommentAssign)
{
    static constexpr row rows[] = {
        {"{% raw %}{{ a }}{% if %}{% endraw %}", "{{ a }}{% if %}"},
        {"{% raw %} %} {% }} {{ {% endraw %}", " %} {% }} {{ "},
        {"> {%- raw -%} inner {%- endraw -%} <", "> inner <"},
        {"a{% comment %}{% if %}{{ x }}{% unknown %}{% endcomment %}b", "ab"},
        {"{% comment %}{% comment %}{% endcomment %}{% endcomment %}b", "b"},
        {"{% comment %}{% raw %}{% endcomment %}{% endraw %}{% endcomment %}b", "b"},
        {"\n{%- comment %}foo{% endcomment -%}\t \r", ""},
        {"{{ a }}{% assign a = 'x' | upcase %}{{ a }}", "bX", R"({"a":"b"})"},
        {"{% assign a = nil %}{{ a }}", "", R"({"a":"b"})"},
        {"{% assign some-thing = (1..3) %}{{ some-thing | join: '#' }}{{ some-thing }}",
         "1#2#31..3"},
        {"{% assign 123 = 'x' %}{{ 123 }}", "123"},
        {"{% for i in (1..2) %}{{ x }}{% assign x = i %}{% endfor %}", "s1", R"({"x":"s"})"},
    };
    expect_rows(rows);
}

TEST(Tags, WhitespaceControl)
{
    static constexpr row rows[] = {
        {" a {{- 1 -}} b ", " a1b "},
        {" a {%- if true -%} b {%- endif -%} c ", " abc "},
        {"\n{% if a -%}\nHi,  {{ a -}} !\n {%- endif -%}", "\nHi,  x!", R"({"a":"x"})"},
        {"!{% if true %}\n{% assign b = 1 %}\n{% if true %} {% comment %}c{% endcomment %} "
         "{% endif %}\n{% endif %}!",
         "!!"},
        {"!{% if true %} {{ '' }} {% endif %}!", "!  !"},
        {"!{% if true %} {% if false %}x{% endif %} {% endif %}!", "!  !"},
        {"!{% case 1 %} {% when 1 %} {% when 2 %} {{ '' }}{% endcase %}!", "! !"},
        {"!{% for i in (1..3) %}  {% endfor %}!", "!!"},
        {"!{% for i in (1..2) %} {% raw %}{% endraw %} {% endfor %}!", "!!"},
        {"{{-1-}}{{- -}}{%- assign x = 1 -%}", "1"},
        {"{{ 1 -}} \t\r\n", "1"},
    };
    expect_rows(rows);
}

TEST(Tags, Variables)
{
    static constexpr row rows[] = {
        {"{{ 氏名 }}様 {{ ['氏 名'] }} {{ 顧客.住所① }} {{　会員番号　}}", "山田様 山 田 東京 7",
         R"({"氏名":"山田","氏 名":"山 田","顧客":{"住所①":"東京"},"会員番号":7})"},
        {"{{ [key] }}{{ [o.k] }}{% assign x = 'v' %}{{ ['x'] }}{{ [n] }}", "1221vv",
         R"({"key":"a","o":{"k":"b"},"a":1,"b":221,"n":"x"})"},
        {"{{ a[0] }}{{ a[-1] }}{{ a[9] }}{{ a[-9] }}{{ a['0'] }}{{ a[1.0] }}{{ a.first }}{{ a.last "
         "}}",
         "1313", R"({"a":[1,2,3]})"},
        {"{{ a.size }}{{ s.size }}{{ o.size }}{{ n.size }}{{ (1..4).size }}",
         "error 1:58: unexpected \".\"", R"({"a":[1,2,3]})"},
        {"{{ a.size }}{{ s.size }}{{ o.size }}{{ n.size }}{{ p.size }}", "324own",
         R"({"a":[1,2,3],"s":"日本","o":{"a":1,"b":2,"c":3,"d":4},"p":{"size":"own"}})"},
        {"{{ s.first }}{{ s.last }}{{ s[0] }}", "日本", R"({"s":"日本"})"},
        {"{{ o.first[0] }}{{ o.first[1] }}{{ o.last }}", "k1", R"({"o":{"k":1,"l":2}})"},
        {"{{ o.a.b.c }}{{ o['a']['b'] }}{{ o[k] }}", "5", R"({"o":{"a":{"b":5}},"k":"x"})"},
        {"{{ a[b[0]].c }}", "z", R"({"a":{"k":{"c":"z"}},"b":["k"]})"},
        {"{{ a? }}{{ _b-c }}", "12", R"({"a?":1,"_b-c":2})"},
        {"{{ 5.0 }} {{ 5 }} {{ -1.50 }} {{ 1e3 }}", "error 1:35: unexpected \"e3\""},
        {"{{ t }} {{ f }} {{ n }} {{ a }} {{ o }}", "true false  1b2 {\"a\"=>[1, nil, \"q\"]}",
         R"({"t":true,"f":false,"n":null,"a":[1,["b",2]],"o":{"a":[1,null,"q"]}})"},
        {"{{ a }} {{ b }} {{ c }} {{ d }} {{ e }}", "1.5 1.0e+20 1.0e-05 0.0001 100.0",
         R"({"a":1.5,"b":1e20,"c":0.00001,"d":0.0001,"e":1e2})"},
        {"{{ }}", ""},
    };
    expect_rows(rows);
}

} // namespace
} // namespace hikyaku::tmpl
