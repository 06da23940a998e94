#include "workload.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <unistd.h>

namespace hikyaku::store::fault
{
namespace
{

namespace fs = std::filesystem;
constexpr auto deadline = std::chrono::seconds{40};
constexpr std::uint32_t rows_written = 160;
constexpr std::size_t tenants = 2;
const std::string value(100, 'v');

// How the reader of a damaged store ends.
constexpr int whole = 0;
constexpr int gap_named = 10;
constexpr int table_named = 11;
constexpr int refused = 12;
constexpr int refused_by_name = 13;
constexpr int broken_promise = 14;

std::string own_key(std::uint32_t i)
{
    return "k" + std::to_string(1000 + i);
}
std::string queue_row(std::size_t t, std::uint32_t i)
{
    std::string key = "L";
    for (int shift = 24; shift >= 0; shift -= 8)
    {
        key += static_cast<char>(own[t].value >> shift);
    }
    return key + std::to_string(1000 + i);
}

/// A store with three generations of tables and a log, whose process died after the watermark was
/// written. A quarter of the rows lies in each.
int write_rows(stage& s)
{
    const auto env = s.make_env();
    auto db = std::move(*database::open(s.make_options(*env)));
    for (std::size_t t = 0; t < tenants; ++t)
    {
        record created(platform_tenant);
        created.create_family(own[t]);
        created.put(space::data, "T" + std::to_string(t), value);
        db->commit(std::move(created), commit_class::control);
    }
    for (std::uint32_t i = 0; i < rows_written; ++i)
    {
        for (std::size_t t = 0; t < tenants; ++t)
        {
            record r(own[t]);
            r.put(space::data, own_key(i), value);
            r.put(space::queue, queue_row(t, i), value);
            db->commit(std::move(r), commit_class::control);
        }
        if (i % (rows_written / 4) == rows_written / 4 - 1 && i + 1 < rows_written)
        {
            db->flush();
        }
    }
    ::usleep(1'500'000); // the watermark is written once a second
    ::_exit(0);
}

/// What one table file holds, read from the copy that is whole.
struct table_content
{
    std::string family;
    std::set<std::string> keys;
    std::uint64_t number = 0;
};

table_content read_table(const fs::path& file)
{
    table_content out;
    rocksdb::SstFileReader table((rocksdb::Options()));
    if (!table.Open(file).ok())
    {
        ::_exit(broken_promise);
    }
    out.family = table.GetTableProperties()->column_family_name;
    out.number = std::stoull(file.stem());
    const std::unique_ptr<rocksdb::Iterator> it(table.NewIterator({}));
    for (it->SeekToFirst(); it->Valid(); it->Next())
    {
        out.keys.insert(it->key().ToString());
    }
    return out;
}

/// Whether a read of the key must go well: it does not have to pass the damaged table, which covers
/// the keys from its first to its last. A newer generation is looked at before it.
bool is_outside(const table_content& damaged, const std::string& family, const std::string& key,
                const std::vector<table_content>& all)
{
    if (family != damaged.family || damaged.keys.empty() || key < *damaged.keys.begin() ||
        key > *damaged.keys.rbegin())
    {
        return true;
    }
    bool in_table = false;
    for (const auto& t : all)
    {
        if (t.family == family && t.keys.contains(key))
        {
            in_table = true;
            if (t.number > damaged.number)
            {
                return true;
            }
        }
    }
    return !in_table; // it lies in the log, so in the youngest table of all
}

[[noreturn]] void complain(const std::string& what)
{
    std::fprintf(stderr, "check: %s\n", what.c_str());
    std::fflush(stderr);
    ::_exit(broken_promise);
}

bool names(const std::vector<std::string>& texts, const std::string& what)
{
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& t) { return t.find(what) != std::string::npos; });
}

