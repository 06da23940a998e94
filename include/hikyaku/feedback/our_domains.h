#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feedback
{

/// Domains whose mail comes to this installation: its host name, its shared return path, and the
/// return paths of all tenants' sender domains. Those of tenants are read again when they are old,
/// and when somebody asks for one that is not known, at most once in a while. Thread-safe.
class our_domains
{
public:
    static constexpr seconds old_after{300};
    static constexpr seconds again_after{5};

    /// What is given outlives the object. @param always  lower case, A-labels
    our_domains(const store::database& db, const identity::sender_domains& domains,
                const clock& clock_source, std::vector<std::string> always);

    /// @param domain  lower case, A-labels. May read the tenants' domains: a few ms.
    [[nodiscard]] bool has(std::string_view domain) const;

private:
    void read_again() const;

    const store::database& db_;
    const identity::sender_domains& domains_;
    const clock& clock_;
    const std::unordered_set<std::string> always_;
    mutable std::mutex mutex_;
    mutable std::unordered_set<std::string> of_tenants_;
    mutable mono_time read_at_{};
    mutable bool was_read_ = false;
};

} // namespace hikyaku::feedback
