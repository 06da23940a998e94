#include "log_file.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hikyaku::feed
{
namespace
{

constexpr mode_t file_mode = 0640;
constexpr std::size_t scan_bytes = 4096;

failure system_failure(std::string_view what)
{
    return {std::string(what) + ": " + std::strerror(errno)};
}

/// Where the last line end is, plus one; 0 when there is none.
result<off_t, failure> end_of_lines(int fd, off_t size)
{
    std::array<char, scan_bytes> block{};
    while (size > 0)
    {
        const off_t from =
            size > static_cast<off_t>(block.size()) ? size - static_cast<off_t>(block.size()) : 0;
        const auto got = ::pread(fd, block.data(), static_cast<std::size_t>(size - from), from);
        if (got <= 0)
        {
            return system_failure("cannot read the log's end");
        }
        const auto at = std::string_view(block.data(), static_cast<std::size_t>(got)).rfind('\n');
        if (at != std::string_view::npos)
        {
            return from + static_cast<off_t>(at) + 1;
        }
        size = from;
    }
    return off_t{0};
}

/// A crash may leave half a line; its fact is behind the cursor and will be written again.
result<void, failure> cut_unfinished_line(int fd)
{
    struct stat info{};
    if (::fstat(fd, &info) != 0)
    {
        return system_failure("cannot look at the log");
    }
    if (!S_ISREG(info.st_mode))
    {
        return {};
    }
    const auto end = end_of_lines(fd, info.st_size);
    if (!end)
    {
        return end.error();
    }
    if (*end != info.st_size && ::ftruncate(fd, *end) != 0)
    {
        return system_failure("cannot cut an unfinished line");
    }
    return {};
}

} // namespace

result<void, failure> log_file::open()
{
    const int fd = ::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, file_mode);
    if (fd < 0)
    {
        return system_failure("cannot open the log");
    }
    const auto cut = cut_unfinished_line(fd);
    if (!cut)
    {
        ::close(fd);
        return cut;
    }
    close();
    fd_ = fd;
    return {};
}

result<void, failure> log_file::append(std::string_view lines)
{
    std::size_t done = 0;
    while (done < lines.size())
    {
        const auto n = ::write(fd_, lines.data() + done, lines.size() - done);
        if (n < 0 && errno == EINTR)
        {
            continue;
        }
        if (n <= 0)
        {
            const auto why = system_failure("cannot write to the log");
            struct stat info{};
            const bool sized = ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
            if (done > 0 && sized && ::ftruncate(fd_, info.st_size - static_cast<off_t>(done)) != 0)
            {
                // The next open() cuts what is left of the line.
                return system_failure("cannot take back a failed write");
            }
            return why;
        }
        done += static_cast<std::size_t>(n);
    }
    return {};
}

result<void, failure> log_file::sync()
{
    // EINVAL: a pipe or device, which has nothing to sync.
    if (::fdatasync(fd_) != 0 && errno != EINVAL)
    {
        return system_failure("cannot sync the log");
    }
    return {};
}

void log_file::close() noexcept
{
    if (fd_ >= 0)
    {
        ::close(fd_);
        fd_ = -1;
    }
}

} // namespace hikyaku::feed
