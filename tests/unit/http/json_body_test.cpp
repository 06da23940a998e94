#include <hikyaku/http/json_body.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::http
{
namespace
{

json::value parse(std::string_view text)
{
    auto parsed = parse_json(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return std::move(*parsed);
}

/// "pointer code;…" of a refusal.
std::string errors_of(const std::optional<response>& refused)
{
    std::string out;
    if (refused)
    {
        EXPECT_EQ(refused->status, 422u);
        for (const auto& e : refused->details->errors)
        {
            out += (out.empty() ? "" : ";") + e.pointer + " " + e.code;
        }
    }
    return out;
}

enum class color
{
    red,
    blue,
};

/// Reads every kind of member once.
std::string judge(std::string_view text)
{
    const auto value = parse(text);
    object_reader in(value);
    static_cast<void>(in.required_string("name", 5));
    static_cast<void>(in.optional_string("memo", 3));
    static_cast<void>(in.optional_int("limit", 1, 10));
    static_cast<void>(in.optional_bool("flag"));
    static_cast<void>(
        in.optional_choice<color>("color", {{"red", color::red}, {"blue", color::blue}}));
    static_cast<void>(in.strings("tags", 2, 3));
    if (auto from = in.optional_object("from"))
    {
        static_cast<void>(from->required_string("e/mail", 5));
    }
    for (auto& item : in.objects("items", 2))
    {
        static_cast<void>(item.required_int("n", 0));
    }
    static_cast<void>(in.optional_free_object("vars", 1));
    return errors_of(in.finish());
}

struct reader_row
{
    const char* name;
    const char* text;
    const char* errors;
};

class ObjectReader : public testing::TestWithParam<reader_row>
{
};

TEST_P(ObjectReader, CollectsWhatIsWrong)
{
    EXPECT_EQ(judge(GetParam().text), GetParam().errors);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ObjectReader,
    testing::Values(
        reader_row{"Minimal", R"({"name":"a"})", ""},
        reader_row{"Full",
                   R"({"name":"日本語テス","memo":"","limit":10,"flag":false,"color":"blue",
                       "tags":["a","b"],"from":{"e/mail":"x"},"items":[{"n":1}],"vars":{"q":[]}})",
                   ""},
        reader_row{"NotAnObject", "[1]", " wrong_type"},
        reader_row{"Missing", "{}", "/name missing"},
        reader_row{"NullIsMissing", R"({"name":null})", "/name missing"},
        reader_row{"NullIsAbsent", R"({"name":"a","memo":null,"limit":null,"from":null})", ""},
        reader_row{"EmptyName", R"({"name":""})", "/name too_short"},
        reader_row{"LongName", R"({"name":"日本語テスト"})", "/name too_long"},
        reader_row{"Nul", R"({"name":"a\u0000"})", "/name invalid"},
        reader_row{"Types",
                   R"({"name":1,"memo":[],"limit":"1","flag":0,"color":3,"tags":{},"from":[],
                       "items":"x","vars":[]})",
                   "/name wrong_type;/memo wrong_type;/limit wrong_type;/flag wrong_type;"
                   "/color wrong_type;/tags wrong_type;/from wrong_type;/items wrong_type;"
                   "/vars wrong_type"},
        reader_row{"IntRange", R"({"name":"a","limit":11})", "/limit out_of_range"},
        reader_row{"IntFraction", R"({"name":"a","limit":1.0})", "/limit wrong_type"},
        reader_row{"IntHuge", R"({"name":"a","limit":18446744073709551615})",
                   "/limit out_of_range"},
        reader_row{"Choice", R"({"name":"a","color":"green"})", "/color not_allowed"},
        reader_row{"TooMany", R"({"name":"a","tags":["a","b","c"],"vars":{"a":1,"b":2}})",
                   "/tags too_many;/vars too_many"},
        reader_row{"Items", R"({"name":"a","tags":["a",2],"items":[{"n":1},{"n":-1}]})",
                   "/tags/1 wrong_type;/items/1/n out_of_range"},
        reader_row{"Unknown", R"({"name":"a","tenant_id":1,"from":{"e/mail":"x","x~/y":1},
                       "items":[{"n":1,"m":2}]})",
                   "/tenant_id unknown_field;/from/x~0~1y unknown_field;/items/0/m unknown_field"},
        reader_row{"EscapedPointer", R"({"name":"a","from":{"e/mail":1}})",
                   "/from/e~1mail wrong_type"}),
    [](const auto& info) { return info.param.name; });

