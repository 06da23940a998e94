#pragma once

#include "rows.h"

#include <hikyaku/identity/problem.h>
#include <hikyaku/store/database.h>

namespace hikyaku::identity
{

/// A key that is not stored yet.
struct fresh_key
{
    key_row row;
    /// Shown once.
    std::string text;
};

/// Draws an id that no row has, and a secret. `name` and `scopes` have been checked.
/// @error unavailable
[[nodiscard]] result<fresh_key, problem> make_fresh_key(const store::database& db, id_source& ids,
                                                        random_source& random, tenant_id tenant,
                                                        std::string_view name, scope_set scopes,
                                                        wall_time now);

/// Row and index entry. @pre `platform` is a record of the platform
void put_key(store::record& platform, const key_row& row);

/// The problem of a block that can't be read.
[[nodiscard]] problem store_problem(const error_code& ec);

} // namespace hikyaku::identity
