#include <hikyaku/base/log.h>
#include <hikyaku/store/disk_guard.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace hikyaku::store
{
namespace
{

std::uint64_t statvfs_free(const std::string& dir)
{
    struct statvfs info{};
    if (::statvfs(dir.c_str(), &info) != 0)
    {
        log::error("disk_look_failed", {{"reason", std::strerror(errno)}});
        return 0;
    }
    return static_cast<std::uint64_t>(info.f_bavail) * info.f_frsize;
}

} // namespace

disk_guard::disk_guard(std::string dir, std::uint64_t free_min, std::uint64_t ballast,
                       free_bytes_fn free_bytes)
    : dir_(std::move(dir)), free_min_(free_min), ballast_(ballast),
      look_(free_bytes ? std::move(free_bytes) : free_bytes_fn(statvfs_free))
{
    poll();
}

void disk_guard::poll()
{
    const std::uint64_t free = look_(dir_);
    free_.store(free);
    const bool was_low = low();
    // Space must return with a margin, or the state would flicker.
    const bool now_low = was_low ? free < free_min_ + free_min_ / 4 : free < free_min_;
    if (now_low != was_low)
    {
        low_.store(now_low);
        log::warning(now_low ? "disk_low" : "disk_recovered",
                     {{"free_bytes", free}, {"disk_free_min", free_min_}});
    }
    if (ballast_ == 0)
    {
        return;
    }
    if (free < free_min_ / 4)
    {
        drop_ballast();
    }
    else if (!now_low && free > free_min_ + 2 * ballast_)
    {
        make_ballast();
    }
}

void disk_guard::make_ballast()
{
    const std::string path = dir_ + "/ballast";
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0)
    {
        return;
    }
    const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
    {
        log::warning("ballast_failed", {{"reason", std::strerror(errno)}});
        return;
    }
    const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(ballast_));
    ::close(fd);
    if (error != 0)
    {
        log::warning("ballast_failed", {{"reason", std::strerror(error)}});
        ::unlink(path.c_str());
    }
}

void disk_guard::drop_ballast()
{
    if (::unlink((dir_ + "/ballast").c_str()) == 0)
    {
        log::warning("ballast_given_up", {{"bytes", ballast_}});
    }
}

} // namespace hikyaku::store
