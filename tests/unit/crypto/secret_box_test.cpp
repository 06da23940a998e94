#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/crypto/secret_box.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

namespace hikyaku::crypto
{
namespace
{

/// Counts up: the golden bytes need a known nonce.
class counting_random final : public random_source
{
public:
    void fill(std::span<std::byte> out) noexcept override
    {
        for (std::byte& b : out)
        {
            b = static_cast<std::byte>(next_++);
        }
    }

private:
    std::uint8_t next_ = 0;
};

master_key key_of(char c)
{
    return master_key::parse(std::string(32, c)).value();
}

class MasterKeyFile : public testing::Test
{
protected:
    void SetUp() override
    {
        std::string pattern = (std::filesystem::temp_directory_path() / "hk-key-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string write(std::string_view contents, mode_t mode)
    {
        const std::string path = folder_ + "/key";
        std::filesystem::remove(path);
        std::ofstream(path, std::ios::binary) << contents;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }
    std::string folder_;
};

TEST(MasterKey, ThreeFormsAreOneKey)
{
    const std::string raw = "0123456789abcdef0123456789ABCDE\n";
    ASSERT_EQ(raw.size(), 32U);
    const digest expected = master_key::parse(raw)->derive("x");
    for (const std::string& form :
         {encode_hex(raw), encode_hex(raw) + "\n", encode_base64(raw), encode_base64(raw) + "\r\n"})
    {
        const auto key = master_key::parse(form);
        ASSERT_TRUE(key.has_value()) << form;
        EXPECT_EQ(key->derive("x"), expected);
    }
    for (const std::string& bad :
         {std::string(), std::string(31, 'a'), std::string(33, 'a'), std::string(64, 'g'),
          encode_base64(std::string(31, 'a')), encode_hex(raw) + "\n\n", encode_hex(raw) + " "})
    {
        EXPECT_TRUE(master_key::parse(bad).has_error()) << bad;
    }
}

TEST(MasterKey, PurposesAndKeysAreIndependent)
{
    EXPECT_EQ(key_of('a').derive("p"), key_of('a').derive("p"));
    EXPECT_NE(key_of('a').derive("p"), key_of('a').derive("q"));
    EXPECT_NE(key_of('a').derive("p"), key_of('b').derive("p"));
}

TEST_F(MasterKeyFile, GeneratesOnceAndLoads)
{
    const std::string path = folder_ + "/master.key";
    ASSERT_TRUE(master_key::generate_to_file(path).has_value());
    struct stat info = {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    const auto first = master_key::load_file(path);
    ASSERT_TRUE(first.has_value());
    const auto again = master_key::generate_to_file(path);
    ASSERT_TRUE(again.has_error());
    EXPECT_EQ(master_key::load_file(path)->derive("x"), first->derive("x"));
    EXPECT_TRUE(master_key::generate_to_file(folder_ + "/none/key").has_error());
    // A dangling link is something at that path too.
    std::filesystem::create_symlink(folder_ + "/elsewhere", folder_ + "/link");
    EXPECT_TRUE(master_key::generate_to_file(folder_ + "/link").has_error());
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/elsewhere"));
}

TEST_F(MasterKeyFile, OpenFilesAreRefused)
{
    const std::string text = encode_hex(std::string(32, 'k'));
    EXPECT_TRUE(master_key::load_file(write(text, 0600)).has_value());
    EXPECT_TRUE(master_key::load_file(write(text, 0400)).has_value());
    for (const mode_t mode : {mode_t{0640}, mode_t{0604}, mode_t{0620}, mode_t{0610}, mode_t{0644}})
    {
        const auto refused = master_key::load_file(write(text, mode));
        ASSERT_TRUE(refused.has_error()) << mode;
        EXPECT_NE(refused.error().text.find("chmod 600"), std::string::npos);
    }
}

TEST_F(MasterKeyFile, OtherFilesAreRefused)
{
    EXPECT_TRUE(master_key::load_file(folder_ + "/missing").has_error());
    EXPECT_TRUE(master_key::load_file(folder_).has_error());
    EXPECT_TRUE(master_key::load_file(write("short", 0600)).has_error());
    EXPECT_TRUE(master_key::load_file(write(std::string(100'000, 'a'), 0600)).has_error());
    const std::string fifo = folder_ + "/fifo";
    ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_TRUE(master_key::load_file(fifo).has_error());
}

TEST(SecretBox, RoundTrips)
{
    const master_key key = key_of('k');
    for (const std::string& plain : {std::string(), std::string("s"), std::string(100'000, '\0')})
    {
        const std::string sealed = seal(key, "dkim", plain, "tenant 1");
        EXPECT_EQ(sealed.size(), plain.size() + seal_overhead_bytes);
        const auto opened = open(key, "dkim", sealed, "tenant 1");
        ASSERT_TRUE(opened.has_value());
        EXPECT_EQ(*opened, plain);
        EXPECT_NE(sealed, seal(key, "dkim", plain, "tenant 1")) << "nonces must differ";
    }
}

TEST(SecretBox, BoundToPurposeContextAndKey)
{
    const master_key key = key_of('k');
    const std::string sealed = seal(key, "dkim", "secret", "t1");
    EXPECT_TRUE(open(key, "totp", sealed, "t1").has_error());
    EXPECT_TRUE(open(key, "dkim", sealed, "t2").has_error());
    EXPECT_TRUE(open(key, "dkim", sealed).has_error());
    EXPECT_TRUE(open(key, "dkimt", sealed, "1").has_error());
    const master_key other = key_of('o');
    ASSERT_NE(other.id(), key.id());
    const auto refused = open(other, "dkim", sealed, "t1");
    ASSERT_TRUE(refused.has_error());
    EXPECT_NE(refused.error().text.find("another master key"), std::string::npos);
    EXPECT_EQ(sealed_key_id(sealed), key.id());
}

TEST(SecretBox, EveryBitIsAuthenticated)
{
    const master_key key = key_of('k');
    const std::string sealed = seal(key, "p", "some secret");
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit)
    {
        std::string bad = sealed;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_TRUE(open(key, "p", bad).has_error()) << bit;
    }
    for (std::size_t cut = 0; cut < sealed.size(); ++cut)
    {
        EXPECT_TRUE(open(key, "p", sealed.substr(0, cut)).has_error());
    }
    EXPECT_TRUE(open(key, "p", sealed + "x").has_error());
}

/// Stored for years: these bytes must open in every later version.
TEST(SecretBox, Golden)
{
    counting_random random;
    EXPECT_EQ(encode_hex(seal(key_of('g'), "golden", "value", "ctx", random)),
              "019a000102030405060708090a0bcd3fa79f59285ab79449a225f053f9f5a564d1f12c");
}

} // namespace
} // namespace hikyaku::crypto
