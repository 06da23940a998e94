#pragma once

#include <hikyaku/base/result.h>

namespace hikyaku::store
{

/// What a caller of the store can act on. A failed write is not among them: it ends the process.
enum class errc
{
    /// A table or block failed its checksum; the log names the file. The rest stays readable.
    corrupt = 1,
    /// The tenant does not exist, or is being dropped.
    no_tenant,
    /// The data directory was written by a version that this one can't read.
    other_version,
    /// Another process holds the data directory.
    locked,
    /// The store could not be opened; the log says why.
    open_failed,
    /// The head of the tenant's journal is damaged: nothing may be read or written for it.
    tenant_damaged,
};

[[nodiscard]] error_code make_error_code(errc e) noexcept;

} // namespace hikyaku::store

template <> struct boost::system::is_error_code_enum<hikyaku::store::errc> : std::true_type
{
};
