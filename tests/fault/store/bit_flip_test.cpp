#include "workload.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <random>

#include <unistd.h>

namespace hikyaku::store::fault
{
namespace
{

namespace fs = std::filesystem;
constexpr auto deadline = std::chrono::seconds{40};
constexpr std::uint32_t rows_written = 120;
constexpr int noticed = 10;
constexpr int silent_loss = 11;

/// A store with tables and a log, whose process died after the watermark was written.
int write_rows(stage& s)
{
    const auto env = s.make_env();
    auto db = std::move(*database::open(s.make_options(*env)));
    record created(platform_tenant);
    created.create_family(own[0]);
    db->commit(std::move(created), commit_class::control);
    for (std::uint32_t i = 0; i < rows_written; ++i)
    {
        record r(own[0]);
        r.put(space::data, "k" + std::to_string(1000 + i), std::string(100, 'v'));
        db->commit(std::move(r), commit_class::control);
        if (i == rows_written / 2)
        {
            db->flush();
        }
    }
    ::usleep(1'500'000); // the watermark is written once a second
    ::_exit(0);
}

/// 0: all is there; `noticed`: something was named; `silent_loss`: nothing was, and rows are gone.
int read_rows(stage& s)
{
    auto opened = database::open(s.make_options(*rocksdb::Env::Default()));
    if (opened.has_error())
    {
        return noticed;
    }
    const auto& db = **opened;
    const auto tenant = db.find_tenant(own[0]);
    bool named = db.missing().has_value() || !db.damaged_tables().empty();
    bool lost = tenant == nullptr;
    for (std::uint32_t i = 0; tenant != nullptr && i < rows_written; ++i)
    {
        const auto row = tenant->find("k" + std::to_string(1000 + i));
        named = named || row.has_error();
        lost = lost || row.has_error() || *row != std::string(100, 'v');
    }
    ::_exit(named ? noticed : lost ? silent_loss : 0);
}

TEST(StoreBitFlip, DamageIsNamedOrHarmless)
{
    stage s("flip");
    ASSERT_EQ(test::run_child([&] { return write_rows(s); }, deadline).code, 0);
    const fs::path good = s.root / "good";
    fs::copy(s.dir, good);
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(good))
    {
        const std::string name = entry.path().filename();
        if (!name.starts_with("LO") && entry.file_size() > 0)
        {
            files.push_back(entry.path().filename());
        }
    }
    std::mt19937_64 random(5);
    int harmless = 0;
    for (int i = 0; i < 200; ++i)
    {
        const auto name = files[random() % files.size()];
        const auto bit = random() % (fs::file_size(good / name) * 8);
        SCOPED_TRACE(name.string() + " bit " + std::to_string(bit));
        fs::remove_all(s.dir);
        fs::copy(good, s.dir);
        std::fstream file(s.dir / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(bit / 8));
        const int byte = file.get();
        file.seekp(static_cast<std::streamoff>(bit / 8));
        file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
        file.close();
        const auto end = test::run_child([&] { return read_rows(s); }, deadline);
        harmless += end.code == 0 ? 1 : 0;
        EXPECT_TRUE(!end.hung && (end.code == 0 || end.code == noticed || end.code == 74))
            << end.code << " signal " << end.signal << " " << end.errors;
    }
    std::printf("200 bits: %d harmless, the rest named\n", harmless);
    EXPECT_LT(harmless, 200);
}

} // namespace
} // namespace hikyaku::store::fault
