#pragma once

#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/time.h>

namespace hikyaku
{

/// A number that can't be mixed up with another kind of number.
template <class Tag, class Rep> struct strong_id
{
    using rep = Rep;
    Rep value{0};
    friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;
};

/// Random-free but not countable: seconds since 2020 made unique, so ids sort by creation and
/// tell nobody how many tenants there are. 0 is the platform itself.
using tenant_id = strong_id<struct tenant_tag, std::uint32_t>;
using campaign_id = strong_id<struct campaign_tag, std::uint64_t>;
/// Dense number of a contact inside its tenant, or of an ad-hoc recipient inside its campaign.
using ordinal = strong_id<struct ordinal_tag, std::uint32_t>;
/// Interned routing domain.
using domain_id = strong_id<struct domain_tag, std::uint32_t>;

inline constexpr tenant_id platform_tenant{0};

/// "cmp_" + 13 characters of Crockford base 32: sorts as the number does.
[[nodiscard]] std::string format_id(std::string_view prefix, std::uint64_t value);
/// The number behind `prefix` + "_", or nullopt when the text is anything else. Canonical form
/// only.
[[nodiscard]] std::optional<std::uint64_t> parse_id(std::string_view prefix, std::string_view text);

/// Makes ids that sort by creation: 42 bits of milliseconds since 2020, 6 node bits, 16 bits that
/// count within the millisecond. Thread-safe; strictly increasing even if the clock steps back.
class id_source
{
public:
    explicit id_source(const clock& clock, std::uint8_t node = 0) noexcept;
    [[nodiscard]] std::uint64_t next() noexcept;

private:
    const clock& clock_;
    std::uint64_t node_;
    std::atomic<std::uint64_t> last_{0};
};

} // namespace hikyaku

template <class Tag, class Rep> struct std::hash<hikyaku::strong_id<Tag, Rep>>
{
    std::size_t operator()(const hikyaku::strong_id<Tag, Rep>& id) const noexcept
    {
        return std::hash<Rep>{}(id.value);
    }
};
