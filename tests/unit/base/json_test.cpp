#include <hikyaku/base/json.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku
{
namespace
{

struct refused_row
{
    const char* name;
    std::string text;
    const char* reason;
};

class StrictJson : public testing::TestWithParam<refused_row>
{
};

TEST_P(StrictJson, Refuses)
{
    const auto parsed = parse_json(GetParam().text);
    ASSERT_TRUE(parsed.has_error()) << GetParam().name;
    EXPECT_NE(parsed.error().text.find(GetParam().reason), std::string::npos)
        << parsed.error().text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, StrictJson,
    testing::Values(refused_row{"DuplicateKey", R"({"a":1,"b":2,"a":3})", "duplicate key \"a\""},
                    refused_row{"NestedDuplicate", R"({"x":[{"k":1,"k":1}]})", "duplicate key"},
                    refused_row{"EscapedDuplicate", R"({"a":1,"\u0061":2})", "duplicate key"},
                    refused_row{"Infinite", "[1e400]", "out of range"},
                    refused_row{"Trailing", "{} x", ""}, refused_row{"Empty", "", ""},
                    refused_row{"Depth", std::string(100, '[') + std::string(100, ']'), "deeper"},
                    refused_row{"InvalidUtf8", "\"\xff\xfe\"", ""},
                    refused_row{"Surrogate", R"("\ud800")", ""}, refused_row{"Comma", "[1,]", ""},
                    refused_row{"NaN", "[NaN]", ""}),
    [](const auto& info) { return info.param.name; });

TEST(StrictJson, TakesWhatRfc8259Allows)
{
    const auto parsed = parse_json("{\"\\u65e5\":[1,-2,3.5,true,null,\"\\ud840\\udc0b\"]}\r\n\t ");
    ASSERT_TRUE(parsed.has_value()) << parsed.error().text;
    EXPECT_EQ(to_json_text(*parsed), "{\"日\":[1,-2,3.5E0,true,null,\"𠀋\"]}");
}

TEST(StrictJson, StringsHaveALimit)
{
    json_limits limits;
    limits.string_bytes_max = 10;
    EXPECT_TRUE(parse_json("\"0123456789\"", limits).has_value());
    EXPECT_TRUE(parse_json("\"01234567890\"", limits).has_error());
}

} // namespace
} // namespace hikyaku
