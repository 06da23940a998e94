// A record of a hostile domain: any text is read or refused, and what is read stays in its ranges.
#include <hikyaku/base/assert.h>
#include <hikyaku/dns/dmarc.h>
#include <hikyaku/dns/name.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto record = hikyaku::dns::parse_dmarc(text);
    HK_ASSERT(record.has_error() || hikyaku::dns::is_dmarc_record(text));
    HK_ASSERT(record.has_error() || record->percent <= 100);
    if (const auto name = hikyaku::dns::canonical_name(text))
    {
        HK_ASSERT(hikyaku::dns::is_at_or_below(*name, hikyaku::dns::organizational_domain(*name)));
    }
    return 0;
}
