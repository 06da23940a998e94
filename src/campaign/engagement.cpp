#include "engagement.h"

#include <hikyaku/crm/contact_row.h>
#include <hikyaku/crm/contacts.h>
#include <hikyaku/shaping/warm_up.h>

namespace hikyaku::campaign
{

static_assert(shaping::engagement_ranks <= queue::ranks_max);

result<std::vector<std::uint8_t>, failure>
rank_by_engagement(const store::reader& tenant, const crm::schema& fields,
                   const std::vector<queue::chunk_entry>& recipients, wall_time now)
{
    // A tenant may have made a field of that name before there was one.
    const auto* field = fields.find(crm::engaged_field);
    field = field != nullptr ? field : fields.find(crm::engaged_name);
    std::vector<ordinal> numbers;
    numbers.reserve(recipients.size());
    for (const auto& r : recipients)
    {
        numbers.push_back(r.who);
    }
    std::vector<std::optional<std::string>> rows;
    const auto found = crm::contacts::find_rows(tenant, numbers, rows);
    if (found.has_error())
    {
        return failure{found.error().text};
    }
    std::vector<std::uint8_t> out;
    out.reserve(recipients.size());
    crm::contact_row_view view;
    for (const auto& row : rows)
    {
        std::optional<wall_time> engaged;
        if (field != nullptr && row && view.load(*row))
        {
            const auto value = view.value(field->id);
            const auto* at = std::get_if<wall_time>(&value);
            engaged = at != nullptr ? std::optional(*at) : std::nullopt;
        }
        out.push_back(shaping::engagement_rank(engaged, now));
    }
    return {boost::system::in_place_value, std::move(out)};
}

} // namespace hikyaku::campaign
