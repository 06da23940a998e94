#include <hikyaku/crm/csv.h>

#include <gtest/gtest.h>

#include <vector>

namespace hikyaku::crm
{
namespace
{

using event = csv_parser::event;
using strings = std::vector<std::string>;

struct seen
{
    /// Empty for a bad record.
    strings fields;
    std::string raw;
    std::string error;
    std::uint64_t line = 0;
    std::uint64_t number = 0;
    csv_parser::position border;
};

/// Everything a parser says about a text that comes in chunks.
std::vector<seen> read_all(csv_parser& parser, std::string_view text, std::size_t chunk)
{
    std::vector<seen> out;
    bool last = false;
    while (true)
    {
        const auto e = parser.next();
        if (e == event::end)
        {
            return out;
        }
        if (e == event::need_more)
        {
            EXPECT_FALSE(last);
            const auto part = text.substr(0, chunk);
            text.remove_prefix(part.size());
            last = text.empty();
            parser.feed(part, last);
            continue;
        }
        seen s;
        if (e == event::record)
        {
            s.fields.assign(parser.fields().begin(), parser.fields().end());
        }
        else
        {
            s.error = to_string(parser.error());
        }
        s.raw = parser.raw();
        s.line = parser.line();
        s.number = parser.record_number();
        s.border = parser.border();
        out.push_back(std::move(s));
    }
}

std::vector<seen> read_all(std::string_view text, std::size_t chunk = 1 << 20)
{
    csv_parser parser;
    return read_all(parser, text, chunk);
}

struct row
{
    const char* name;
    std::string_view text;
    /// Fields joined by '|', records by "//"; errors as "!code".
    std::string_view expected;
};

constexpr row rows[] = {
    {"One", "a,b\n", "a|b"},
    {"NoLastLineEnd", "a,b", "a|b"},
    {"CrLf", "a,b\r\nc,d\r\n", "a|b//c|d"},
    {"OldMac", "a,b\rc,d\r", "a|b//c|d"},
    {"EmptyFields", ",\n,,\n", "|//||"},
    {"EmptyAtEndOfFile", "a,", "a|"},
    {"EmptyLinesAreNoRecords", "\n\r\na\n\n\nb\n\n", "a//b"},
    {"Nothing", "", ""},
    {"OnlyLineEnds", "\r\n\n\r", ""},
    {"OnlyMark", "\xEF\xBB\xBF", ""},
    {"Mark",
     "\xEF\xBB\xBF"
     "a,b\n",
     "a|b"},
    {"MarkThenQuote", "\xEF\xBB\xBF\"a\",b\n", "a|b"},
    {"MarkInTheMiddleIsText",
     "a\n\xEF\xBB\xBF"
     "b\n",
     "a//\xEF\xBB\xBF"
     "b"},
    {"Quoted", "\"a,b\",\"c\nd\"\n", "a,b|c\nd"},
    {"QuotedEmpty", "\"\",\"\"\n", "|"},
    {"Escaped", "\"a\"\"b\",\"\"\"\"\n", "a\"b|\""},
    {"BlanksStay", " a , b\n", " a | b"},
    {"QuoteInField", "x\na\"b,c\nd,e\n", "x//!bad_quote//d|e"},
    {"TextAfterQuote", "\"a\"b,c\nd\n", "!bad_quote//d"},
    {"BlankAfterQuote", "\"a\" ,c\nd\n", "!bad_quote//d"},
    {"StrayQuoteCostsOneLine", "a,\"b\nc,d\ne,f\"x\ng\n", "!bad_quote//c|d//!bad_quote//g"},
    {"Unclosed", "a\n\"b\nc\nd\n", "a//!unclosed_quote//c//d"},
    {"UnclosedOnLastLine", "a\n\"b", "a//!unclosed_quote"},
    {"QuoteAlone", "\"", "!unclosed_quote"},
    {"Nul", {"a\0b\nc\n", 6}, "!nul_byte//c"},
    {"NotUtf8", "a\n\x83\x65,b\nc\n", "a//!invalid_utf8//c"},
    {"Utf8", "山田,花子\n", "山田|花子"},
};

std::string join(const std::vector<seen>& records)
{
    std::string out;
    for (std::size_t i = 0; i < records.size(); ++i)
    {
        out += i == 0 ? "" : "//";
        if (!records[i].error.empty())
        {
            out += "!" + records[i].error;
            continue;
        }
        for (std::size_t f = 0; f < records[i].fields.size(); ++f)
        {
            out += (f == 0 ? "" : "|") + records[i].fields[f];
        }
    }
    return out;
}

TEST(Csv, Rows)
{
    for (const auto& r : rows)
    {
        for (const std::size_t chunk : {1, 2, 3, 7, 1000})
        {
            EXPECT_EQ(join(read_all(r.text, chunk)), r.expected) << r.name << " by " << chunk;
        }
    }
}

TEST(Csv, EveryBorderIsAPlaceToGoOn)
{
    for (const auto& r : rows)
    {
        const auto all = read_all(r.text);
        for (std::size_t i = 0; i < all.size(); ++i)
        {
            csv_parser parser(',', all[i].border);
            const auto rest = read_all(parser, r.text.substr(all[i].border.offset), 3);
            ASSERT_EQ(rest.size(), all.size() - i - 1) << r.name;
            for (std::size_t k = 0; k < rest.size(); ++k)
            {
                EXPECT_EQ(rest[k].raw, all[i + 1 + k].raw) << r.name;
                EXPECT_EQ(rest[k].line, all[i + 1 + k].line) << r.name;
                EXPECT_EQ(rest[k].number, all[i + 1 + k].number) << r.name;
                EXPECT_EQ(rest[k].border.offset, all[i + 1 + k].border.offset) << r.name;
            }
        }
    }
}

TEST(Csv, LinesCountWhatAnEditorShows)
{
    const auto all = read_all("h\r\n\n\"a\nb\r\nc\rd\",x\r\nlast\n", 2);
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1].line, 3U);
    EXPECT_EQ(all[1].number, 2U);
    EXPECT_EQ(all[1].raw, "\"a\nb\r\nc\rd\",x");
    EXPECT_EQ(all[2].line, 7U);
    EXPECT_EQ(all[2].border.line, 8U);
}

