#include "child_process.h"

#include <hikyaku/queue/active_queue.h>
#include <hikyaku/queue/keys.h>

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>
#include <unistd.h>

namespace hikyaku::queue
{
namespace
{

namespace fs = std::filesystem;
constexpr auto deadline = std::chrono::seconds{60};
constexpr std::uint32_t domains = 24;
constexpr std::uint32_t recipients = domains * 900;
constexpr std::size_t campaigns = 3;
const wall_time start = from_unix_ms(1'700'000'000'000);
const wall_time later = start + std::chrono::hours{24};

// How the reader of a damaged store ends.
constexpr int whole = 0;
constexpr int some_held = 10;
constexpr int all_refused = 11;
constexpr int broken_promise = 14;

campaign_ref campaign(std::size_t i)
{
    return {tenant_id{7}, campaign_id{100 + i}};
}

/// What the queue of the undamaged store has to hand out: lane of each pending recipient.
using pending_map = std::array<std::map<std::uint32_t, std::uint32_t>, campaigns>;

[[noreturn]] void complain(const std::string& what)
{
    std::fprintf(stderr, "check: %s\n", what.c_str());
    std::fflush(stderr);
    ::_exit(broken_promise);
}

std::unique_ptr<store::database> open_store(const fs::path& dir)
{
    store::options opts;
    opts.path = dir;
    auto opened = store::database::open(opts);
    return opened.has_value() ? std::move(*opened) : nullptr;
}

std::vector<lease> take_all(active_queue& queue, std::size_t at_most)
{
    std::vector<lease> out;
    for (const auto lane : queue.take_new_lanes())
    {
        while (out.size() < at_most && queue.has_ready(lane, later) &&
               queue.take(lane, at_most - out.size(), later, out) > 0)
        {
        }
    }
    return out;
}

void settle_some(store::database& db, active_queue& queue, std::size_t at_most, unsigned modulus)
{
    std::vector<outcome> outcomes;
    for (const auto& l : take_all(queue, at_most))
    {
        outcome o;
        o.l = l;
        o.f.at = start;
        o.f.attempt = 1;
        o.f.what = l.who.value % modulus == 0 ? disposition::deferred : disposition::delivered;
        o.f.next_try = l.who.value % modulus == 0 ? start + std::chrono::hours{1} : wall_time{};
        outcomes.push_back(std::move(o));
    }
    for (auto& s : queue.settle(outcomes))
    {
        db.commit(std::move(s.rows), store::commit_class::outcome);
    }
}

/// Three campaigns with two dozen lanes each, a part of them settled or deferred, all of it in one
/// table of the queue family; then some more outcomes that only the log has.
int write_campaigns(const fs::path& dir)
{
    auto db = open_store(dir);
    store::record created(platform_tenant);
    created.create_family(campaign(0).tenant);
    db->commit(std::move(created), store::commit_class::control);
    for (std::size_t c = 0; c < campaigns; ++c)
    {
        active_queue queue(*db, recipients);
        lifecycle life;
        life.state = campaign_state::sending;
        life.expires_at = later + std::chrono::hours{24};
        expansion_state e;
        e.recipients = recipients;
        e.complete = true;
        std::vector<chunk_entry> page;
        for (std::uint32_t i = 0; i < recipients; ++i)
        {
            // Gaps of many sizes: rows that don't compress away.
            page.push_back({ordinal{i * 97 + i * i % 89}, domain_id{1 + i % domains}});
        }
        expander x(db->queue(), campaign(c));
        store::record r(campaign(c).tenant);
        r.put(store::space::queue, campaign_key(row::lifecycle, campaign(c)), encode(life));
        const auto grown = x.add_page(page, e, r);
        db->commit(std::move(r), store::commit_class::bulk);
        queue.open_campaign(campaign(c), life, e);
        queue.grow(campaign(c), e, *grown);
        settle_some(*db, queue, recipients / 3, 2);
    }
    db->flush();
    db->compact_all();
    active_queue queue(*db, recipients);
    if (!queue.load(true))
    {
        return broken_promise;
    }
    settle_some(*db, queue, 500, 3);
    ::_exit(0);
}

pending_map hand_out(active_queue& queue, bool& twice)
{
    pending_map out;
    const auto leases = take_all(queue, campaigns * recipients);
    for (const auto& l : leases)
    {
        auto& of = out[l.campaign.campaign.value - 100];
        twice = twice || !of.emplace(l.who.value, queue.id_of(l.lane).value).second;
    }
    return out;
}

/// First and last key of a damaged block; both empty: none. Whether a key between them exists is
/// what nobody can know.
using key_range = std::pair<std::string, std::string>;

/// The keys of the good table that can't be read in the damaged one.
key_range find_reach(const fs::path& good, const fs::path& bad)
{
    key_range reach;
    rocksdb::SstFileReader whole_table((rocksdb::Options()));
    rocksdb::SstFileReader table((rocksdb::Options()));
    if (!whole_table.Open(good).ok() || !table.Open(bad).ok())
    {
        complain("the frame of the table was hit");
    }
    const std::unique_ptr<rocksdb::Iterator> all(whole_table.NewIterator({}));
    const std::unique_ptr<rocksdb::Iterator> probe(table.NewIterator({}));
    for (all->SeekToFirst(); all->Valid(); all->Next())
    {
        probe->Seek(all->key());
        // The index knows a block's first key: only the value tells whether the block is read.
        if (!probe->Valid() || probe->key() != all->key() || probe->value() != all->value() ||
            !probe->status().ok())
        {
            const std::string key = all->key().ToString();
            reach.first = reach.second.empty() ? key : reach.first;
            reach.second = key;
        }
    }
    return reach;
}

bool touches(const key_range& reach, const std::string& prefix)
{
    return !reach.second.empty() && prefix <= reach.second &&
           store::prefix_end(prefix) > reach.first;
}

std::string hex(std::string_view key)
{
    std::string out;
    for (const char c : key)
    {
        constexpr std::string_view digits = "0123456789abcdef";
        out += digits[static_cast<unsigned char>(c) >> 4U];
        out += digits[static_cast<unsigned char>(c) & 15U];
    }
    return out;
}

struct damage
{
    fs::path good;
    std::string name;
    /// The hit lies in a data block, so that the table opens.
    bool in_data = false;
};

int read_damaged(const fs::path& dir, const damage& d)
{
    pending_map expected;
    bool twice = false;
    {
        const auto copy = dir.parent_path() / "whole";
        fs::remove_all(copy);
        fs::copy(d.good, copy);
        const auto db = open_store(copy);
        active_queue queue(*db, campaigns * recipients);
        (void)queue.load(true);
        expected = hand_out(queue, twice);
        if (queue.damaged_lanes() != 0 || expected[2].size() < recipients / 3)
        {
            complain("the test's own copy is damaged");
        }
    }
    const auto reach = d.in_data ? find_reach(d.good / d.name, dir / d.name) : key_range{};
    const auto db = open_store(dir);
    if (db == nullptr)
    {
        complain("it does not open");
    }
    const auto is_named = [&]
    {
        const auto texts = db->damaged_tables();
        return std::any_of(texts.begin(), texts.end(), [&](const std::string& t)
                           { return t.find(d.name) != std::string::npos; });
    };
    active_queue queue(*db, campaigns * recipients);
    if (queue.load(true).has_error())
    {
        if (d.in_data || !is_named())
        {
            complain("the queue does not load");
        }
        ::_exit(all_refused);
    }
    const auto found = hand_out(queue, twice);
    if (twice)
    {
        complain("handed out twice");
    }
    bool held = false;
    for (std::size_t c = 0; c < campaigns; ++c)
    {
        const auto ref = campaign(c);
        const bool is_loaded = queue.find_lifecycle(ref) != nullptr;
        const bool is_marked = queue.damaged_campaigns().contains(ref);
        std::set<std::uint32_t> damaged_lanes;
        if (is_loaded)
        {
            for (const auto& l : queue.lanes(ref))
            {
                if (l.damaged)
                {
                    damaged_lanes.insert(l.lane.value);
                }
            }
            if (queue.pending(ref) != expected[c].size())
            {
                complain("recipients that are held do not count as pending");
            }
        }
        const bool campaign_touched = touches(reach, campaign_key(row::lifecycle, ref)) ||
                                      touches(reach, campaign_key(row::expansion, ref)) ||
                                      touches(reach, campaign_key(row::counters, ref));
        for (const auto& [who, lane] : found[c])
        {
            if (!expected[c].contains(who))
            {
                complain("a settled recipient is handed out");
            }
        }
        for (const auto& [who, lane] : expected[c])
        {
            if (found[c].contains(who))
            {
                continue;
            }
            held = true;
            const std::string text = "recipient " + std::to_string(who) + " of lane " +
                                     std::to_string(lane) + " of campaign " + std::to_string(c);
            if (!damaged_lanes.contains(lane) && !is_marked)
            {
                complain(text + " is lost without a word");
            }
            bool lane_touched = false;
            for (const row kind : {row::chunk, row::progress, row::deferred})
            {
                lane_touched = lane_touched || touches(reach, lane_key(kind, ref, {lane}));
            }
            // A campaign some of whose lanes are unknown is named as a whole.
            if (d.in_data && !lane_touched && !campaign_touched && !is_marked)
            {
                complain(text + " is held, and its lane is not damaged (" +
                         (damaged_lanes.contains(lane) ? "lane" : "campaign") +
                         "), unreadable: " + hex(reach.first) + " to " + hex(reach.second));
            }
        }
    }
    if (held && (queue.damaged_lanes() == 0 || !is_named()))
    {
        complain("recipients are held and " + d.name + " is not named");
    }
    std::fflush(stderr);
    ::_exit(held ? some_held : whole);
}

class QueueDamage : public testing::Test
{
protected:
    QueueDamage()
        : root_(fs::temp_directory_path() / ("hk_damage_queue_" + std::to_string(::getpid())))
    {
        fs::remove_all(root_);
        fs::create_directories(root_);
    }
    ~QueueDamage() override
    {
        std::error_code ignored; // a leftover temporary directory fails no test
        fs::remove_all(root_, ignored);
    }
    void SetUp() override
    {
        const auto made =
            test::run_child([this] { return write_campaigns(root_ / "good"); }, deadline);
        ASSERT_EQ(made.code, 0) << made.errors;
        // RocksDB may not be used in this process: a child finds the queue's table.
        const auto measured = test::run_child(
            [this]
            {
                for (const auto& entry : fs::directory_iterator(root_ / "good"))
                {
                    rocksdb::SstFileReader table((rocksdb::Options()));
                    if (entry.path().extension() == ".sst" && table.Open(entry.path()).ok() &&
                        table.GetTableProperties()->column_family_name == "queue" &&
                        table.GetTableProperties()->data_size > 20'000)
                    {
                        std::ofstream(root_ / "table") << entry.path().filename().string() << ' '
                                                       << table.GetTableProperties()->data_size;
                        return 0;
                    }
                }
                return broken_promise;
            },
            deadline);
        ASSERT_EQ(measured.code, 0);
        std::ifstream(root_ / "table") >> table_ >> data_bytes_;
        bytes_ = fs::file_size(root_ / "good" / table_);
    }
    int flip(std::uint64_t byte, unsigned bit)
    {
        SCOPED_TRACE(table_ + " byte " + std::to_string(byte) + " of " + std::to_string(bytes_));
        fs::remove_all(root_ / "data");
        fs::copy(root_ / "good", root_ / "data");
        std::fstream file(root_ / "data" / table_, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(byte));
        const int old = file.get();
        file.seekp(static_cast<std::streamoff>(byte));
        file.put(static_cast<char>(old ^ (1 << bit)));
        file.close();
        const damage d{root_ / "good", table_, byte < data_bytes_};
        const auto end = test::run_child([&] { return read_damaged(root_ / "data", d); }, deadline);
        ++ends_[end.signal != 0 ? -end.signal : end.code];
        EXPECT_TRUE(!end.hung &&
                    (end.code == whole || end.code == some_held || end.code == all_refused))
            << end.code << " signal " << end.signal << "\n"
            << end.errors;
        return end.code;
    }

    fs::path root_;
    std::string table_;
    std::uint64_t bytes_ = 0;
    std::uint64_t data_bytes_ = 0;
    std::map<int, int> ends_;
};

TEST_F(QueueDamage, LanesOutsideTheDamageAreHandedOutAndNobodyIsLostSilently)
{
    std::mt19937_64 random(11);
    const std::uint64_t steps = std::getenv("HK_FAULT_ALL") != nullptr ? 100 : 16;
    for (std::uint64_t i = 0; i < steps && !HasFailure(); ++i)
    {
        // Spread over the whole table, so that every kind of row is hit.
        const auto end = flip(i * data_bytes_ / steps + random() % (data_bytes_ / steps),
                              static_cast<unsigned>(random() % 8));
        EXPECT_NE(end, all_refused) << "a data block must not hold up everything";
    }
    EXPECT_GT(ends_[some_held], 0);
    for (int i = 0; i < 4 && !HasFailure(); ++i)
    {
        (void)flip(data_bytes_ + random() % (bytes_ - data_bytes_), 0);
    }
    (void)flip(bytes_ - 1, 3); // its last byte: RocksDB does not take it for a table any more
    std::printf("%llu bytes of data in %s:", static_cast<unsigned long long>(data_bytes_),
                table_.c_str());
    for (const auto& [end, count] : ends_)
    {
        std::printf(" %d:%d", end, count);
    }
    std::printf("\n");
}

} // namespace
} // namespace hikyaku::queue
