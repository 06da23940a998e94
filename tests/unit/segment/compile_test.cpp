#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "table_row.h"

namespace hikyaku::segment
{
namespace
{

struct error_row
{
    std::string condition;
    const char* pointer;
    const char* code;
    const char* text;
};

std::string nested(std::size_t depth)
{
    std::string out;
    for (std::size_t i = 1; i < depth; ++i)
    {
        out += R"({"not":)";
    }
    return out + R"({"all":[]})" + std::string(depth - 1, '}');
}

std::string repeated(std::size_t count, const std::string& element)
{
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
    {
        out += (i == 0 ? "" : ",") + element;
    }
    return "[" + out + "]";
}

std::string leaf_of(const char* field, const char* op, const std::string& value)
{
    return std::string(R"({"field":")") + field + R"(","op":")" + op + R"(","value":)" + value +
           "}";
}

const error_row error_rows[] = {
    {"[]", "", "wrong_type", "object"},
    {"{}", "", "missing_key", "field"},
    {R"({"all":{}})", "/all", "wrong_type", "list"},
    {R"({"not":[]})", "/not", "wrong_type", "object"},
    {R"({"all":[],"x/y":1})", "/x~1y", "unknown_key", "alone"},
    {R"({"all":[],"any":[]})", "/any", "unknown_key", "alone"},
    {R"({"all":[{"any":[{"field":"nmae","op":"eq","value":"x"}]}]})", "/all/0/any/0/field",
     "unknown_field", "did you mean 'name'"},
    {R"({"field":"zzzzzz","op":"eq","value":"x"})", "/field", "unknown_field", "no field 'zzzzzz'"},
    {R"({"field":5,"op":"eq","value":"x"})", "/field", "wrong_type", "text"},
    {R"({"field":"name","value":"x"})", "", "missing_key", "op"},
    {R"({"field":"name","op":"equal","value":"x"})", "/op", "unknown_operator", "no operator"},
    {R"({"field":"name","op":"contain","value":"x"})", "/op", "unknown_operator", "'contains'"},
    {R"({"field":"name","op":7,"value":"x"})", "/op", "unknown_operator", ""},
    {R"({"field":"name","op":"eq"})", "", "missing_key", "value"},
    {R"({"field":"name","op":"empty","value":1})", "/value", "unknown_key", "no value"},
    {R"({"field":"name","op":"eq","value":"x","and":1})", "/and", "unknown_key", "'and'"},
    {R"({"field":"name","op":"eq","value":5})", "/value", "wrong_type", "text"},
    {R"({"field":"name","op":"eq","value":""})", "/value", "bad_value", "empty"},
    {R"({"field":"name","op":"eq","value":null})", "/value", "wrong_type", "text"},
    {R"({"field":"name","op":"in","value":"x"})", "/value", "wrong_type", "list"},
    {R"({"field":"name","op":"in","value":[]})", "/value", "wrong_type", "at least one"},
    {R"({"field":"name","op":"in","value":["x",1]})", "/value/1", "wrong_type", "text"},
    {R"({"field":"tags","op":"eq","value":"x"})", "/op", "operator_not_allowed", "tags"},
    {R"({"field":"member","op":"in","value":[true]})", "/op", "operator_not_allowed", "boolean"},
    {R"({"field":"age","op":"contains","value":"4"})", "/op", "operator_not_allowed", "integer"},
    {R"({"field":"select","op":"has_any","value":["x"]})", "/field", "unknown_field", ""},
    {R"({"field":"age","op":"eq","value":1.5})", "/value", "wrong_type", "whole"},
    {R"({"field":"age","op":"eq","value":"1"})", "/value", "wrong_type", "whole"},
    {R"({"field":"age","op":"eq","value":9223372036854775808})", "/value", "wrong_type", "64 bits"},
    {R"({"field":"spent","op":"eq","value":"1e3"})", "/value", "wrong_type", "decimal"},
    {R"({"field":"spent","op":"eq","value":1e300})", "/value", "wrong_type", "decimal"},
    {R"({"field":"spent","op":"eq","value":0.1234567890123456})", "/value", "wrong_type", "15"},
    {R"({"field":"spent","op":"eq","value":9223372036854775807})", "/value", "wrong_type", "18"},
    {R"({"field":"age","op":"between","value":[1]})", "/value", "wrong_type", "low"},
    {R"({"field":"age","op":"between","value":[2,1]})", "/value", "bad_value", "above"},
    {R"({"field":"name","op":"between","value":["b","a"]})", "/value", "bad_value", "above"},
    {R"({"field":"birthday","op":"between","value":["2026-02-01","2026-01-01"]})", "/value",
     "bad_value", "above"},
    {R"({"field":"birthday","op":"eq","value":"2026-02-30"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"2026-2-3"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"-3h"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"now"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"-36601d"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"-99999999999d"})", "/value", "bad_value", "date"},
    {R"({"field":"birthday","op":"eq","value":"2026-11-24T00:00:00Z"})", "/value", "bad_value", ""},
    {R"({"field":"birthday","op":"eq","value":20261124})", "/value", "wrong_type", "date"},
    {R"({"field":"seen","op":"eq","value":"today+3h"})", "/value", "bad_value", "time"},
    {R"({"field":"seen","op":"eq","value":"+-3h"})", "/value", "bad_value", "time"},
    {R"({"history":"orders","op":"exists"})", "", "not_available", "'history'"},
    {R"({"all":[{"mail":"opened"}]})", "/all/0", "not_available", "'mail'"},
    {R"({"consent":"newsletter"})", "", "not_available", "'consent'"},
    {nested(depth_max + 1), "/not/not/not/not/not/not/not/not/not/not/not/not/not/not/not/not",
     "too_deep", "16"},
    {R"({"all":)" + repeated(nodes_max, R"({"all":[]})") + "}", "/all/999", "too_many_nodes",
     "1000"},
    {leaf_of("age", "in", repeated(list_values_max + 1, "1")), "/value", "too_many_values",
     "10000"},
    {leaf_of("seen", "in", repeated(list_times_max + 1, "\"now\"")), "/value", "too_many_values",
     "100"},
    {leaf_of("name", "eq", "\"" + std::string(value_bytes_max + 1, 'x') + "\""), "/value",
     "too_long", "1024"},
};

TEST(Compile, PointsAtTheMistake)
{
    std::vector<std::string> names;
    for (const test_field& f : test_fields)
    {
        names.emplace_back(f.name);
    }
    compile_options options;
    options.field_names = names;
    for (const error_row& row : error_rows)
    {
        const auto compiled = compile_text(row.condition, options);
        ASSERT_TRUE(compiled.has_error()) << row.condition.substr(0, 200);
        const condition_error first = compiled.error().front();
        EXPECT_EQ(first.pointer, row.pointer) << row.condition.substr(0, 200);
        EXPECT_EQ(first.code, row.code) << row.condition.substr(0, 200);
        EXPECT_NE(first.text.find(row.text), std::string::npos) << first.text;
    }
}

TEST(Compile, FindsAllMistakesUpToALimit)
{
    const auto three = compile_text(
        R"({"all":[{"field":"x","op":"y"},{"field":"age","op":"eq","value":"z"}],"any":[]})");
    ASSERT_TRUE(three.has_error());
    EXPECT_EQ(three.error().size(), 4U);
    const auto many = compile_text(R"({"all":)" + repeated(999, "5") + "}");
    ASSERT_TRUE(many.has_error());
    EXPECT_EQ(many.error().size(), errors_max);
}

TEST(Compile, TakesWhatIsAtTheLimits)
{
    EXPECT_TRUE(compile_text(nested(depth_max)).has_value());
    EXPECT_TRUE(
        compile_text(R"({"all":)" + repeated(nodes_max - 1, R"({"all":[]})") + "}").has_value());
    const std::string list = leaf_of("age", "in", repeated(list_values_max, "1"));
    EXPECT_TRUE(compile_text(R"({"all":)" + repeated(10, list) + "}").has_value());
    EXPECT_TRUE(compile_text(R"({"all":)" + repeated(11, list) + "}").has_error());
}

TEST(Compile, QuotesAreCutBetweenCharacters)
{
    std::string name = "x";
    for (int i = 0; i < 40; ++i)
    {
        name += "県";
    }
    const auto compiled = compile_text(R"({"field":")" + name + R"(","op":"empty"})");
    ASSERT_TRUE(compiled.has_error());
    const std::string text = compiled.error().front().text;
    EXPECT_NE(text.find("県'"), std::string::npos) << text;
    EXPECT_LT(text.size(), 100U);
}

TEST(Canonical, IsOneTextForEachCondition)
{
    struct
    {
        const char* typed;
        const char* stored;
    } const rows[] = {
        {R"({ "all" : [ ] })", R"({"all":[]})"},
        {R"({"value":"東京都 \"x\"","op":"eq","field":"prefecture"})",
         R"({"field":"prefecture","op":"eq","value":"東京都 \"x\""})"},
        {R"({"field":"spent","op":"in","value":[1.50,"002.0",3,-0.0]})",
         R"({"field":"spent","op":"in","value":["1.5","2","3","0"]})"},
        {R"({"field":"age","op":"between","value":[1,2]})",
         R"({"field":"age","op":"between","value":[1,2]})"},
        {R"({"not":{"any":[{"op":"empty","field":"tags"},{"field":"member","op":"eq","value":true}]}})",
         R"({"not":{"any":[{"field":"tags","op":"empty"},{"field":"member","op":"eq","value":true}]}})"},
        {R"({"field":"seen","op":"gte","value":"today-30d"})",
         R"({"field":"seen","op":"gte","value":"today-30d"})"},
    };
    for (const auto& row : rows)
    {
        EXPECT_EQ(canonical_json(compile_text(row.typed).value()), row.stored);
        EXPECT_EQ(canonical_json(compile_text(row.stored).value()), row.stored);
    }
    EXPECT_EQ(canonical_json(condition{}), R"({"all":[]})");
    EXPECT_EQ(slots_of(compile_text(R"({"any":[{"field":"tags","op":"empty"},
        {"field":"age","op":"empty"},{"field":"tags","op":"not_empty"}]})")
                           .value()),
              (std::vector<std::uint32_t>{1, 9}));
}

