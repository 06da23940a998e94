#include <hikyaku/feed/log_line.h>
#include <hikyaku/feed/tail.h>

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "facts.h"

namespace hikyaku::feed
{
namespace
{

using strings = std::vector<std::string>;

/// Gathers lines and lets the test wait for them.
class gathered
{
public:
    line_callback callback()
    {
        return [this](std::string_view line)
        {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(line);
            changed_.notify_all();
            return lines_.size() < limit_;
        };
    }
    strings wait_for(std::size_t count)
    {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds{20}, [&] { return lines_.size() >= count; });
        return lines_;
    }
    void stop_at(std::size_t limit) { limit_ = limit; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    strings lines_;
    std::size_t limit_ = ~std::size_t{0};
};

class TailTest : public testing::Test
{
protected:
    void append(const std::string& text) const
    {
        std::ofstream(path_, std::ios::app) << text << std::flush;
    }
    strings last(std::size_t count, const log_filter& filter = {})
    {
        gathered lines;
        tail t(path_, filter);
        const auto done = t.read_last(count, lines.callback());
        EXPECT_TRUE(done.has_value());
        return lines.wait_for(0);
    }
    test::temporary_directory dir_;
    std::string path_ = dir_ / "delivery.log";
};

TEST_F(TailTest, LastLinesOldestFirst)
{
    append("one\ntwo\nthree\nunfinished");
    EXPECT_EQ(last(2), (strings{"two", "three"}));
    EXPECT_EQ(last(0), strings{});
    EXPECT_EQ(last(10), (strings{"one", "two", "three"}));
}

TEST_F(TailTest, EmptyFileHasNoLines)
{
    append("");
    EXPECT_EQ(last(5), strings{});
}

TEST_F(TailTest, LinesAcrossBlocksAreWhole)
{
    strings all;
    std::string text;
    for (std::size_t i = 0; i < 500; ++i)
    {
        all.push_back(std::to_string(i) + std::string(i * 7 % 1'500, 'x'));
        text += all.back() + "\n";
    }
    append(text);
    EXPECT_EQ(last(500), all);
    EXPECT_EQ(last(321), strings(all.end() - 321, all.end()));
}

TEST_F(TailTest, OverlongLineIsSkipped)
{
    append("before\n" + std::string(tail::line_bytes_max + 100'000, 'x') + "\nafter\n");
    EXPECT_EQ(last(5), (strings{"before", "after"}));
}

TEST_F(TailTest, MissingFileIsAnErrorUnlessAllowed)
{
    gathered lines;
    tail t(path_, {});
    EXPECT_FALSE(t.read_last(1, lines.callback()).has_value());
    EXPECT_TRUE(t.read_last(1, lines.callback(), true).has_value());
    tail directory(dir_ / ".", {});
    EXPECT_FALSE(directory.read_last(1, lines.callback(), true).has_value());
}

TEST_F(TailTest, FilterLooksAtMembersOnly)
{
    auto f = test::delivered(1);
    f.reply = "\"event\":\"bounced\" \"site\":\"evil\"";
    std::string text;
    append_log_line(text, format_id("tnt", 7), {1, 0}, f, 540);
    f = test::delivered(2);
    f.what = queue::disposition::bounced;
    f.site = "a\"b";
    append_log_line(text, format_id("tnt", 8), {1, 0}, f, 540);
    append(text);
    const auto count = [this](const log_filter& filter) { return last(9, filter).size(); };
    EXPECT_EQ(count({}), 2U);
    EXPECT_EQ(count({.tenant = tenant_id{7}}), 1U);
    EXPECT_EQ(count({.tenant = tenant_id{9}}), 0U);
    EXPECT_EQ(count({.campaign = campaign_id{42}}), 2U);
    EXPECT_EQ(count({.disposition = "bounced"}), 1U);
    EXPECT_EQ(count({.site = "evil"}), 0U);
    EXPECT_EQ(count({.site = "a\"b"}), 1U);
    EXPECT_EQ(count({.site = "a"}), 0U);
    EXPECT_EQ(count({.recipient = "u1@shop.example"}), 1U);
    EXPECT_EQ(count({.tenant = tenant_id{7}, .disposition = "bounced"}), 0U);
}

class FollowTest : public TailTest
{
protected:
    void start(const log_filter& filter = {}, std::size_t count = 10)
    {
        tail_ = std::make_unique<tail>(path_, filter);
        const auto done = tail_->read_last(count, lines_.callback(), true);
        EXPECT_TRUE(done.has_value());
        thread_ =
            std::jthread([this](std::stop_token stop)
                         { ended_well_ = tail_->follow(lines_.callback(), stop).has_value(); });
    }
    void TearDown() override
    {
        thread_.request_stop();
        if (thread_.joinable())
        {
            thread_.join();
            EXPECT_TRUE(ended_well_);
        }
    }
    gathered lines_;
    std::unique_ptr<tail> tail_;
    bool ended_well_ = false;
    std::jthread thread_;
};

TEST_F(FollowTest, WholeLinesAsTheyAreAppended)
{
    append("one\nha");
    start();
    append("lf\ntwo\n");
    EXPECT_EQ(lines_.wait_for(3), (strings{"one", "half", "two"}));
}

TEST_F(FollowTest, RenamedFileIsReadUntilItsSuccessorHasALine)
{
    append("one\n");
    start();
    std::filesystem::rename(path_, path_ + ".1");
    std::ofstream(path_ + ".1", std::ios::app) << "two\n" << std::flush;
    EXPECT_EQ(lines_.wait_for(2), (strings{"one", "two"}));
    append(""); // logrotate's `create`: the writer has not moved yet
    std::ofstream(path_ + ".1", std::ios::app) << "three\n" << std::flush;
    EXPECT_EQ(lines_.wait_for(3), (strings{"one", "two", "three"}));
    append("four\n");
    EXPECT_EQ(lines_.wait_for(4), (strings{"one", "two", "three", "four"}));
    std::filesystem::rename(path_, path_ + ".2");
    append("five\n");
    EXPECT_EQ(lines_.wait_for(5).back(), "five");
}

TEST_F(FollowTest, FileThatAppearsLaterIsReadFromItsStart)
{
    start();
    append("one\ntwo\n");
    EXPECT_EQ(lines_.wait_for(2), (strings{"one", "two"}));
}

TEST_F(FollowTest, FileCutShortIsReadFromItsStart)
{
    append("one\ntwo\n");
    start();
    EXPECT_EQ(lines_.wait_for(2).size(), 2U);
    std::filesystem::resize_file(path_, 0);
    append("x\n");
    EXPECT_EQ(lines_.wait_for(3).back(), "x");
}

TEST_F(FollowTest, OnlyMatchingLines)
{
    start({.disposition = "bounced"});
    auto f = test::delivered(1);
    std::string text;
    append_log_line(text, "tnt_x", {1, 0}, f, 0);
    f.what = queue::disposition::bounced;
    append_log_line(text, "tnt_x", {1, 1}, f, 0);
    append(text);
    const auto lines = lines_.wait_for(1);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_NE(lines[0].find("\"seq\":\"1.1\""), std::string::npos);
}

TEST_F(FollowTest, CallbackEndsIt)
{
    lines_.stop_at(2);
    append("");
    start();
    append("one\ntwo\nthree\n");
    thread_.join();
    EXPECT_TRUE(ended_well_);
    EXPECT_EQ(lines_.wait_for(0), (strings{"one", "two"}));
}

TEST_F(FollowTest, MissingDirectoryIsAnError)
{
    tail t(dir_ / "missing/delivery.log", {});
    const std::stop_source stop;
    EXPECT_FALSE(t.follow(lines_.callback(), stop.get_token()).has_value());
}

} // namespace
} // namespace hikyaku::feed
