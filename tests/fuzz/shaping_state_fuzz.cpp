// Fuzzes the stored states of paths and suspensions: what is taken is stored again to the same
// bytes, and no limit leaves its bounds.
#include <hikyaku/base/assert.h>
#include <hikyaku/shaping/adaptation.h>
#include <hikyaku/shaping/suspension_table.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace hikyaku;
    using namespace hikyaku::shaping;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const instant now{from_unix_ms(1'800'000'000'000), mono_time{} + std::chrono::hours{100}};
    const site_limits limits;
    path_adaptation path("site", "source", limits, {});
    if (path.decode(bytes, now).has_value())
    {
        HK_ASSERT(path.effective().connections_max >= 1);
        HK_ASSERT(path.effective().connections_max <= limits.connections_max);
        const auto again = path.encode(now);
        path_adaptation copy("site", "source", limits, {});
        HK_ASSERT(copy.decode(again, now).has_value());
        HK_ASSERT(copy.encode(now) == again);
        std::vector<adaptation_event> events;
        path.step({now.wall, now.mono + std::chrono::hours{24 * 365}}, events);
        HK_ASSERT(path.is_idle());
    }
    suspension_table table;
    if (table.decode(bytes, now).has_value())
    {
        HK_ASSERT(table.size() <= suspension_table::entries_max);
        suspension_table copy;
        HK_ASSERT(copy.decode(table.encode(now), now).has_value());
        HK_ASSERT(copy.encode(now) == table.encode(now));
    }
    return 0;
}
