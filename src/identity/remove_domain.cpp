#include <hikyaku/identity/sender_domains.h>

#include "rows.h"

namespace hikyaku::identity
{

result<void, problem> sender_domains::remove(const oplog::actor& who, tenant_id tenant,
                                             std::uint64_t id, const usage& used_by)
{
    const problem missing{problem_kind::not_found, "", "there is no such domain"};
    if (tenant == platform_tenant || deps().db.find_tenant(tenant) == nullptr)
    {
        return missing;
    }
    auto c = deps().log.begin(tenant, who, "domain.delete");
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    if (!row->has_value())
    {
        return missing;
    }
    if (auto user = used_by ? used_by(**row) : std::nullopt)
    {
        return problem{problem_kind::conflict, "", std::move(*user)};
    }
    c.data().erase(store::space::data, domain_row_key(id));
    c.set_object(public_domain_id(id));
    c.set_detail((*row)->domain);
    c.commit([&] { forget(tenant, (*row)->domain); });
    return {};
}

} // namespace hikyaku::identity
