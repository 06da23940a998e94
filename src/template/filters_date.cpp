#include "filters.h"

#include "date_parse.h"

namespace hikyaku::tmpl::filters
{

bool date(machine& m, value& v, const filter_arguments& a)
{
    const auto format = m.text_of(a[0]);
    const auto t = to_date(v, m.clock());
    if (format.empty() || !t)
    {
        return true; // as it is
    }
    auto& made = m.buffer();
    append_strftime(made, format, *t, m.clock().zone_name);
    v = m.keep(made);
    return !m.failed();
}

} // namespace hikyaku::tmpl::filters
