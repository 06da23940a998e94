// What the sink does wrong on purpose.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hikyaku::sink
{

/// Where in a session a fault strikes.
enum class point : std::uint8_t
{
    banner,   ///< instead of the greeting
    ehlo,     ///< at EHLO (never at HELO)
    starttls, ///< at STARTTLS
    mail,     ///< at MAIL FROM
    rcpt,     ///< at RCPT TO
    data,     ///< at DATA
    body,     ///< after the first octets of the message
    dot,      ///< after the final dot, before its reply
    after,    ///< after the reply to the final dot
    quit,     ///< at QUIT
    count_    ///< not a point: how many there are
};

inline constexpr std::size_t point_count = static_cast<std::size_t>(point::count_);

/// What a fault does.
enum class deed : std::uint8_t
{
    none,  ///< nothing
    reply, ///< answers with an error (421 also closes)
    close, ///< closes without an answer
    reset, ///< closes with a TCP reset
    stall  ///< never answers again
};

/// One rule. It applies with `probability`, or when a recipient of the transaction matches
/// the glob `pattern` (if that is not empty).
struct fault
{
    point at = point::rcpt;
    deed what = deed::none;
    std::string reply;
    double probability = 0;
    std::string pattern;
    std::chrono::milliseconds delay{0};
};

/// What to do at a point. `reply` lives as long as the plan.
struct decision
{
    deed what = deed::none;
    std::string_view reply;
    std::chrono::milliseconds delay{0};
};

/// The rules in force; immutable once published to the workers.
class fault_plan
{
public:
    /// Reads `STAGE:CODE:WHEN[:TEXT]` (`--fault`): WHEN is a probability or a glob over
    /// recipient addresses. @returns false when the text does not parse.
    [[nodiscard]] bool add_reply(std::string_view spec);
    /// Reads `POINT:WHEN`, for `--close-at`, `--reset-at` and `--stall-at`.
    [[nodiscard]] bool add_deed(deed what, std::string_view spec);
    /// Reads `POINT:MILLISECONDS[:WHEN]`, for `--delay`.
    [[nodiscard]] bool add_delay(std::string_view spec);

    /// Decides for one point. The first rule that applies wins; delays add up.
    [[nodiscard]] decision decide(point at, std::span<const std::string> recipients,
                                  std::mt19937_64& random) const;

private:
    [[nodiscard]] bool add(fault rule, std::string_view when);

    std::array<std::vector<fault>, point_count> rules_;
};

/// A fault that a recipient asks for by the beginning of its local part.
struct prefix_fault
{
    std::string_view prefix;
    point at;
    deed what;
    std::string_view reply;
    bool once; ///< only the first time this recipient is seen
};

/// The documented prefixes, longest match first; see README.md.
[[nodiscard]] const prefix_fault* find_prefix_fault(std::string_view recipient);

} // namespace hikyaku::sink