TEST(ObjectReaderValues, AreGivenBack)
{
    const auto value = parse(R"({"s":"日","i":-5,"b":true,"c":"blue","t":["x"],"n":null,"a":[1]})");
    object_reader in(value);
    EXPECT_EQ(in.required_string("s", 1), "日");
    EXPECT_EQ(in.required_int("i"), -5);
    EXPECT_TRUE(in.required_bool("b"));
    EXPECT_EQ(in.required_choice<color>("c", {{"red", color::red}, {"blue", color::blue}}),
              color::blue);
    EXPECT_EQ(in.strings("t", 1, 1), std::vector<std::string>{"x"});
    EXPECT_TRUE(in.is_null("n"));
    EXPECT_FALSE(in.is_null("s"));
    EXPECT_TRUE(in.has("n"));
    EXPECT_FALSE(in.has("m"));
    EXPECT_EQ(in.optional_string("m", 1), std::nullopt);
    ASSERT_NE(in.required_array("a", 1), nullptr);
    EXPECT_TRUE(in.ok());
    EXPECT_FALSE(in.finish().has_value());
}

TEST(ObjectReaderValues, RequiredNotesOnce)
{
    const auto value = parse("{}");
    object_reader in(value);
    EXPECT_EQ(in.required_choice<color>("c", {{"red", color::red}}), color::red);
    EXPECT_EQ(in.required_array("a", 1), nullptr);
    auto nested = in.required_object("o");
    EXPECT_EQ(nested.required_string("x", 1), "");
    in.fail("", "conflict", "these don't go together");
    in.fail("a/0", "invalid", "is wrong");
    EXPECT_FALSE(in.ok());
    EXPECT_EQ(errors_of(in.finish()), "/c missing;/a missing;/o missing; conflict;/a/0 invalid");
}

TEST(ObjectReaderValues, ErrorsAreBounded)
{
    json::object many;
    for (int i = 0; i < 1000; ++i)
    {
        many[std::to_string(i)] = i;
    }
    const json::value value = many;
    object_reader in(value);
    EXPECT_EQ(in.finish()->details->errors.size(), object_reader::errors_max);
}

TEST(Problem, TheDetailIsNeverEmptyAndSaysWhatToDo)
{
    const auto detail = [](problem p) { return std::string(to_json(p).at("detail").as_string()); };
    EXPECT_EQ(detail({.status = 422, .detail = "The name is taken.", .errors = {{"/name"}}}),
              "The name is taken.");
    std::vector<field_error> errors{{"/name", "missing", "is required"}};
    EXPECT_EQ(detail({.status = 422, .errors = errors}),
              "Correct /name (is required), then send the request again.");
    errors.push_back({"", "wrong_type", "must be an object"});
    EXPECT_EQ(detail({.status = 422, .errors = errors}),
              "Correct /name (is required) and the body (must be an object), then send the request "
              "again.");
    errors.push_back({"/a"});
    errors.push_back({"/b"});
    EXPECT_EQ(detail({.status = 422, .errors = errors}),
              "Correct /name (is required), the body (must be an object), /a and 1 more, then send "
              "the request again.");
    EXPECT_EQ(detail({.status = 429}), "Too Many Requests.");

    const auto body = parse(R"({"x":1})");
    object_reader in(body);
    static_cast<void>(in.required_string("name", 5));
    const auto refused = in.finish();
    ASSERT_TRUE(refused.has_value());
    const auto sent = parse(refused->body);
    EXPECT_EQ(std::string(sent.at("detail").as_string()),
              "Correct /name (is required) and /x (is not a known field), then send the request "
              "again.");
}

} // namespace
} // namespace hikyaku::http
