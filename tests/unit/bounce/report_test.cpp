#include <hikyaku/bounce/report.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hikyaku::bounce
{
namespace
{

/// One message of tests/unit/bounce/reports and what must be read from it.
struct sample
{
    std::string name;
    /// "kind recipient class contact [status [code]]", one line a recipient.
    std::vector<std::string> expected;
    std::string message;
};

/// Samples start with "@@ name", then "= expectation" lines, then the message.
std::vector<sample> read_samples()
{
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(HK_SOURCE_DIR "/tests/unit/bounce/reports"))
    {
        files.push_back(entry.path());
    }
    std::ranges::sort(files);
    std::vector<sample> samples;
    for (const auto& file : files)
    {
        std::ifstream in(file, std::ios::binary);
        std::string line;
        while (std::getline(in, line))
        {
            if (line.starts_with("@@ "))
            {
                samples.push_back({file.filename().string() + ":" + line.substr(3), {}, {}});
            }
            else if (line.starts_with("= ") && samples.back().message.empty())
            {
                samples.back().expected.push_back(line.substr(2));
            }
            else
            {
                samples.back().message += line + "\n";
            }
        }
    }
    return samples;
}

std::string describe(const report_recipient& r, std::size_t words)
{
    const std::string all[] = {
        std::string(to_string(r.kind)),    r.recipient.empty() ? "-" : r.recipient,
        std::string(to_string(r.cls)),     std::string(to_string(r.contact)),
        r.status.empty() ? "-" : r.status, std::to_string(r.code)};
    std::string text;
    for (std::size_t i = 0; i < std::min(words, std::size(all)); ++i)
    {
        text += (i > 0 ? " " : "") + all[i];
    }
    return text;
}

std::size_t count_words(const std::string& text)
{
    std::istringstream in(text);
    std::string word;
    std::size_t n = 0;
    while (in >> word)
    {
        ++n;
    }
    return n;
}

void check(const sample& s, const std::string& message)
{
    const report got = parse_report(message, *built_in());
    std::vector<std::string> told;
    for (std::size_t i = 0; i < got.recipients.size(); ++i)
    {
        told.push_back(describe(got.recipients[i], i < s.expected.size()
                                                       ? count_words(s.expected[i])
                                                       : std::size_t{4}));
    }
    if (told.empty())
    {
        told.emplace_back(to_string(got.kind));
    }
    EXPECT_EQ(told, s.expected) << s.name << "\ntext: "
                                << (got.recipients.empty() ? "" : got.recipients[0].text);
}

std::string with_crlf(const std::string& message)
{
    std::string out;
    for (const char c : message)
    {
        out += c == '\n' ? "\r\n" : std::string(1, c);
    }
    return out;
}

TEST(Report, Samples)
{
    const auto samples = read_samples();
    ASSERT_FALSE(samples.empty());
    for (const sample& s : samples)
    {
        check(s, s.message);
        check(s, with_crlf(s.message));
    }
}

TEST(Report, EveryPrefixIsRead)
{
    for (const sample& s : read_samples())
    {
        for (std::size_t cut = 0; cut < s.message.size(); cut += 97)
        {
            const report got =
                parse_report(std::string_view(s.message).substr(0, cut), *built_in());
            EXPECT_LE(got.recipients.size(), report_recipients_max);
        }
    }
}

std::string repeat(const std::string& text, std::size_t times)
{
    std::string out;
    for (std::size_t i = 0; i < times; ++i)
    {
        out += text;
    }
    return out;
}

TEST(Report, HostileMessagesAreRead)
{
    const std::string head = "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n";
    std::string deep = head;
    std::string groups = head + "Content-Type: message/delivery-status\n\n";
    for (int i = 0; i < 1'000; ++i)
    {
        const std::string b = "b" + std::to_string(i);
        deep += "Content-Type: multipart/report; boundary=" + b + "\n\n--" + b + "\n";
        groups +=
            "Final-Recipient: rfc822; a" + std::to_string(i) + "@b.example\nAction: failed\n\n";
    }
    const std::string messages[] = {
        deep,
        groups,
        head + repeat("Content-Type: message/rfc822\n\n", 1'000),
        head + "Content-Type: multipart/report; boundary=b\n\n" +
            repeat("--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: "
                   "rfc822;a@b.example\nAction: failed\n",
                   100'000),
        head + "X-Failed-Recipients: " + repeat("a@b.example, ", 16'000) + "\n\nunknown",
        head + "Subject: " + repeat("=?utf-8?q?x?= ", 15'000) + "\n\nunknown",
        head + repeat("A: b\n", 40'000) + "\nunknown",
        head + "\n" + repeat("<a@b.example>:\n", 100'000),
        head + "\n" + repeat("550 ", 100'000),
        head + "\n" + repeat("@", 1'000'000),
        head + "\n" + repeat("to:\n", 100'000),
    };
    for (const std::string& message : messages)
    {
        const report got = parse_report(message, *built_in());
        EXPECT_LE(got.recipients.size(), report_recipients_max);
        EXPECT_EQ(got.kind, report_kind::bounce) << message.substr(0, 200);
    }
}

} // namespace
} // namespace hikyaku::bounce
