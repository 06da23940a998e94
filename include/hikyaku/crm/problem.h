#pragma once

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/store/record.h>

namespace hikyaku::crm
{

/// What kind of failure a caller can act on.
enum class errc : std::uint8_t
{
    /// No such contact, field, suppression or upload in this tenant (or no such tenant).
    not_found = 1,
    /// A value, name or definition is not allowed.
    invalid,
    /// Another contact has this value in an update key field, or another field this name or label.
    duplicate,
    /// The object is no longer at the revision the caller named.
    stale,
    /// A named limit is reached.
    limit,
    /// A damaged row or table of the store.
    corrupt,
    /// A file could not be read, written or renamed.
    io,
};

/// A failure with a place and a sentence for people. The text never holds customer data.
struct problem
{
    errc code = errc::invalid;
    /// Name of the field it is about; empty when it is about none.
    std::string field;
    std::string text;
};

[[noreturn]] inline void throw_exception_from_error(const problem& p, const boost::source_location&)
{
    throw std::runtime_error(p.text);
}

/// Runs just before a change is committed, with its effect and the tenant's record: for what must
/// become durable with it (an idempotency key and its answer). Called at most once.
template <class Effect> using also = std::function<void(const Effect&, store::record&)>;

} // namespace hikyaku::crm
