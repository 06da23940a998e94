#include <hikyaku/feed/tail.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory_watch.h"

namespace hikyaku::feed
{
namespace
{

constexpr std::size_t read_bytes = 64u << 10;

class file_handle
{
public:
    file_handle() = default;
    explicit file_handle(const std::string& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))
    {
    }
    ~file_handle() { close(); }
    file_handle(file_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    file_handle& operator=(file_handle&& other) noexcept
    {
        close();
        fd_ = std::exchange(other.fd_, -1);
        return *this;
    }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int fd() const noexcept { return fd_; }
    [[nodiscard]] struct stat info() const noexcept
    {
        struct stat s{};
        if (fd_ < 0 || ::fstat(fd_, &s) != 0)
        {
            return {};
        }
        return s;
    }

private:
    void close() noexcept
    {
        if (fd_ >= 0)
        {
            ::close(fd_);
            fd_ = -1;
        }
    }
    int fd_ = -1;
};

failure system_failure(const std::string& path)
{
    return {path + ": " + std::strerror(errno)};
}

} // namespace

class tail::impl
{
public:
    impl(std::string path, const log_filter& filter) : path_(std::move(path)), wanted_(filter) {}

    result<void, failure> read_last(std::size_t count, const line_callback& each,
                                    bool may_be_missing);
    result<void, failure> follow(const line_callback& each, const std::stop_token& stop);

private:
    bool read_new(const line_callback& each);
    bool cut_lines(const line_callback& each);
    [[nodiscard]] bool has_successor() const;
    result<void, failure> start_at_end();

    std::string path_;
    line_matcher wanted_;
    file_handle file_;
    /// Bytes of the file that were read.
    off_t offset_ = 0;
    /// An unfinished line; empty while an overlong one is skipped.
    std::string pending_;
    bool skipping_ = false;
    bool started_ = false;
};

namespace
{

/// Collects the last lines of a file that match, from its end backwards.
class backward_reader
{
public:
    backward_reader(int fd, off_t size, const line_matcher& wanted, std::size_t count)
        : fd_(fd), at_(size), wanted_(wanted), count_(count)
    {
    }
    /// Newest first. @error failure  the file can't be read
    [[nodiscard]] bool read(std::vector<std::string>& lines)
    {
        while (at_ > 0 && lines.size() < count_)
        {
            const auto size = std::min<off_t>(at_, static_cast<off_t>(read_bytes));
            std::string block(static_cast<std::size_t>(size), '\0');
            if (::pread(fd_, block.data(), block.size(), at_ - size) != size)
            {
                return false;
            }
            at_ -= size;
            take_lines(std::move(block), lines);
        }
        if (at_ == 0 && lines.size() < count_)
        {
            keep(rest_, lines);
        }
        return true;
    }

private:
    void take_lines(std::string block, std::vector<std::string>& lines)
    {
        std::size_t end = block.size();
        std::size_t at = 0;
        while (end > 0 && lines.size() < count_ &&
               (at = block.rfind('\n', end - 1)) != std::string::npos)
        {
            rest_.insert(0, block, at + 1, end - at - 1);
            keep(rest_, lines);
            rest_.clear();
            overlong_ = false;
            end = at;
        }
        overlong_ = overlong_ || rest_.size() + end > tail::line_bytes_max;
        rest_ = overlong_ ? std::string() : block.substr(0, end) + rest_;
    }
    void keep(const std::string& line, std::vector<std::string>& lines) const
    {
        if (!line.empty() && !overlong_ && wanted_.matches(line))
        {
            lines.push_back(line);
        }
    }