// Random trees over three fields with small domains, so that leaves are often true.
class tree_maker
{
public:
    explicit tree_maker(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return random_() % bound; }

    std::string leaf()
    {
        const std::string number = std::to_string(below(4));
        const char* const number_ops[] = {"eq", "ne", "lt", "lte", "gt", "gte"};
        const char* const text_ops[] = {"eq", "ne", "contains", "not_contains", "starts_with"};
        const char* const list_ops[] = {"has_any", "has_all", "has_none"};
        switch (below(5))
        {
        case 0:
            return leaf_of("age", number_ops[below(6)], number);
        case 1:
            return leaf_of("age", below(2) == 0 ? "in" : "not_in", "[" + number + ",1]");
        case 2:
            return leaf_of("name", text_ops[below(5)],
                           "\"" + std::string(1 + below(2), 'a') + "\"");
        case 3:
            return leaf_of("tags", list_ops[below(3)],
                           R"(["a")" + std::string(below(2) ? R"(,"b"])" : "]"));
        default:
            return below(2) == 0 ? R"({"field":"age","op":"empty"})"
                                 : R"({"field":"tags","op":"not_empty"})";
        }
    }

    std::string tree(std::size_t depth)
    {
        const auto kind = depth == 0 ? 0 : below(4);
        if (kind == 0)
        {
            return leaf();
        }
        if (kind == 1)
        {
            return R"({"not":)" + tree(depth - 1) + "}";
        }
        return (kind == 2 ? R"({"all":)" : R"({"any":)") + list(depth - 1, false) + "}";
    }