/// Reads every row of a store with a damaged table. Rows that are not in its reach must be there.
int read_around(database& db, const std::vector<table_content>& all, const table_content& damaged,
                const std::string& name)
{
    bool lost = false;
    const auto look = [&](const reader& from, const std::string& family, const std::string& key)
    {
        const auto row = from.find(key);
        const bool right = row.has_value() && row->has_value() && **row == value;
        if (!right && row.has_value())
        {
            complain("the row " + key + " of " + family + " is wrong, and nobody says so");
        }
        if (!right && is_outside(damaged, family, key, all))
        {
            complain("the row " + key + " of " + family + " is unreadable: " + name +
                     " does not hold it");
        }
        lost = lost || !right;
    };
    for (std::size_t t = 0; t < tenants; ++t)
    {
        const std::string family = "t0000000" + std::string(t == 0 ? "b" : "c");
        const auto tenant = db.find_tenant(own[t]);
        if (tenant == nullptr)
        {
            // Only its own head's loss ends a tenant, and then it is told by its number.
            if (damaged.family != family || !damaged.keys.contains("J") ||
                !names(db.damaged_tables(), "tenant " + std::to_string(own[t].value)))
            {
                complain(family + " is gone");
            }
            lost = true;
        }
        for (std::uint32_t i = 0; i < rows_written; ++i)
        {
            if (tenant != nullptr)
            {
                look(*tenant, family, own_key(i));
            }
            look(db.queue(), "queue", queue_row(t, i));
        }
        look(db.platform(), "platform", "T" + std::to_string(t));
    }
    if (lost && !names(db.damaged_tables(), name))
    {
        complain("rows are unreadable and " + name + " is not named");
    }
    return names(db.damaged_tables(), name) ? table_named : whole;
}

/// The rows that are there must be the first ones; when some are missing the gap must say so.
int read_prefix(database& db)
{
    std::uint32_t found = 0;
    bool ended = false;
    for (std::uint32_t i = 0; i < rows_written; ++i)
    {
        for (std::size_t t = 0; t < tenants; ++t)
        {
            const auto tenant = db.find_tenant(own[t]);
            const auto row = tenant ? tenant->find(own_key(i))
                                    : result<std::optional<std::string>>(std::nullopt);
            const auto twin = db.queue().find(queue_row(t, i));
            if (!row || !twin || row->has_value() != twin->has_value())
            {
                complain("half a record of row " + std::to_string(i));
            }
            if (row->has_value() && (ended || **row != value || **twin != value))
            {
                complain("row " + std::to_string(i) + " is there behind one that is not");
            }
            ended = ended || !row->has_value();
            found += row->has_value() ? 1 : 0;
        }
    }
    const auto& gap = db.missing();
    if (ended && !gap)
    {
        complain("acknowledged rows are gone, and no gap is named");
    }
    if (gap && (gap->acknowledged <= gap->found || gap->found == 0))
    {
        complain("the gap has no extent");
    }
    if (gap && !ended && found == rows_written * tenants)
    {
        complain("a gap is named and nothing is missing");
    }
    return gap ? gap_named : whole;
}

int read_damaged(stage& s, const fs::path& good, const std::string& name)
{
    std::vector<table_content> all;
    table_content damaged;
    for (const auto& entry : fs::directory_iterator(good))
    {
        if (entry.path().extension() == ".sst")
        {
            all.push_back(read_table(entry.path()));
            if (entry.path().filename() == name)
            {
                damaged = all.back();
            }
        }
    }
    auto opened = database::open(s.make_options(*rocksdb::Env::Default()));
    if (opened.has_error())
    {
        if (!name.ends_with(".sst"))
        {
            return name.ends_with(".log") ? (complain("a damaged log must not refuse"), 0)
                                          : refused;
        }
        // Without the platform's journal head nothing may start.
        return damaged.family == "platform" && damaged.keys.contains("J")
                   ? refused_by_name
                   : (complain("it does not open"), 0);
    }
    auto& db = **opened;
    int end = whole;
    if (name.ends_with(".sst"))
    {
        if (db.missing())
        {
            complain("a gap is named, and the log is whole");
        }
        end = read_around(db, all, damaged, name);
    }
    else
    {
        end = name == "acked.seq" && db.missing() && db.missing()->acknowledged == 0
                  ? gap_named
                  : read_prefix(db);
    }
    std::fflush(stderr);
    ::_exit(end);
}

