#include <hikyaku/identity/operator_token.h>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace hikyaku::identity
{
namespace
{

class OperatorTokenTest : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "hk-token-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string write(const std::string& text, mode_t mode)
    {
        const std::string path = folder_ / "token";
        std::filesystem::remove(path);
        std::ofstream(path) << text;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    std::filesystem::path folder_;
};

const std::string good(32, 't');

TEST_F(OperatorTokenTest, OnlyTheTokenItselfIsLetIn)
{
    const auto token = operator_token::load_file(write(good + "\n", 0600));
    ASSERT_TRUE(token.has_value()) << token.error().text;
    EXPECT_TRUE(token->verify("Bearer " + good));
    EXPECT_TRUE(token->verify("bearer " + good));
    for (const std::string& header :
         {std::string(), good, std::string("Bearer"), "Bearer " + good + "t",
          "Bearer " + good.substr(1), "Bearer " + good + "\n", "Basic " + good,
          "Bearer " + std::string(100'000, 't')})
    {
        EXPECT_FALSE(token->verify(header)) << header.substr(0, 60);
    }
}

TEST_F(OperatorTokenTest, FilesThatOthersCanReadOrThatHoldNoTokenAreRefused)
{
    struct
    {
        std::string text;
        mode_t mode;
        bool loads;
    } const rows[] = {
        {good, 0600, true},
        {good + "\r\n", 0640, true},
        {good, 0644, false},
        {good, 0620, false},
        {good, 0604, false},
        {good.substr(1), 0600, false},
        {"", 0600, false},
        {good + "\n" + good, 0600, false},
        {good + " x", 0600, false},
        {std::string(512, 'x') + "\n", 0600, true},
        {std::string(513, 'x'), 0600, false},
        {std::string(10'000, 'x'), 0600, false},
    };
    for (const auto& row : rows)
    {
        const auto token = operator_token::load_file(write(row.text, row.mode));
        EXPECT_EQ(token.has_value(), row.loads) << row.text.size() << ' ' << row.mode;
    }
    EXPECT_TRUE(operator_token::load_file(folder_ / "absent").has_error());
    EXPECT_TRUE(operator_token::load_file(folder_).has_error());
}

TEST_F(OperatorTokenTest, AGeneratedTokenLoadsAndIsNeverOverwritten)
{
    const std::string path = folder_ / "made";
    ASSERT_TRUE(operator_token::generate_to_file(path).has_value());
    std::ifstream in(path);
    std::string text;
    std::getline(in, text);
    const auto token = operator_token::load_file(path);
    ASSERT_TRUE(token.has_value()) << token.error().text;
    EXPECT_TRUE(token->verify("Bearer " + text));
    EXPECT_TRUE(operator_token::generate_to_file(path).has_error());
    EXPECT_TRUE(operator_token::load_file(path).has_value());
}

} // namespace
} // namespace hikyaku::identity
