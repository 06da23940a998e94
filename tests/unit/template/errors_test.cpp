#include "rendering.h"

namespace hikyaku::tmpl
{
namespace
{

TEST(Errors, NameTheConstructAndItsPlace)
{
    static constexpr row rows[] = {
        {"a\n  {% include 'x' %}", "error 2:3: unknown tag \"include\""},
        {"{% render 'x' %}", "error 1:1: unknown tag \"render\""},
        {"{% capture x %}{% endcapture %}", "error 1:1: unknown tag \"capture\""},
        {"日本{% tablerow x in y %}", "error 1:3: unknown tag \"tablerow\""},
        {"{% cycle 1 %}", "error 1:1: unknown tag \"cycle\""},
        {"{% increment x %}", "error 1:1: unknown tag \"increment\""},
        {"{% liquid echo 1 %}", "error 1:1: unknown tag \"liquid\""},
        {"{% # note %}", "error 1:1: unknown tag \"#\""},
        {"{% %}", "error 1:1: a tag without a name"},
        {"{{ a | base64_encode }}", "error 1:8: unknown filter \"base64_encode\""},
        {"{{ a |\n 日本 | raw_html }}", "error 2:2: unknown filter \"日本\""},
        {"{{ a | upcase: 1 }}", "error 1:8: filter \"upcase\" takes 0 arguments, not 1"},
        {"{{ a | slice }}", "error 1:8: filter \"slice\" takes 1 to 2 arguments, not 0"},
        {"{{ a | append: 'b', c: 1 }}", "error 1:21: unknown keyword \"c\""},
        {"{{ a | upcase: allow_false: true }}",
         "error 1:8: filter \"upcase\" takes no allow_false"},
        {"{{ a | }}", "error 1:8: expected the name of a filter but found the end of the tag"},
        {"{{ a b }}", "error 1:6: unexpected \"b\""},
        {"{{ a[0]b }}", "error 1:8: unexpected \"b\""},
        {"{{ a.0 }}", "error 1:6: expected a name after \".\" but found \"0\""},
        {"{{ a..b }}", "error 1:5: unexpected \"..\""},
        {"{{ @a }}", "error 1:4: \"@\" is no value"},
        {"{{ -a }}", "error 1:4: \"-\" is no value"},
        {"{{ 'a }}", "error 1:4: \"'\" is no value"},
        {"{{ (1..2 }}", "error 1:10: expected \")\" but found the end of the tag"},
        {"{{ a[1 }}", "error 1:8: expected \"]\" but found the end of the tag"},
        {"x {{ a", "error 1:3: \"{{\" is not closed by \"}}\""},
        {"{{ a }", "error 1:1: \"{{\" is not closed by \"}}\""},
        {"{% if a", "error 1:1: \"{%\" is not closed by \"%}\""},
        {"{% if a %}\nx", "error 1:1: tag \"if\" is never closed by \"endif\""},
        {"{% if a %}{% endfor %}",
         "error 1:11: tag \"endfor\" does not close \"if\"; use \"endif\""},
        {"{% endif %}", "error 1:1: tag \"endif\" closes nothing"},
        {"{% else %}", "error 1:1: tag \"else\" stands outside a block"},
        {"{% if a %}{% when 1 %}{% endif %}",
         "error 1:11: tag \"when\" has no place inside \"if\""},
        {"{% if a = 1 %}{% endif %}", "error 1:9: \"=\" compares nothing; use \"==\""},
        {"{% if a startswith b %}{% endif %}", "error 1:9: unknown operator \"startswith\""},
        {"{% if not a %}{% endif %}", "error 1:11: unknown operator \"a\""},
        {"{% if %}{% endif %}", "error 1:7: the end of the tag is no value"},
        {"{% if a and %}{% endif %}", "error 1:13: the end of the tag is no value"},
        {"{% assign x %}", "error 1:10: \"assign\" needs \"=\" after the name"},
        {"{% assign x? = 1 %}", "error 1:10: \"assign\" needs a variable name"},
        {"{% assign x = %}", "error 1:15: \"assign\" needs a value"},
        {"{% for x of y %}{% endfor %}", "error 1:10: \"for\" needs \"in\" after the variable"},
        {"{% for x in y cols: 2 %}{% endfor %}",
         "error 1:15: \"for\" takes limit:, offset: and reversed, nothing else"},
        {"{% raw %}{{ x }}", "error 1:1: tag \"raw\" is never closed by \"endraw\""},
        {"{% comment %}{% comment %}{% endcomment %}",
         "error 1:1: tag \"comment\" is never closed by \"endcomment\""},
        {"a\xFF", "error 1:2: the template is not UTF-8"},
        {"{% assign a.b[] = 'x' %}{{ ['a.b[]'] }}", "x"},
    };
    expect_rows(rows);
}

struct limited
{
    std::string source;
    std::string_view reason;
};

std::string compile_failure(std::string_view source, const compile_limits& limits)
{
    slot_table slots;
    const auto p = compile(source, escape_mode::none, slots, limits);
    return p ? "compiled" : to_string(p.error());
}

std::string repeated(std::string_view part, std::size_t times)
{
    std::string s;
    for (std::size_t i = 0; i < times; ++i)
    {
        s += part;
    }
    return s;
}

TEST(Limits, OfCompiling)
{
    const compile_limits limits;
    EXPECT_EQ(compile_failure(std::string(limits.source_bytes_max + 1, 'x'), limits),
              "1:1: the template has more than 1048576 bytes (limit source_bytes_max)");
    EXPECT_EQ(compile_failure(repeated("{% if a %}", 65), limits),
              "1:641: blocks nested deeper than 64 (limit block_depth_max)");
    EXPECT_EQ(compile_failure(repeated("{% if a %}", 64) + repeated("{% endif %}", 64), limits),
              "compiled");
    EXPECT_NE(compile_failure("{{ a" + repeated("[a", 1000) + " }}", limits)
                  .find("limit expression_depth_max"),
              std::string::npos);
    EXPECT_NE(compile_failure("{{ a" + repeated("|upcase", 65) + " }}", limits)
                  .find("limit filters_per_value_max"),
              std::string::npos);
    EXPECT_NE(compile_failure(repeated("{{a}}", 100'001), limits).find("limit expressions_max"),
              std::string::npos);
    EXPECT_NE(compile_failure("{{ a | join: 1" + repeated(",1", 300) + " }}", limits)
                  .find("limit arguments_max"),
              std::string::npos);
}

std::string render_failure(std::string_view source, const json::value& data)
{
    const auto made = render_json(source, data, escape_mode::none, test_clock);
    return made ? "rendered " + std::to_string(made->size()) : to_string(made.error());
}

TEST(Limits, OfRendering)
{
    const json::value none = json::object();
    EXPECT_EQ(render_failure("{% for i in (1..100000) %}{{ '' }}{% endfor %}", none), "rendered 0");
    EXPECT_EQ(render_failure("\n{% for i in (1..1000000000000) %}x{% endfor %}", none),
              "2:35: more than 100000 rounds of loops (limit loop_iterations_max)");
    EXPECT_NE(render_failure("{% for i in (1..1000) %}{% for j in (1..1000) %}{% endfor %}"
                             "{% endfor %}",
                             none)
                  .find("limit loop_iterations_max"),
              std::string::npos);
    EXPECT_NE(render_failure("{{ (1..999999999999) | join: '' }}", none)
                  .find("limit loop_iterations_max"),
              std::string::npos);
    EXPECT_EQ(render_failure("{% assign x = 'x' %}{% for i in (1..40) %}"
                             "{% assign x = x | append: x %}{% endfor %}{{ x }}",
                             none),
              "1:61: filters make more than 67108864 bytes (limit scratch_bytes_max)");
    EXPECT_NE(render_failure("{% for i in (1..100000) %}{{ '" + std::string(100, 'y') +
                                 "' }}"
                                 "{% endfor %}",
                             none)
                  .find("limit output_bytes_max"),
              std::string::npos);
}

TEST(Limits, TenMegabytesOfData)
{
    const json::value data = {{"a", std::string(10u << 20, '<')}};
    EXPECT_NE(render_failure("{{ a }}", data).find("limit output_bytes_max"), std::string::npos);
    EXPECT_EQ(render_failure("{{ a | upcase | strip | truncate: 20 }}", data), "rendered 20");
    EXPECT_EQ(render_failure("{{ a | size }}", data), "rendered 8");
    EXPECT_EQ(render_failure("{{ a | strip_html | truncate: 20 }}", data), "rendered 20");
    EXPECT_NE(
        render_failure("{% for i in (1..1000) %}{% if a.size == i %}{% endif %}{% endfor %}", data)
            .find("limit work_bytes_max"),
        std::string::npos);
    const json::value repetitive = {{"a", std::string(4u << 20, 'a')},
                                    {"b", std::string(2u << 20, 'a') + "b"}};
    EXPECT_NE(render_failure("{{ a | replace: b, 'x' }}", repetitive).find("limit work_bytes_max"),
              std::string::npos);
    EXPECT_NE(render_failure("{% for i in (1..100000) %}{% if a contains 'x' %}{% endif %}"
                             "{% endfor %}",
                             data)
                  .find("limit work_bytes_max"),
              std::string::npos);
}

} // namespace
} // namespace hikyaku::tmpl
