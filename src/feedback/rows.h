#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/feedback/error_counter.h>
#include <hikyaku/feedback/tenant_settings.h>

/// Rows of this module, byte by byte in FORMAT.md. All begin with 'g' and a byte for the kind.
namespace hikyaku::feedback
{

/// Error counters: 'g' 'c' + normalized address.
[[nodiscard]] std::string counter_prefix();
[[nodiscard]] std::string counter_key(std::string_view normalized);
[[nodiscard]] std::string encode(const error_counter& c);
[[nodiscard]] std::optional<error_counter> decode_counter(std::string_view value);

/// The last block whose effects are in force: 'g' 'm'.
[[nodiscard]] std::string folded_key();
[[nodiscard]] std::string encode_folded(std::uint64_t block);
[[nodiscard]] std::optional<std::uint64_t> decode_folded(std::string_view value);

/// What was reported of a recipient in a campaign: 'g' 'o' + campaign + ordinal.
struct reported
{
    bool bounce = false;
    bool complaint = false;
    friend bool operator==(const reported&, const reported&) = default;
};
[[nodiscard]] std::string reported_key(campaign_id campaign, ordinal who);
[[nodiscard]] std::string encode(const reported& r);
[[nodiscard]] std::optional<reported> decode_reported(std::string_view value);

/// 'g' 's'.
[[nodiscard]] std::string settings_key();
[[nodiscard]] std::string encode(const tenant_settings& s);
[[nodiscard]] std::optional<tenant_settings> decode_settings(std::string_view value);

} // namespace hikyaku::feedback
