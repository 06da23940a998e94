#include <hikyaku/cli/diagnose.h>

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace hikyaku::cli
{
namespace
{

constexpr const char* report = "From: MAILER-DAEMON@mx.example\n"
                               "Subject: failure notice\n\n"
                               "<a@example.com>:\n550 5.1.1 No such user\n\n"
                               "<b@example.com>:\n552 5.2.2 Mailbox full\n";

/// A file that is gone with the test.
class message_file
{
public:
    explicit message_file(const std::string& bytes)
    {
        char name[] = "/tmp/hikyaku-bounce-XXXXXX";
        const int fd = ::mkstemp(name);
        EXPECT_GE(fd, 0);
        ::close(fd);
        path_ = name;
        std::ofstream(path_, std::ios::binary) << bytes;
    }
    ~message_file() { std::remove(path_.c_str()); }
    message_file(const message_file&) = delete;
    message_file& operator=(const message_file&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

struct ended
{
    int status;
    std::string out;
    std::string err;
};

ended run(std::vector<std::string> files, bool json, const std::string& input = "")
{
    std::istringstream in(input);
    std::ostringstream out;
    std::ostringstream err;
    bounce_options options;
    options.files = std::move(files);
    options.json = json;
    const int status = run_bounce(options, in, out, err);
    return {status, out.str(), err.str()};
}

TEST(DiagnoseBounce, PrintsOneObjectPerRecipient)
{
    const message_file file(report);
    const auto got = run({file.path()}, true);
    EXPECT_EQ(got.status, exit_ok);
    EXPECT_EQ(got.out, "{\"file\":\"" + file.path() +
                           "\",\"kind\":\"bounce\",\"recipient\":\"a@example.com\","
                           "\"original_recipient\":\"\",\"action\":\"failed\",\"status\":\"5.1.1\","
                           "\"code\":550,\"class\":\"bad_mailbox\",\"permanent\":true,"
                           "\"text\":\"550 5.1.1 No such user\"}\n"
                           "{\"file\":\"" +
                           file.path() +
                           "\",\"kind\":\"bounce\",\"recipient\":\"b@example.com\","
                           "\"original_recipient\":\"\",\"action\":\"failed\",\"status\":\"5.2.2\","
                           "\"code\":552,\"class\":\"quota\",\"permanent\":true,"
                           "\"text\":\"552 5.2.2 Mailbox full\"}\n");
}

TEST(DiagnoseBounce, GoesOnBehindAFileThatCannotBeRead)
{
    const message_file file("Subject: hello\n\nhi\n");
    const auto got = run({"/nonexistent/x", file.path(), "-"}, true, report);
    EXPECT_EQ(got.status, exit_usage);
    EXPECT_NE(got.err.find("/nonexistent/x: No such file"), std::string::npos) << got.err;
    EXPECT_NE(got.out.find("\"kind\":\"none\",\"recipient\":\"\""), std::string::npos) << got.out;
    EXPECT_NE(got.out.find("{\"file\":\"-\",\"kind\":\"bounce\""), std::string::npos) << got.out;
}

TEST(DiagnoseBounce, PrintsForPeople)
{
    const auto got = run({}, false, report);
    EXPECT_EQ(got.status, exit_ok);
    EXPECT_NE(got.out.find("-: bounce a@example.com: bad_mailbox, permanent\n"), std::string::npos)
        << got.out;
    EXPECT_EQ(run({}, false, "").out, "-: none\n");
}

} // namespace
} // namespace hikyaku::cli
