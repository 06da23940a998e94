#include "directory_watch.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace hikyaku::feed
{

directory_watch::~directory_watch()
{
    for (const int fd : {inotify_, event_})
    {
        if (fd >= 0)
        {
            ::close(fd);
        }
    }
}

result<void, failure> directory_watch::open(const std::string& directory)
{
    inotify_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    event_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    constexpr std::uint32_t changes =
        IN_MODIFY | IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE;
    if (inotify_ < 0 || event_ < 0 || ::inotify_add_watch(inotify_, directory.c_str(), changes) < 0)
    {
        return failure{"cannot watch " + directory + ": " + std::strerror(errno)};
    }
    return {};
}

void directory_watch::wait()
{
    std::array<pollfd, 2> fds{{{inotify_, POLLIN, 0}, {event_, POLLIN, 0}}};
    // An interrupted or failed poll is a wake-up like any other: the caller looks at the file.
    if (::poll(fds.data(), fds.size(), wait_ms_max) <= 0)
    {
        return;
    }
    std::array<char, 4096> drained{};
    while (::read(inotify_, drained.data(), drained.size()) > 0)
    {
    }
}

void directory_watch::interrupt() noexcept
{
    const std::uint64_t one = 1;
    // It can only fail when the counter is full, and then the waiter is awake already.
    [[maybe_unused]] const auto n = ::write(event_, &one, sizeof one);
}

} // namespace hikyaku::feed
