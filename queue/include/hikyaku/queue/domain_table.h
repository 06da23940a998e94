#pragma once

#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hikyaku/queue/types.h>
#include <hikyaku/store/database.h>

namespace hikyaku::queue
{

/// Routing domains and their numbers, for the whole installation. Numbers are never reused.
/// Thread-safe. Holds about 100 bytes a domain in memory.
class domain_table
{
public:
    /// Reads the rows that exist.
    [[nodiscard]] result<void> load(const store::reader& queue);

    /// The domain's number, a new one if needed. New rows are added to `platform`, which must
    /// become durable together with (or before) whatever uses the number.
    [[nodiscard]] domain_id obtain(std::string_view domain, store::record& platform);
    /// nullopt: no recipient ever had that domain.
    [[nodiscard]] std::optional<domain_id> find(std::string_view domain) const;
    /// @pre the number came from obtain()
    [[nodiscard]] std::string name(domain_id id) const;
    [[nodiscard]] std::size_t size() const;

private:
    mutable std::shared_mutex mutex_;
    std::unordered_map<std::string, domain_id> ids_;
    std::vector<std::string> names_; // names_[id - 1]
};

} // namespace hikyaku::queue
