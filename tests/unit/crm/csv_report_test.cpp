#include <hikyaku/crm/csv_report.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <stdlib.h>

namespace hikyaku::crm
{
namespace
{

class CsvReport : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-csv-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }

    csv_report report(std::string_view text)
    {
        std::ofstream(dir_ / "f.csv", std::ios::binary) << text;
        auto r = report_csv(dir_ / "f.csv");
        EXPECT_TRUE(r.has_value());
        return r.has_value() ? std::move(*r) : csv_report{};
    }
    static std::string codes(const std::vector<csv_remark>& list)
    {
        std::string out;
        for (const auto& r : list)
        {
            out += (out.empty() ? "" : " ") + std::to_string(r.line) + ":" + r.code;
        }
        return out;
    }

    std::filesystem::path dir_;
};

TEST_F(CsvReport, SoundFile)
{
    const auto r = report("email,氏名\r\na@example.jp,山田\r\nb@example.jp,\"鈴木, 花子\"\r\n");
    EXPECT_EQ(r.encoding, "utf-8");
    EXPECT_EQ(r.delimiter, ',');
    EXPECT_EQ(r.columns, (std::vector<std::string>{"email", "氏名"}));
    EXPECT_EQ(r.row_count, 2U);
    ASSERT_EQ(r.rows.size(), 2U);
    EXPECT_EQ(r.rows[1][1], "鈴木, 花子");
    EXPECT_EQ(r.warning_count, 0U) << codes(r.warnings);
    EXPECT_EQ(r.error_count, 0U) << codes(r.errors);
}

TEST_F(CsvReport, Encodings)
{
    EXPECT_EQ(report("\xEF\xBB\xBF"
                     "a\n")
                  .encoding,
              "utf-8-bom");
    EXPECT_EQ(report("a\n").encoding, "utf-8");
    // 氏名 / 山田太郎,東京都 in the three Japanese encodings.
    const auto sjis = report("\x8E\x81\x96\xBC,x\r\n"
                             "\x8E\x52\x93\x63\x91\xBE\x98\x59,\x93\x8C\x8B\x9E\x93\x73\r\n");
    EXPECT_EQ(sjis.encoding, "cp932");
    EXPECT_EQ(sjis.columns.at(0), "氏名");
    EXPECT_EQ(sjis.rows.at(0), (std::vector<std::string>{"山田太郎", "東京都"}));
    EXPECT_EQ(codes(sjis.warnings), "1:not_utf8");
    const auto euc = report("\xBB\xE1\xCC\xBE,x\n"
                            "\xBB\xB3\xC5\xC4\xC2\xC0\xCF\xBA,\xC5\xEC\xB5\xFE\xC5\xD4\n");
    EXPECT_EQ(euc.encoding, "euc-jp");
    EXPECT_EQ(euc.rows.at(0), (std::vector<std::string>{"山田太郎", "東京都"}));
    const auto jis = report("\x1b$B;aL>\x1b(B,x\n\x1b$B;3ED\x1b(B,y\n");
    EXPECT_EQ(jis.encoding, "iso-2022-jp");
    EXPECT_EQ(jis.columns.at(0), "氏名");
    EXPECT_EQ(jis.rows.at(0).at(0), "山田");
    const auto noise = report("a\n\xFF\xFE\xFD\xFC\x80\n\xFF\xFE\xFF\xFE\xA0\n");
    EXPECT_EQ(noise.encoding, "unknown");
    EXPECT_EQ(codes(noise.errors), "2:invalid_utf8 3:invalid_utf8");
}

TEST_F(CsvReport, OneBadLineDoesNotMakeAnEncoding)
{
    const auto r = report("名前\n山田\n鈴木\n\x83\x65\x83\x58\n佐藤\n");
    EXPECT_EQ(r.encoding, "utf-8");
    EXPECT_EQ(r.row_count, 4U);
    EXPECT_EQ(codes(r.errors), "4:invalid_utf8");
}

TEST_F(CsvReport, WhatSpreadsheetsDo)
{
    const auto r = report("email,tel,郵便番号,hotel,note\n"
                          "a@b.jp,09012345678,0600001,312345678,ok\n"
                          "a@b.jp,9012345678,600001,1,ok\n"
                          "a@b.jp,9.01E+10,1,2,E+3\n"
                          "a@b.jp,,,,\xEF\xBF\xBD\n"
                          "a@b.jp,,,,縺ゅ＞繧\n"
                          "a@b.jp,,,,ã‚„ã\xC2\x81¾\n");
    EXPECT_EQ(codes(r.warnings), "3:lost_leading_zero 3:lost_leading_zero 4:exponent_number "
                                 "5:replacement_character 6:mojibake 7:mojibake");
    EXPECT_EQ(r.warnings.at(0).text.substr(0, 9), "Column 2 ");
}

TEST_F(CsvReport, HeaderAndErrors)
{
    const auto r = report("a;;a\n1;2;3\n1;2\n\"x;2;3\n1;2;3\n");
    EXPECT_EQ(r.delimiter, ';');
    EXPECT_EQ(codes(r.warnings), "1:empty_header 1:duplicate_header");
    EXPECT_EQ(codes(r.errors), "3:wrong_column_count 4:unclosed_quote");
    EXPECT_EQ(r.row_count, 4U);
    EXPECT_EQ(r.rows.size(), 2U);
}

TEST_F(CsvReport, ListsAreBoundedCountsAreNot)
{
    std::string text = "a,b\n";
    for (int i = 0; i < 250; ++i)
    {
        text += "1\n";
    }
    const auto r = report(text);
    EXPECT_EQ(r.errors.size(), csv_report::remarks_max);
    EXPECT_EQ(r.error_count, 250U);
    EXPECT_EQ(r.row_count, 250U);
    const auto o = to_json(r);
    EXPECT_EQ(o.at("error_count").to_number<int>(), 250);
    EXPECT_EQ(o.at("errors").as_array().size(), csv_report::remarks_max);
    EXPECT_EQ(o.at("delimiter").as_string(), ",");
}

TEST_F(CsvReport, EmptyMissingAndDirectory)
{
    const auto empty = report("");
    EXPECT_EQ(empty.encoding, "utf-8");
    EXPECT_EQ(codes(empty.warnings), "1:empty_header");
    EXPECT_EQ(report_csv(dir_ / "none.csv").error().code, errc::io);
    EXPECT_EQ(report_csv(dir_).error().code, errc::io);
}

TEST_F(CsvReport, FilesLargerThanAChunk)
{
    std::string text = "\x8E\x81\x96\xBC,x\n";
    while (text.size() < 600'000)
    {
        text += "\x8E\x52\x93\x63\x91\xBE\x98\x59,\"a\nb\"\n";
    }
    const auto r = report(text);
    EXPECT_EQ(r.encoding, "cp932");
    EXPECT_EQ(r.error_count, 0U);
    EXPECT_EQ(r.row_count, (text.size() - 7) / 15);
}

TEST(DetectDelimiter, Table)
{
    EXPECT_EQ(detect_delimiter("a,b;c,d"), ',');
    EXPECT_EQ(detect_delimiter("a;b;c,d\n,,,,"), ';');
    EXPECT_EQ(detect_delimiter("a\tb"), '\t');
    EXPECT_EQ(detect_delimiter("\"a;b;c\",d"), ',');
    EXPECT_EQ(detect_delimiter("\n\nx;y"), ';');
    EXPECT_EQ(detect_delimiter("abc"), ',');
    EXPECT_EQ(detect_delimiter(""), ',');
}

} // namespace
} // namespace hikyaku::crm
