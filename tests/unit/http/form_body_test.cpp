#include <gtest/gtest.h>

#include <hikyaku/http/form_body.h>

namespace hikyaku::http
{
namespace
{

const std::string urlencoded = "application/x-www-form-urlencoded";
const std::string multipart = "multipart/form-data; boundary=xyz";

struct row
{
    std::string name;
    std::string type;
    std::string body;
    /// "name=value;" of each field; "-": refused.
    std::string expected;
};

std::string flatten(const std::optional<query_parameters>& form)
{
    if (!form)
    {
        return "-";
    }
    std::string out;
    for (const auto& [name, value] : *form)
    {
        out += name + "=" + value + ";";
    }
    return out;
}

std::string part(const std::string& headers, const std::string& value)
{
    return "--xyz\r\n" + headers + "\r\n\r\n" + value + "\r\n";
}

const std::string named = "Content-Disposition: form-data; name=\"a\"";

TEST(FormBody, Forms)
{
    const row rows[] = {
        {"nothing", urlencoded, "", ""},
        {"one click", urlencoded, "List-Unsubscribe=One-Click", "List-Unsubscribe=One-Click;"},
        {"no type", "", "a=1", "a=1;"},
        {"parameters", urlencoded + "; charset=utf-8", "a=1&b=2", "a=1;b=2;"},
        {"escapes", urlencoded, "a=%E5%BA%97+x%2B&&b", "a=店 x+;b=;"},
        {"broken escape", urlencoded, "a=%4", "-"},
        {"NUL", urlencoded, "a=%00", "-"},
        {"not UTF-8", urlencoded, "a=%FF", "-"},
        {"multipart", multipart, part(named, "1") + "--xyz--\r\n", "a=1;"},
        {"without line end", multipart, part(named, "1") + "--xyz--", "a=1;"},
        {"quoted boundary", "Multipart/Form-Data; charset=x; Boundary=\"xyz\"",
         part(named, "1") + "--xyz--", "a=1;"},
        {"preamble and spaces", multipart,
         "hello\r\n--xyz \t\r\n" + named + "\r\n\r\n1\r\n--xyz--\r\nend", "a=1;"},
        {"two", multipart,
         part(named, "1") + part("X: y\r\ncontent-disposition:form-data;name=b", "2\r\n") +
             "--xyz--",
         "a=1;b=2\r\n;"},
        {"empty value", multipart, part(named, "") + "--xyz--", "a=;"},
        {"a file", multipart, part(named + "; filename=\"f;name=z\"", "x") + "--xyz--", "a=x;"},
        {"quoted pair", multipart,
         part("Content-Disposition: form-data; filename=\"a\\\"; name=n\"; name=\"q\"", "1") +
             "--xyz--",
         "q=1;"},
        {"no parts", multipart, "--xyz--", ""},
        {"no boundary", "multipart/form-data", "--xyz--", "-"},
        {"empty boundary", "multipart/form-data; boundary=\"\"", "----", "-"},
        {"long boundary", "multipart/form-data; boundary=" + std::string(71, 'x'), "", "-"},
        {"open quote", "multipart/form-data; boundary=\"xyz", "--xyz--", "-"},
        {"not closed", multipart, part(named, "1"), "-"},
        {"no name", multipart, part("Content-Disposition: form-data", "1") + "--xyz--", "-"},
        {"no headers", multipart, "--xyz\r\n\r\n1\r\n--xyz--", "-"},
        {"text after the delimiter", multipart, "--xyzzy\r\n" + named + "\r\n\r\n1\r\n--xyz--",
         "-"},
        {"empty", multipart, "", "-"},
        {"binary", multipart, part(named, std::string("\xFF", 1)) + "--xyz--", "-"},
    };
    for (const auto& r : rows)
    {
        EXPECT_EQ(flatten(parse_form(r.type, r.body)), r.expected) << r.name;
    }
}

TEST(FormBody, Limits)
{
    std::string many;
    for (std::size_t i = 0; i < form_fields_max; ++i)
    {
        many += "a=1&";
    }
    EXPECT_TRUE(parse_form(urlencoded, many));
    EXPECT_FALSE(parse_form(urlencoded, many + "a=1"));
    std::string parts;
    for (std::size_t i = 0; i <= form_fields_max; ++i)
    {
        parts += part(named, "1");
    }
    EXPECT_FALSE(parse_form(multipart, parts + "--xyz--"));
    const auto long_header = "X: " + std::string(form_part_header_bytes_max, 'x') + "\r\n" + named;
    EXPECT_FALSE(parse_form(multipart, part(long_header, "1") + "--xyz--"));
}

} // namespace
} // namespace hikyaku::http