    int fd_;
    off_t at_;
    const line_matcher& wanted_;
    std::size_t count_;
    /// The end of a line whose beginning lies before at_.
    std::string rest_;
    bool overlong_ = false;
};

/// Where the unfinished line at the file's end begins; `size` when the last line is complete.
off_t end_of_last_line(int fd, off_t size)
{
    off_t at = size;
    std::string block(read_bytes, '\0');
    while (at > 0)
    {
        const auto part = std::min<off_t>(at, static_cast<off_t>(read_bytes));
        const auto got = ::pread(fd, block.data(), static_cast<std::size_t>(part), at - part);
        if (got != part)
        {
            return size;
        }
        const auto found =
            std::string_view(block.data(), static_cast<std::size_t>(part)).rfind('\n');
        if (found != std::string_view::npos)
        {
            return at - part + static_cast<off_t>(found) + 1;
        }
        at -= part;
    }
    return 0;
}

} // namespace

result<void, failure> tail::impl::start_at_end()
{
    started_ = true;
    file_ = file_handle(path_);
    if (!file_)
    {
        return system_failure(path_);
    }
    if (!S_ISREG(file_.info().st_mode))
    {
        file_ = file_handle();
        return failure{path_ + " is not a file"};
    }
    offset_ = end_of_last_line(file_.fd(), file_.info().st_size);
    return {};
}

result<void, failure> tail::impl::read_last(std::size_t count, const line_callback& each,
                                            bool may_be_missing)
{
    const auto opened = start_at_end();
    if (!opened)
    {
        return may_be_missing && ::access(path_.c_str(), F_OK) != 0 ? result<void, failure>()
                                                                    : opened;
    }
    std::vector<std::string> lines;
    if (!backward_reader(file_.fd(), offset_, wanted_, count).read(lines))
    {
        return system_failure(path_);
    }
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
    {
        if (!each(*line))
        {
            break;
        }
    }
    return {};
}

/// Hands out the whole lines of pending_. @returns false when the callback has enough
bool tail::impl::cut_lines(const line_callback& each)
{
    std::size_t start = 0;
    bool more = true;
    for (std::size_t end = 0; more && (end = pending_.find('\n', start)) != std::string::npos;
         start = end + 1)
    {
        const auto line = std::string_view(pending_).substr(start, end - start);
        if (!skipping_ && !line.empty() && wanted_.matches(line))
        {
            more = each(line);
        }
        skipping_ = false;
    }
    pending_.erase(0, start);
    if (skipping_ || pending_.size() > line_bytes_max)
    {
        skipping_ = true;
        pending_.clear();
    }
    return more;
}

/// Reads to the end of the open file. @returns false when the callback has enough
bool tail::impl::read_new(const line_callback& each)
{
    if (!file_)
    {
        return true;
    }
    if (file_.info().st_size < offset_)
    {
        offset_ = 0; // copytruncate, or a line that was taken back
        pending_.clear();
        skipping_ = false;
    }
    std::string block(read_bytes, '\0');
    while (true)
    {
        const auto got = ::pread(file_.fd(), block.data(), block.size(), offset_);
        if (got <= 0)
        {
            return true;
        }
        offset_ += got;
        pending_.append(block, 0, static_cast<std::size_t>(got));
        if (!cut_lines(each))
        {
            return false;
        }
    }
}

/// True when another file has the path now and the writer has moved there too: as long as it is
/// empty, lines may still be added to the renamed one.
bool tail::impl::has_successor() const
{
    file_handle next(path_);
    const auto now = next.info();
    const auto mine = file_.info();
    const bool same = file_ && now.st_ino == mine.st_ino && now.st_dev == mine.st_dev;
    return next && !same && S_ISREG(now.st_mode) && !(file_ && now.st_size == 0);
}

result<void, failure> tail::impl::follow(const line_callback& each, const std::stop_token& stop)
{
    directory_watch watch;
    const auto directory = std::filesystem::path(path_).parent_path().string();
    const auto watched = watch.open(directory.empty() ? "." : directory);
    if (!watched)
    {
        return watched;
    }
    const std::stop_callback wake(stop, [&watch] { watch.interrupt(); });
    if (!started_ && !start_at_end() && ::access(path_.c_str(), F_OK) == 0)
    {
        return system_failure(path_);
    }
    while (!stop.stop_requested())
    {
        // Seen first, so that what the old file got before its successor is read before it is left.
        const bool moved = has_successor();
        if (!read_new(each))
        {
            return {};
        }
        if (moved)
        {
            file_ = file_handle(path_);
            offset_ = 0;
            pending_.clear();
            skipping_ = false;
            continue;
        }
        watch.wait();
    }
    return {};
}

tail::tail(std::string path, const log_filter& filter)
    : impl_(std::make_unique<impl>(std::move(path), filter))
{
}

tail::~tail() = default;

result<void, failure> tail::read_last(std::size_t count, const line_callback& each,
                                      bool may_be_missing)
{
    return impl_->read_last(count, each, may_be_missing);
}

result<void, failure> tail::follow(const line_callback& each, std::stop_token stop)
{
    return impl_->follow(each, stop);
}

} // namespace hikyaku::feed
