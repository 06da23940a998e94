#include "fresh_key.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/crypto/api_token.h>

namespace hikyaku::identity
{
namespace
{

/// The index holds no data but a version.
constexpr std::string_view index_value = "\x01";

} // namespace

problem store_problem(const error_code& ec)
{
    return {problem_kind::unavailable, "", "a row can't be read: " + ec.message()};
}

result<fresh_key, problem> make_fresh_key(const store::database& db, id_source& ids,
                                          random_source& random, tenant_id tenant,
                                          std::string_view name, scope_set scopes, wall_time now)
{
    fresh_key out;
    while (true)
    {
        // Ids grow with the clock: only one that was set back can give an id a second time.
        out.row.key.id = ids.next();
        const auto taken = db.platform().find(key_row_key(out.row.key.id));
        if (taken.has_error())
        {
            return store_problem(taken.error());
        }
        if (!taken->has_value())
        {
            break;
        }
    }
    out.row.key.tenant = tenant;
    out.row.key.name = name;
    out.row.key.scopes = scopes;
    out.row.key.created = now;
    out.text = crypto::make_api_token(out.row.key.id, random);
    const auto token = crypto::parse_api_token(out.text);
    HK_ASSERT(token.has_value());
    out.row.hash = crypto::hash_api_token(*token);
    return out;
}

void put_key(store::record& platform, const key_row& row)
{
    platform.put(store::space::data, key_row_key(row.key.id), encode(row));
    platform.put(store::space::data, tenant_key_row_key(row.key.tenant, row.key.id), index_value);
}

} // namespace hikyaku::identity
