#pragma once

#include <stop_token>
#include <string>

#include <hikyaku/base/result.h>

namespace hikyaku::feed
{

/// Wakes its one waiter when a file of a directory changes, appears or is renamed (inotify), or
/// when it is asked to stop.
class directory_watch
{
public:
    /// What the watch can miss (a file moved to another directory) is looked at this often.
    static constexpr int wait_ms_max = 1'000;

    directory_watch() = default;
    ~directory_watch();
    directory_watch(const directory_watch&) = delete;
    directory_watch& operator=(const directory_watch&) = delete;

    /// @error failure  no more watches, or no such directory
    [[nodiscard]] result<void, failure> open(const std::string& directory);
    /// Returns on a change, on `interrupt`, or after wait_ms_max. @pre open() succeeded
    void wait();
    /// Ends the current or next wait. Any thread. @pre open() succeeded
    void interrupt() noexcept;

private:
    int inotify_ = -1;
    int event_ = -1;
};

} // namespace hikyaku::feed