    // Also the list of the complements when `negated`, from the same random state.
    std::string list(std::size_t depth, bool negated)
    {
        std::string out;
        for (std::size_t i = below(4); i > 0; --i)
        {
            const std::string child = tree(depth);
            out += (out.empty() ? "" : ",") + (negated ? R"({"not":)" + child + "}" : child);
        }
        return "[" + out + "]";
    }

private:
    std::mt19937 random_;
};

std::vector<table_row> small_rows()
{
    static constexpr std::string_view names[] = {"", "a", "aa", "b"};
    static constexpr std::string_view both[] = {"a", "b"};
    std::vector<table_row> rows;
    for (std::int64_t age = -1; age < 4; ++age)
    {
        for (const std::string_view name : names)
        {
            for (std::size_t tags = 0; tags <= 2; ++tags)
            {
                table_row row;
                row.cells[0] = name;
                row.cells[9] = std::span{both}.first(tags);
                if (age >= 0)
                {
                    row.cells[1] = age;
                }
                rows.push_back(row);
            }
        }
    }
    return rows;
}

TEST(ConditionProperty, DeMorganHoldsAlsoForMissingValues)
{
    const auto rows = small_rows();
    for (unsigned seed = 0; seed < 400; ++seed)
    {
        const std::string plain = tree_maker(seed).list(3, false);
        const std::string negated = tree_maker(seed).list(3, true);
        const auto not_all = compile_text(R"({"not":{"all":)" + plain + "}}").value();
        const auto any_not = compile_text(R"({"any":)" + negated + "}").value();
        const auto not_any = compile_text(R"({"not":{"any":)" + plain + "}}").value();
        const auto all_not = compile_text(R"({"all":)" + negated + "}").value();
        for (const table_row& row : rows)
        {
            ASSERT_EQ(matches(not_all, row, {}, 0), matches(any_not, row, {}, 0)) << plain;
            ASSERT_EQ(matches(not_any, row, {}, 0), matches(all_not, row, {}, 0)) << plain;
        }
    }
}

TEST(ConditionProperty, PrintingAndCompilingKeepsTheMeaning)
{
    const auto rows = small_rows();
    for (unsigned seed = 0; seed < 400; ++seed)
    {
        const std::string source = tree_maker(seed).tree(5);
        const auto first = compile_text(source).value();
        const std::string printed = canonical_json(first);
        const auto second = compile_text(printed).value();
        ASSERT_EQ(canonical_json(second), printed);
        for (const table_row& row : rows)
        {
            ASSERT_EQ(matches(first, row, {}, 0), matches(second, row, {}, 0)) << source;
        }
    }
}

} // namespace
} // namespace hikyaku::segment
