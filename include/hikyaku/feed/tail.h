#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>

namespace hikyaku::feed
{

/// Which lines of delivery.log somebody wants; what is empty matches everything.
struct log_filter
{
    std::optional<tenant_id> tenant;
    std::optional<campaign_id> campaign;
    std::string site;
    /// The line's `event`: a disposition, "oob_bounce" or "complaint".
    std::string disposition;
    /// As the log has it.
    std::string recipient;
};

/// A log_filter made ready: compares the bytes of lines that append_log_line wrote. Thread-safe.
class line_matcher
{
public:
    explicit line_matcher(const log_filter& filter);
    [[nodiscard]] bool matches(std::string_view line) const noexcept;

private:
    std::vector<std::string> needles_;
};

/// Gets one line without its line end; false ends the reading.
using line_callback = std::function<bool(std::string_view line)>;

/// Reads delivery.log for people: its last lines, then what is appended, across logrotate's
/// renames. Reads the file only, no daemon. One thread; follow() may be stopped from any.
class tail
{
public:
    /// More bytes without a line end are skipped: no line of ours is that long.
    static constexpr std::size_t line_bytes_max = 1u << 20;

    tail(std::string path, const log_filter& filter);
    ~tail();
    tail(const tail&) = delete;
    tail& operator=(const tail&) = delete;

    /// Hands out the last `count` lines that match, oldest first, and remembers where it stopped.
    /// @error failure  the file can't be opened or read; with `may_be_missing` a missing file is
    ///                 an empty one
    [[nodiscard]] result<void, failure> read_last(std::size_t count, const line_callback& each,
                                                  bool may_be_missing = false);
    /// Hands out matching lines that come after what was read, until `stop` or the callback says
    /// so. Without read_last() before, it starts at the file's end. A renamed file is read until
    /// its successor has a first line; a file cut short is read from its start.
    /// @error failure  the directory can't be watched
    [[nodiscard]] result<void, failure> follow(const line_callback& each, std::stop_token stop);

private:
    class impl;
    std::unique_ptr<impl> impl_;
};

} // namespace hikyaku::feed
