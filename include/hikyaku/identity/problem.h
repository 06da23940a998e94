#pragma once

#include <string>

#include <hikyaku/base/result.h>

namespace hikyaku::identity
{

/// What kind of no it is; HTTP has a status for each.
enum class problem_kind
{
    /// A value is not acceptable (422); `field` names it.
    invalid,
    /// No such tenant, key or domain in the caller's reach (404).
    not_found,
    /// The name is taken, or the state does not allow it (409).
    conflict,
    /// A named limit is reached (409).
    limit,
    /// The caller may not do that (403).
    forbidden,
    /// A block of the store is damaged, or a key can't be opened; the log has details (503).
    unavailable,
};

/// A request that was not carried out, told to a person.
struct problem
{
    problem_kind kind = problem_kind::invalid;
    /// Member of the request such as "name"; empty when no single one is to blame.
    std::string field;
    std::string text;
};

/// Lets result<T, problem>::value() throw; only a bug reaches it.
[[noreturn]] inline void throw_exception_from_error(const problem& p, const boost::source_location&)
{
    throw std::runtime_error(p.text);
}

} // namespace hikyaku::identity