TEST(Csv, ColumnCount)
{
    csv_parser parser(';');
    parser.expect_columns(2);
    const auto all = read_all(parser, "a;b\nc\nd;e;f\ng,h;i\n", 100);
    EXPECT_EQ(join(all), "a|b//!wrong_column_count//!wrong_column_count//g,h|i");
    EXPECT_EQ(all[2].raw, "d;e;f");
}

TEST(Csv, LimitsHoldAndReadingGoesOn)
{
    const std::string columns_ok = std::string(csv_columns_max - 1, ',') + "\n";
    const std::string columns_over = std::string(csv_columns_max, ',') + "\n";
    const std::string field_ok = std::string(csv_field_bytes_max, 'f') + "\n";
    const std::string field_over = std::string(csv_field_bytes_max + 1, 'f') + "\n";
    const std::string line_over = std::string(csv_record_bytes_max + 9, 'r') + "\n";
    const auto all =
        read_all(columns_ok + columns_over + field_ok + field_over + line_over + "z\n", 256 << 10);
    ASSERT_EQ(all.size(), 6U);
    EXPECT_EQ(all[0].fields.size(), csv_columns_max);
    EXPECT_EQ(all[1].error, "too_many_columns");
    EXPECT_EQ(all[2].fields.at(0).size(), csv_field_bytes_max);
    EXPECT_EQ(all[3].error, "field_too_long");
    EXPECT_EQ(all[4].error, "record_too_long");
    EXPECT_EQ(all[4].raw.size(), csv_record_bytes_max);
    EXPECT_EQ(all[5].fields, strings{"z"});
    EXPECT_EQ(all[5].line, 6U);
}

TEST(Csv, AQuoteThatNeverEndsIsGivenUpWithinTheLimit)
{
    std::string text = "\"open\n";
    while (text.size() < csv_record_bytes_max + 100)
    {
        text += "plain,line of some length\n";
    }
    csv_parser parser;
    parser.feed(text, false);
    EXPECT_EQ(parser.next(), event::bad_record);
    EXPECT_EQ(parser.error(), csv_errc::unclosed_quote);
    EXPECT_EQ(parser.raw(), "\"open");
    EXPECT_EQ(parser.next(), event::record);
    EXPECT_EQ(parser.line(), 2U);
}

TEST(Csv, AppendedFieldsReadBack)
{
    const strings fields = {"", "a", "a,b", "q\"q", "l\nl", "r\rr", " x", "x\t", ";"};
    for (const char delimiter : {',', ';', '\t'})
    {
        std::string line;
        for (const auto& f : fields)
        {
            append_csv_field(line, f, delimiter);
            line += delimiter;
        }
        line += "end\n";
        csv_parser parser(delimiter);
        const auto all = read_all(parser, line, 4);
        ASSERT_EQ(all.size(), 1U);
        strings expected = fields;
        expected.emplace_back("end");
        EXPECT_EQ(all[0].fields, expected);
    }
    std::string plain;
    append_csv_field(plain, "plain text");
    EXPECT_EQ(plain, "plain text");
}

} // namespace
} // namespace hikyaku::crm
