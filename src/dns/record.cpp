#include <hikyaku/dns/record.h>

namespace hikyaku::dns
{

const char* record_type_name(record_type type) noexcept
{
    switch (type)
    {
    case record_type::a:
        return "A";
    case record_type::cname:
        return "CNAME";
    case record_type::soa:
        return "SOA";
    case record_type::ptr:
        return "PTR";
    case record_type::mx:
        return "MX";
    case record_type::txt:
        return "TXT";
    case record_type::aaaa:
        return "AAAA";
    }
    return "?";
}

} // namespace hikyaku::dns
