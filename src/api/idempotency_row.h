#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/api/idempotency.h>

namespace hikyaku::api
{

inline constexpr char idempotency_kind = 'i';

/// The row of one key; layout in FORMAT.md.
struct idempotency_row
{
    wall_time created;
    /// 32 bytes.
    std::string fingerprint;
    std::string object;
    /// nullopt: the effect is durable, the answer is not kept (yet).
    std::optional<idempotency::answer> before;
};

[[nodiscard]] std::string encode_row(const idempotency_row& r);
/// nullopt when damaged or of another version.
[[nodiscard]] std::optional<idempotency_row> decode_row(std::string_view bytes);

} // namespace hikyaku::api
