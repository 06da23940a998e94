#include <hikyaku/api/route_table.h>

#include <hikyaku/base/assert.h>

#include <utility>

namespace hikyaku::api
{

void route_table::add(entry e)
{
    entries_.push_back(std::move(e));
}

void route_table::add_component(std::string name, std::string_view schema_json)
{
    auto parsed = parse_json(schema_json);
    HK_ASSERT(parsed.has_value());
    const bool added = components_.emplace(std::move(name), std::move(*parsed)).second;
    HK_ASSERT(added);
}

} // namespace hikyaku::api
