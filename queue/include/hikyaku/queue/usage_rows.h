#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/store/database.h>
#include <hikyaku/store/record.h>

namespace hikyaku::queue
{

/// What a tenant has sent (the U row): days since 1970 and months (year * 12 + month - 1) of the
/// tenant's own calendar.
struct tenant_usage
{
    std::int32_t day = 0;
    std::uint64_t today = 0;
    std::int32_t month = 0;
    std::uint64_t this_month = 0;
    friend bool operator==(const tenant_usage&, const tenant_usage&) = default;
};

/// What a warming source has used of a site's cap on a day (a W row). `site` is at most
/// site_bytes_max long.
struct warm_up_usage
{
    /// Days since 1970 in the installation's time zone, not negative.
    std::int32_t day = 0;
    std::uint16_t source = 0;
    std::string site;
    std::uint64_t used = 0;
    friend bool operator==(const warm_up_usage&, const warm_up_usage&) = default;
};

/// What a source has learnt about a site (an A row): bytes of shaping::path_adaptation.
struct adaptation_row
{
    std::uint16_t source = 0;
    std::string site;
    std::string state;
    friend bool operator==(const adaptation_row&, const adaptation_row&) = default;
};

/// The durable number of a source's name (an O row).
struct source_row
{
    std::uint16_t number = 0;
    std::string name;
    friend bool operator==(const source_row&, const source_row&) = default;
};

/// A site in a key: names of MX sets are host names.
inline constexpr std::size_t site_bytes_max = 4096;
/// Of one A or S row; larger ones are not read.
inline constexpr std::size_t state_bytes_max = 16u << 20;

/// Adds the U row to a record of the tenant.
void put_usage(store::record& tenant, const tenant_usage& u);
/// nullopt: the tenant has sent nothing yet, or its row is damaged (named in the log).
/// @error the store can't be read
[[nodiscard]] result<std::optional<tenant_usage>> find_usage(const store::reader& queue,
                                                             tenant_id tenant);

/// Erases the U rows of tenants that have no family any more: their numbers are never given again.
/// At a start, before anything is sent.
/// @error the store can't be read
[[nodiscard]] result<void> erase_orphaned_usage(store::database& db);

// All others belong to the platform. @pre the record is the platform's

/// @pre row.day >= 0, row.site.size() <= site_bytes_max
void put_warm_up(store::record& platform, const warm_up_usage& row);
/// Erases the rows of all days before `day`. @pre day >= 0
void erase_warm_up_before(store::record& platform, std::int32_t day);
/// An empty state erases the row. @pre sizes are within their limits
void put_adaptation(store::record& platform, const adaptation_row& row);
/// The one S row; an empty state erases it. @pre size is within its limit
void put_suspensions(store::record& platform, std::string_view state);
void put_source(store::record& platform, const source_row& row);

/// Rows of the platform, as found at the start. A damaged row is named in the log and left out.
struct platform_rows
{
    std::vector<warm_up_usage> warm_up;
    std::vector<adaptation_row> adaptation;
    std::string suspensions;
    std::vector<source_row> sources;
};
/// @error the store can't be read
[[nodiscard]] result<platform_rows> load_platform_rows(const store::reader& queue);

} // namespace hikyaku::queue