class StoreBitFlip : public testing::Test
{
protected:
    void SetUp() override
    {
        ASSERT_EQ(test::run_child([&] { return write_rows(stage_); }, deadline).code, 0);
        fs::copy(stage_.dir, good_);
        for (const auto& entry : fs::directory_iterator(good_))
        {
            const std::string name = entry.path().filename();
            if (!name.starts_with("LO") && entry.file_size() > 0)
            {
                files_.push_back(name);
            }
        }
        std::sort(files_.begin(), files_.end());
    }
    std::vector<std::string> files(std::string_view end) const
    {
        std::vector<std::string> out;
        std::copy_if(files_.begin(), files_.end(), std::back_inserter(out),
                     [&](const std::string& n) { return n.ends_with(end); });
        return out;
    }
    std::uint64_t bits(const std::string& name) const { return fs::file_size(good_ / name) * 8; }
    /// Flips a bit of a fresh copy, reads it, and counts how that ended.
    int flip(const std::string& name, std::uint64_t bit)
    {
        SCOPED_TRACE(name + " bit " + std::to_string(bit) + " of " + std::to_string(bits(name)));
        fs::remove_all(stage_.dir);
        fs::copy(good_, stage_.dir);
        std::fstream file(stage_.dir / name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(bit / 8));
        const int byte = file.get();
        file.seekp(static_cast<std::streamoff>(bit / 8));
        file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
        file.close();
        const auto end =
            test::run_child([&] { return read_damaged(stage_, good_, name); }, deadline);
        ++ends_[end.signal != 0 ? -end.signal : end.code];
        EXPECT_TRUE(!end.hung &&
                    (end.code == whole || (end.code >= gap_named && end.code <= refused_by_name)))
            << end.code << " signal " << end.signal << "\n"
            << end.errors;
        EXPECT_TRUE(end.code != refused_by_name || end.errors.find(name) != std::string::npos)
            << "the refusal does not name " << name << "\n"
            << end.errors;
        return end.code;
    }
    void print(const char* what) const
    {
        std::printf("%s:", what);
        for (const auto& [end, count] : ends_)
        {
            std::printf(" %d:%d", end, count);
        }
        std::printf("\n");
    }

    stage stage_{"flip"};
    const fs::path good_ = stage_.root / "good";
    std::vector<std::string> files_;
    std::map<int, int> ends_;
};

TEST_F(StoreBitFlip, ADamagedLogIsNoticedAndTheGapNamed)
{
    std::mt19937_64 random(5);
    for (const auto& name : files(".log"))
    {
        // The end of the file is what a torn write would leave; a step through all of it.
        for (std::uint64_t bit = random() % 600; bit < bits(name);
             bit += 1 + random() % (bits(name) / 40))
        {
            (void)flip(name, bit);
        }
        (void)flip(name, bits(name) - 1);
    }
    print("log");
    EXPECT_GT(ends_[gap_named], ends_[whole]);
}

TEST_F(StoreBitFlip, ADamagedTableIsNamedAndTheRestIsRead)
{
    std::mt19937_64 random(6);
    const auto tables = files(".sst");
    ASSERT_GE(tables.size(), 9U);
    for (const auto& name : tables)
    {
        for (int i = 0; i < 5; ++i)
        {
            (void)flip(name, random() % bits(name));
        }
        // The frame: the footer's last bytes say what kind of file it is.
        (void)flip(name, bits(name) - 1 - random() % 64);
        (void)flip(name, bits(name) - 65 - random() % 300);
    }
    print("tables");
    EXPECT_GT(ends_[table_named], ends_[whole]);
}

TEST_F(StoreBitFlip, EveryOtherFileIsHarmlessOrRefused)
{
    std::mt19937_64 random(7);
    for (const auto& name : files_)
    {
        if (name.ends_with(".log") || name.ends_with(".sst"))
        {
            continue;
        }
        for (int i = 0; i < 8; ++i)
        {
            const int end = flip(name, random() % bits(name));
            EXPECT_TRUE(name != "acked.seq" || end == gap_named);
        }
    }
    print("others");
}

} // namespace
} // namespace hikyaku::store::fault
