#include "rendering.h"

#include <chrono>
#include <iostream>

namespace hikyaku::tmpl
{
namespace
{

TEST(Program, SharesSlotsAndTellsWhichItReads)
{
    slot_table slots;
    const auto subject = compile("{{ name }}", escape_mode::header, slots);
    const auto body = compile("{% for x in orders %}{{ x.id }}{{ shop }}{% endfor %}{{ name }}",
                              escape_mode::html, slots);
    ASSERT_TRUE(subject && body);
    EXPECT_EQ(slots.names().size(), 3U);
    EXPECT_EQ(std::vector<std::uint32_t>(subject->slots().begin(), subject->slots().end()),
              std::vector<std::uint32_t>{*slots.find("name")});
    EXPECT_EQ(body->slots().size(), 3U);
    EXPECT_FALSE(slots.find("x").has_value());
    EXPECT_FALSE(body->reads_any_slot());
}

TEST(Program, RendersValuesThatAreNotJson)
{
    slot_table slots;
    const auto p = compile("{{ d }}|{{ d | date: '%F' }}|{{ n }}|{{ a[1] }}|{{ o.k }}|"
                           "{% if d < '2026-03-02' %}before{% endif %}",
                           escape_mode::none, slots);
    ASSERT_TRUE(p);
    const value elements[] = {value::integer(1), value::string("two")};
    const member members[] = {{"k", value::boolean(true)}};
    std::vector<value> values(slots.names().size());
    values[*slots.find("d")] = value::date_time(test_clock.now, 540);
    values[*slots.find("n")] = value::number({1250, 2});
    values[*slots.find("a")] = value::array(elements);
    values[*slots.find("o")] = value::object(members);
    std::string out = ">";
    ASSERT_TRUE(renderer().render(*p, values, test_clock, out));
    EXPECT_EQ(out, ">2026-03-01 12:34:56 +0900|2026-03-01|12.50|two|true|before");
}

TEST(Program, MissingSlotsAreNilAndAFailureLeavesTheOutputAlone)
{
    slot_table slots;
    const auto p =
        compile("abc{{ a | default: 'x' }}{{ 1 | divided_by: b }}", escape_mode::none, slots);
    ASSERT_TRUE(p);
    std::string out = "before";
    const auto r = renderer().render(*p, {}, test_clock, out);
    ASSERT_TRUE(r.has_error());
    EXPECT_EQ(to_string(r.error()), "1:33: divided by 0");
    EXPECT_EQ(out, "before");
}

TEST(Program, OneRendererRendersManyPrograms)
{
    slot_table slots;
    const auto first = compile("{% assign x = 1 %}{% for i in (1..3) limit:1 %}{{ x }}{% endfor %}",
                               escape_mode::none, slots);
    const auto second = compile("{{ x }}{% for i in (1..3) offset:continue %}{{ i }}{% endfor %}",
                                escape_mode::none, slots);
    ASSERT_TRUE(first && second);
    renderer r;
    std::string out;
    for (int round = 0; round < 3; ++round)
    {
        ASSERT_TRUE(r.render(*first, {}, test_clock, out));
        ASSERT_TRUE(r.render(*second, {}, test_clock, out));
    }
    EXPECT_EQ(out, "112311231123");
}

TEST(Program, MeasuresATenKilobyteTemplate)
{
    slot_table slots;
    std::string source;
    for (int i = 0; i < 10; ++i)
    {
        source += std::string(1000, 'x') + "{{ f" + std::to_string(i) + " }}";
    }
    const auto p = compile(source, escape_mode::html, slots);
    ASSERT_TRUE(p);
    const std::vector<value> values(10, value::string("山田 太郎 <taro@example.jp>"));
    renderer r;
    std::string out;
    constexpr int rounds = 20'000;
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i)
    {
        out.clear();
        ASSERT_TRUE(r.render(*p, values, test_clock, out));
    }
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - start;
    std::cout << "10 KB, 10 outputs: " << spent.count() / rounds << " us a rendering\n";
    EXPECT_GT(out.size(), 10'000U);
}

} // namespace
} // namespace hikyaku::tmpl
