#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/json.h>
#include <hikyaku/campaign/content.h>
#include <hikyaku/delivery/operate.h>

namespace hikyaku::campaign
{

/// Kind of the job (jobs::register_kind). Its parameters: {"campaign": "cmp_…"}.
inline constexpr std::string_view dry_run_kind = "campaign_dry_run";
/// Audiences up to this size are rendered while the caller waits.
inline constexpr std::uint64_t dry_run_wait_max = 10'000;

/// What a render error says: "text 3:14: divided by 0".
struct render_problem
{
    ordinal who;
    std::string address;
    /// "subject", "text", "html", a header's name; empty when the text names none.
    std::string part;
    /// 0: none.
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    std::string reason;
};
/// Cuts the text of a failed rendering into its parts.
[[nodiscard]] render_problem parse_problem(std::string_view text);

/// What would happen if the campaign started now.
struct dry_run_report
{
    static constexpr std::size_t problems_max = 100;
    static constexpr std::size_t sites_max = 200;

    bool by_contact = true;
    std::uint64_t audience = 0;
    /// audience = recipients + duplicates + no_address + invalid_address
    std::uint64_t recipients = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t no_address = 0;
    std::uint64_t invalid_address = 0;
    /// recipients = would_send + suppressed + render_errors
    std::uint64_t suppressed = 0;
    std::uint64_t render_errors = 0;
    std::uint64_t would_send = 0;
    /// The first of the render errors.
    std::vector<render_problem> problems;
    /// Bytes of the largest message, signed, and whose it is.
    std::uint64_t largest_bytes = 0;
    ordinal largest;
    /// Records of the sender domain that fail, as far as known, and whether that refuses a start.
    std::vector<content_error> alignment;
    bool alignment_refuses = false;
    /// Longest first, at most sites_max; the others are in the totals.
    std::vector<delivery::forecast_line> sites;
    std::uint64_t sites_left_out = 0;
    /// Until the last site is done, behind what is queued now; sites without a limit count as 0.
    double seconds = 0;
};

/// Who looks on while it runs. Either may be empty.
struct dry_run_watch
{
    std::function<bool()> should_stop{};
    /// Members of the audience seen, and the counts so far; after each page.
    std::function<void(const dry_run_report&)> progress{};
};

/// As the API answers and a job's counts hold. `name` makes a recipient's public name.
[[nodiscard]] json::object to_json(const dry_run_report& r,
                                   const std::function<std::string(ordinal)>& name);

} // namespace hikyaku::campaign
