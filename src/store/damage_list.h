#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::store
{

/// What was found damaged since the start, one text for each table file (or tenant). Thread-safe.
class damage_list
{
public:
    /// Above it nothing more is taken in: the log has it.
    static constexpr std::size_t entries_max = 1'000;

    /// Logs the text and keeps it, once for each table file that texts name.
    void note(const std::string& text);
    /// "000012.sst: why", or the text alone where none is named.
    [[nodiscard]] std::vector<std::string> all() const;

private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> entries_;
};

/// The first table file's name in the text, without its directory; empty when there is none.
[[nodiscard]] std::string_view table_named_in(std::string_view text) noexcept;

} // namespace hikyaku::store
