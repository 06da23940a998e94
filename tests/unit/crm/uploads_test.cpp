#include "tenant_fixture.h"

#include <hikyaku/crm/uploads.h>

#include <fstream>
#include <sstream>

#include <unistd.h>

namespace hikyaku::crm
{
namespace
{

class UploadsTest : public tenant_fixture
{
protected:
    void SetUp() override
    {
        tenant_fixture::SetUp();
        std::string name = (std::filesystem::temp_directory_path() / "hk_uploads_XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
        files_ = std::make_unique<uploads>(*db_, *log_, system_clock(), dir_ / "uploads");
    }
    void TearDown() override { std::filesystem::remove_all(dir_); }
    [[nodiscard]] std::filesystem::path spool(const std::string& text) const
    {
        const auto path = dir_ / "spooled";
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }

    std::filesystem::path dir_;
    std::unique_ptr<uploads> files_;
};

TEST_F(UploadsTest, AdoptsAFileAndFindsItForItsTenantOnly)
{
    const auto spooled = spool("email\na@example.jp\n");
    const auto u = files_->adopt(tenant_, who_, spooled, [](const upload& made, store::record& data)
                                 { data.put(store::space::data, "i", made.public_id()); });
    ASSERT_TRUE(u.has_value());
    EXPECT_FALSE(std::filesystem::exists(spooled));
    EXPECT_EQ(last_verb(), "upload.create");
    EXPECT_EQ(rows()->find("i")->value(), u->public_id());
    const auto found = files_->find(tenant_, u->public_id());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->bytes, 19U);
    std::ostringstream text;
    text << std::ifstream(found->file).rdbuf();
    EXPECT_EQ(text.str(), "email\na@example.jp\n");
    EXPECT_EQ(files_->find(other_, u->public_id()).error().code, errc::not_found);
    EXPECT_EQ(files_->find(tenant_, "upl_../../etc").error().code, errc::not_found);
    EXPECT_EQ(files_->find(tenant_, "").error().code, errc::not_found);
}

TEST_F(UploadsTest, AMissingFileOrTenantLeavesNoRow)
{
    EXPECT_EQ(files_->adopt(tenant_, who_, dir_ / "none").error().code, errc::io);
    const auto spooled = spool("x");
    EXPECT_EQ(files_->adopt(tenant_id{77}, who_, spooled).error().code, errc::not_found);
    EXPECT_TRUE(std::filesystem::exists(spooled));
    EXPECT_TRUE(keys("U").empty());
}

TEST_F(UploadsTest, ExpiresRowsFilesAndStrays)
{
    const auto u = *files_->adopt(tenant_, who_, spool("x"));
    const auto stray = u.file.parent_path() / format_id("upl", u.id + 1);
    const auto foreign = u.file.parent_path() / "notes.txt";
    std::ofstream(stray) << "no row";
    std::ofstream(foreign) << "not ours";
    const auto now = system_clock().wall();
    EXPECT_EQ(*files_->expire(tenant_, now), 0U);
    EXPECT_TRUE(std::filesystem::exists(stray)) << "its row may still come";
    EXPECT_EQ(*files_->expire(tenant_, now + std::chrono::hours{2}), 0U);
    EXPECT_FALSE(std::filesystem::exists(stray));
    EXPECT_TRUE(std::filesystem::exists(u.file));
    EXPECT_EQ(*files_->expire(tenant_, now + std::chrono::days{8}), 1U);
    EXPECT_FALSE(std::filesystem::exists(u.file));
    EXPECT_TRUE(std::filesystem::exists(foreign));
    EXPECT_EQ(files_->find(tenant_, u.public_id()).error().code, errc::not_found);
    EXPECT_EQ(last_verb(), "upload.expire");
}

} // namespace
} // namespace hikyaku::crm
