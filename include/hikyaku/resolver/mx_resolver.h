#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/dns/mx_answer.h>

namespace hikyaku::resolver
{

/// Where mail for a domain goes: the seam between delivery and DNS. All on the thread of one
/// io_context.
class mx_resolver
{
public:
    using mx_callback = std::function<void(std::shared_ptr<const dns::mx_answer>)>;

    virtual ~mx_resolver() = default;
    /// Resolves a routing domain (ASCII; IDNs as A-labels). Every failure is a status of the
    /// answer. `done` is called exactly once from the io_context, never from inside this call; not
    /// after destruction.
    virtual void resolve_mx(std::string_view domain_ascii, mx_callback done) = 0;
    /// Uses other servers from now on.
    /// @error failure  an entry is not an address; nothing changes
    [[nodiscard]] virtual result<void, failure> reload(std::vector<std::string> servers) = 0;
    /// Forgets everything cached.
    virtual void clear_cache() = 0;
};

} // namespace hikyaku::resolver
