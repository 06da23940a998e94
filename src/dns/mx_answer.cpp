#include <hikyaku/dns/mx_answer.h>

namespace hikyaku::dns
{

const char* lookup_status_name(lookup_status status) noexcept
{
    switch (status)
    {
    case lookup_status::ok:
        return "ok";
    case lookup_status::temporary:
        return "temporary";
    case lookup_status::no_domain:
        return "no_domain";
    case lookup_status::null_mx:
        return "null_mx";
    case lookup_status::no_address:
        return "no_address";
    case lookup_status::refused_address:
        return "refused_address";
    case lookup_status::loop:
        return "loop";
    }
    return "?";
}

bool is_permanent(lookup_status status) noexcept
{
    switch (status)
    {
    case lookup_status::ok:
    case lookup_status::temporary:
    case lookup_status::no_address:
        return false;
    case lookup_status::no_domain:
    case lookup_status::null_mx:
    case lookup_status::refused_address:
    case lookup_status::loop:
        return true;
    }
    return false;
}

const char* enhanced_code(lookup_status status) noexcept
{
    switch (status)
    {
    case lookup_status::ok:
        return "";
    case lookup_status::temporary:
        return "4.4.3";
    case lookup_status::no_domain:
        return "5.1.2";
    case lookup_status::null_mx:
        return "5.1.10";
    case lookup_status::no_address:
        return "4.4.4";
    case lookup_status::refused_address:
        return "5.4.4";
    case lookup_status::loop:
        return "5.4.6";
    }
    return "";
}

} // namespace hikyaku::dns
