// Any bytes as a condition: compiling ends with a condition or with errors that point somewhere; a
// compiled one prints, compiles again to the same text, and evaluates without harm, the same way.
#include <hikyaku/base/assert.h>
#include <hikyaku/segment/condition.h>

#include <cstddef>
#include <cstdint>

namespace
{

using namespace hikyaku;
using namespace hikyaku::segment;

// "f0" to "f9": one field of each type.
std::optional<field_ref> find_field(std::string_view name)
{
    if (name.size() != 2 || name[0] != 'f' || name[1] < '0' || name[1] > '9')
    {
        return std::nullopt;
    }
    const auto slot = static_cast<std::uint32_t>(name[1] - '0');
    return field_ref{slot, static_cast<field_type>(slot)};
}

constexpr std::string_view elements[] = {"a", "b", "旅行"};

class fixed_row final : public row_view
{
public:
    [[nodiscard]] cell value(std::uint32_t slot) const override
    {
        const cell cells[] = {
            std::string_view{"aab"},
            std::int64_t{42},
            decimal{INT64_MIN, 18},
            std::chrono::sys_days{std::chrono::days{20'000}},
            from_unix_ms(1'795'000'000'000),
            true,
            std::string_view{"a@example.com"},
            std::monostate{},
            std::span<const std::string_view>{elements},
            std::span<const std::string_view>{},
        };
        return cells[slot];
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto parsed = parse_json({reinterpret_cast<const char*>(data), size});
    if (parsed.has_error())
    {
        return 0;
    }
    const std::string names[] = {"f0", "f1", "f2"};
    compile_options options;
    options.field_names = names;
    const auto first = compile(*parsed, find_field, options);
    if (first.has_error())
    {
        HK_ASSERT(!first.error().empty() && first.error().size() <= errors_max);
        return 0;
    }
    const std::string printed = canonical_json(*first);
    const auto again = parse_json(printed);
    HK_ASSERT(again.has_value());
    const auto second = compile(*again, find_field);
    HK_ASSERT(second.has_value());
    HK_ASSERT(canonical_json(*second) == printed);
    const fixed_row row;
    const wall_time now = from_unix_ms(1'795'000'000'000);
    for (const int offset : {-18 * 60, 0, 18 * 60})
    {
        HK_ASSERT(matches(*first, row, now, offset) == matches(*second, row, now, offset));
    }
    return 0;
}
