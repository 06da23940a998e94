#pragma once

#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::feed
{

/// The file delivery.log as its only writer sees it. Holds whole lines at every moment that this
/// process outlives: a write that fails half-way is taken back. One thread.
class log_file
{
public:
    explicit log_file(std::string path) : path_(std::move(path)) {}
    ~log_file() { close(); }
    log_file(const log_file&) = delete;
    log_file& operator=(const log_file&) = delete;

    /// Opens the path anew, and only then closes what was open. Cuts off an unfinished last line.
    /// @error failure  with the system's reason; what was open stays open
    [[nodiscard]] result<void, failure> open();
    /// Appends all of `lines` or nothing. @error failure  the system's reason
    [[nodiscard]] result<void, failure> append(std::string_view lines);
    /// @error failure  nothing since the last sync can be trusted to be on disk
    [[nodiscard]] result<void, failure> sync();
    void close() noexcept;
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

private:
    std::string path_;
    int fd_ = -1;
};

} // namespace hikyaku::feed
