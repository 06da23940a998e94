#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/store/reader.h>

namespace hikyaku::feedback
{

/// Failures of one address of a tenant since a message last got through. It belongs to the address:
/// a contact that gets another one starts at 0.
struct error_counter
{
    /// certain_weight for a failure whose address is certainly wrong, 1 for others that count.
    std::uint32_t score = 0;
    /// The score before the last delivery set it to 0, and whose delivery that was: it comes back
    /// when a failure of the same message is reported by mail.
    std::uint32_t score_before = 0;
    campaign_id delivered_in;
    /// It has led to a suppression; when that is over, counting starts anew.
    bool suppressed = false;

    /// The last failure.
    wall_time at{};
    campaign_id campaign;
    std::string cls;

    friend bool operator==(const error_counter&, const error_counter&) = default;
};

/// The counter of a normalized address in a tenant's family; nullopt when it has none.
/// @error the store can't be read, or the row is damaged
[[nodiscard]] result<std::optional<error_counter>> find_counter(const store::reader& tenant,
                                                                std::string_view normalized);

/// A message got through. @returns whether anything is left worth keeping
[[nodiscard]] bool note_delivery(error_counter& c, campaign_id campaign);
/// A message failed. @param weight  1 or certain_weight
/// @param is_suppressed  whether the address is suppressed now
/// @param by_mail  reported after the message had been accepted
void note_failure(error_counter& c, std::uint32_t weight, bool is_suppressed, bool by_mail,
                  campaign_id campaign, std::string_view cls, wall_time at);

} // namespace hikyaku::feedback
