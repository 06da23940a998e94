#pragma once

#include <hikyaku/api/context.h>
#include <hikyaku/feed/outcome_index.h>

namespace hikyaku::api
{

/// How long an answer waits for facts that are durable and not yet indexed.
inline constexpr std::chrono::milliseconds index_wait_max{2'000};

/// An attempt or end of one recipient, as the tenant sees it.
[[nodiscard]] json::object outcome_to_json(const tenant_call& call, const queue::fact& f);

/// Cursors of lists of facts: "<block>.<index>". @returns nullopt for anything else
[[nodiscard]] std::optional<feed::fact_place> parse_place(std::string_view text);
[[nodiscard]] std::string format_place(const feed::fact_place& p);

} // namespace hikyaku::api
