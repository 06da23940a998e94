#pragma once

#include <cstdint>
#include <string>

namespace hikyaku::feed
{

/// How far one tenant's facts have got, as block numbers.
/// Invariant: saved <= synced <= written <= durable (saved may lie ahead only of a store that was
/// cut, see delivery_log's start).
struct tenant_progress
{
    /// "tnt_…".
    std::string text;
    /// Acknowledged by the store.
    std::uint64_t durable = 0;
    /// Its lines were handed to the file.
    std::uint64_t written = 0;
    /// Its lines are synced.
    std::uint64_t synced = 0;
    /// The cursor in the store.
    std::uint64_t saved = 0;
};

} // namespace hikyaku::feed
