#include "tenant_fixture.h"

#include <hikyaku/crm/services.h>

#include <chrono>
#include <fstream>
#include <thread>

#include <unistd.h>

namespace hikyaku::crm
{
namespace
{

using ServicesTest = tenant_fixture;

TEST_F(ServicesTest, AnUploadBecomesContactsThroughAJob)
{
    std::string name = (std::filesystem::temp_directory_path() / "hk_services_XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    const std::filesystem::path dir = name;
    {
        jobs::jobs_options options;
        options.dir = dir / "jobs";
        jobs::jobs work(*db_, *log_, system_clock(), options);
        services crm(*db_, *log_, system_clock(), dir, work);
        work.run();
        std::ofstream(dir / "spooled") << "email,氏名\na@example.jp,山田\nnobody,x\n";
        const auto u = crm.uploads.adopt(tenant_, who_, dir / "spooled");
        ASSERT_TRUE(u.has_value());
        import_options o;
        o.upload_id = u->public_id();
        const auto started = work.start(tenant_, who_, import_kind, to_json(o));
        ASSERT_TRUE(started.has_value());
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
        while (work.active() != 0 && std::chrono::steady_clock::now() < deadline)
        {
            std::this_thread::yield();
        }
        const auto done = work.find(tenant_, started->public_id());
        EXPECT_EQ(done->state, jobs::job_state::done);
        EXPECT_TRUE(done->has_error_file);
        EXPECT_TRUE(std::filesystem::exists(work.error_file(*done)));
        EXPECT_EQ(*crm.contacts.count(tenant_), 1U);
        EXPECT_EQ(std::get<std::string>(*crm.contacts.get(tenant_, ordinal{1})->find(name_field)),
                  "山田");
        work.stop();
    }
    std::filesystem::remove_all(dir);
}

} // namespace
} // namespace hikyaku::crm
