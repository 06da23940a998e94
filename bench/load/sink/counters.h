// What the sink counts, and the kinds of protocol violations it knows.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace hikyaku::sink
{

/// One defect in what the client sent; counted only under `--strict`.
enum class violation : std::uint8_t
{
    bare_cr,                 ///< CR without LF (RFC 5321 section 2.3.8)
    bare_lf,                 ///< LF without CR
    long_line,               ///< more than 998 octets and CRLF (RFC 5322 section 2.1.1)
    nul,                     ///< a zero octet in message data
    unstuffed_dot,           ///< a line that begins with one dot only (RFC 5321 section 4.5.2)
    eight_bit_undeclared,    ///< octets over 127 without BODY=8BITMIME
    utf8_undeclared,         ///< an envelope address over 127 without SMTPUTF8
    after_end_of_data,       ///< octets after the final dot, before its reply
    unauthorised_pipelining, ///< octets after EHLO, DATA or STARTTLS, or before the banner
    syntax,                  ///< a command that does not parse
    sequence,                ///< a command out of order
    count_                   ///< not a violation: how many there are
};

inline constexpr std::size_t violation_count = static_cast<std::size_t>(violation::count_);

inline constexpr std::array<const char*, violation_count> violation_names = {
    "bare_cr",
    "bare_lf",
    "long_line",
    "nul",
    "unstuffed_dot",
    "eight_bit_undeclared",
    "utf8_undeclared",
    "after_end_of_data",
    "unauthorised_pipelining",
    "syntax",
    "sequence"};

/// Plain counters by name.
enum class tally : std::uint8_t
{
    messages,       ///< accepted with 250 after the final dot
    recipients,     ///< of those messages
    bytes,          ///< of those messages as sent, final dot excluded
    sessions,       ///< connections accepted
    sessions_ended, ///< of those, ended
    tls_sessions,   ///< of those, with a finished TLS handshake
    refused,        ///< error replies given because of a fault rule or limit
    closed,         ///< connections closed because of a fault rule
    stalled,        ///< connections left without an answer because of a fault rule
    unanswered,     ///< messages taken to the final dot whose reply was withheld
    tls_failures,   ///< handshakes that failed
    duplicates,     ///< accepted recipients seen before; only with `--distinct`
    count_          ///< not a counter: how many there are
};

inline constexpr std::size_t tally_count = static_cast<std::size_t>(tally::count_);

inline constexpr std::array<const char*, tally_count> tally_names = {
    "messages", "recipients", "bytes",   "sessions",   "sessions_ended", "tls_sessions",
    "refused",  "closed",     "stalled", "unanswered", "tls_failures",   "duplicates"};

/// The counters of one worker. One thread writes, any thread reads.
class alignas(64) counters
{
public:
    void add(tally which, std::uint64_t by = 1) { bump(tallies_[std::size_t(which)], by); }
    void add(violation which) { bump(violations_[std::size_t(which)], 1); }
    [[nodiscard]] std::uint64_t get(tally which) const
    {
        return tallies_[std::size_t(which)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get(violation which) const
    {
        return violations_[std::size_t(which)].load(std::memory_order_relaxed);
    }

    /// Monotonic nanoseconds of the first and last accepted message; 0 is none.
    std::atomic<std::uint64_t> first_message_ns = 0;
    std::atomic<std::uint64_t> last_message_ns = 0;

private:
    static void bump(std::atomic<std::uint64_t>& value, std::uint64_t by)
    {
        // One writer: no locked instruction is needed.
        value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
    }

    std::array<std::atomic<std::uint64_t>, tally_count> tallies_{};
    std::array<std::atomic<std::uint64_t>, violation_count> violations_{};
};

} // namespace hikyaku::sink
