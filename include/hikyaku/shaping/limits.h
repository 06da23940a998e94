#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <hikyaku/base/time.h>
#include <hikyaku/shaping/rate.h>

namespace hikyaku::shaping
{

/// What a session does about STARTTLS. MTA-STS and DANE may demand more, never less.
enum class tls_mode
{
    /// Plain text even if STARTTLS is offered (a server whose TLS is broken).
    off,
    /// TLS when it is offered, any certificate; plain text when it is not or fails.
    opportunistic,
    /// TLS, any certificate; deferred without it.
    required,
    /// TLS with a certificate that is valid for the MX host; deferred without it.
    verified,
};

/// "off", "opportunistic", "required", "verified".
[[nodiscard]] std::string_view to_string(tls_mode mode) noexcept;
[[nodiscard]] std::optional<tls_mode> parse_tls_mode(std::string_view text) noexcept;

/// Which addresses of an MX host a connection is made to, and in which order.
enum class address_family
{
    /// One of each in turn, IPv6 first: the next follows soon when one doesn't answer.
    interleave,
    /// All of IPv6, then all of IPv4.
    prefer_ipv6,
    /// All of IPv4, then all of IPv6.
    prefer_ipv4,
    /// That family only.
    ipv6,
    ipv4,
};

/// "interleave", "prefer_ipv6", "prefer_ipv4", "ipv6", "ipv4".
[[nodiscard]] std::string_view to_string(address_family family) noexcept;
[[nodiscard]] std::optional<address_family> parse_address_family(std::string_view text) noexcept;

/// The limits of one site and one source, with the built-in defaults. Keys of shaping.yaml have the
/// same names.
struct site_limits
{
    /// Connections to the site at the same time, and how many a fresh site starts with: the window
    /// grows from one to the other by success.
    std::uint32_t connections_max = 10;
    std::uint32_t connections_initial = 5;
    /// Over all sites of the provider together; nullopt: no such limit.
    std::optional<std::uint32_t> provider_connections_max = std::nullopt;
    /// Transactions before a connection is closed and another opened.
    std::uint32_t messages_per_connection = 100;
    /// RCPT commands per transaction (only mail with the same bytes for all can share one).
    std::uint32_t recipients_per_transaction = 100;
    std::optional<rate> message_rate = rate{100, seconds{1}, 100};
    /// Over all sites of the provider together; nullopt: no such limit.
    std::optional<rate> provider_message_rate = std::nullopt;
    std::optional<rate> connection_rate = rate{100, std::chrono::minutes{1}, 10};
    /// How long an idle connection is kept for the next message.
    milliseconds idle_max = seconds{30};
    /// The age at which a connection is closed after its transaction.
    milliseconds session_max = seconds{300};
    tls_mode tls = tls_mode::opportunistic;
    /// How long a site whose STARTTLS failed is spoken to in plain text (opportunistic only).
    milliseconds tls_broken_memory = std::chrono::hours{72};
    bool pipelining = true;
    bool chunking = true;
    /// Consecutive connect failures that suspend the site, the first suspension and the longest.
    std::uint32_t connect_failures_max = 10;
    milliseconds suspension_first = seconds{60};
    milliseconds suspension_max = std::chrono::minutes{30};
    shaping::address_family address_family = shaping::address_family::interleave;

    friend bool operator==(const site_limits&, const site_limits&) = default;
};

/// Some of the limits: what one layer of shaping.yaml sets. A rate or provider limit that is set to
/// nullopt (in YAML: `none`) removes the limit.
struct limits_patch
{
    std::optional<std::uint32_t> connections_max;
    std::optional<std::uint32_t> connections_initial;
    std::optional<std::optional<std::uint32_t>> provider_connections_max;
    std::optional<std::uint32_t> messages_per_connection;
    std::optional<std::uint32_t> recipients_per_transaction;
    std::optional<std::optional<rate>> message_rate;
    std::optional<std::optional<rate>> provider_message_rate;
    std::optional<std::optional<rate>> connection_rate;
    std::optional<milliseconds> idle_max;
    std::optional<milliseconds> session_max;
    std::optional<tls_mode> tls;
    std::optional<milliseconds> tls_broken_memory;
    std::optional<bool> pipelining;
    std::optional<bool> chunking;
    std::optional<std::uint32_t> connect_failures_max;
    std::optional<milliseconds> suspension_first;
    std::optional<milliseconds> suspension_max;
    std::optional<shaping::address_family> address_family;

    friend bool operator==(const limits_patch&, const limits_patch&) = default;
};

/// Bounds of the settings above; check_patch enforces them.
inline constexpr std::uint32_t connections_limit_max = 10'000;
inline constexpr std::uint32_t messages_per_connection_limit_max = 1'000'000;
inline constexpr std::uint32_t recipients_per_transaction_limit_max = 1'000;
inline constexpr std::uint32_t connect_failures_limit_max = 10'000;
inline constexpr milliseconds limits_duration_max = std::chrono::hours{7 * 24};

/// Calls `visit(key, member of site_limits, member of limits_patch)` for every limit, in the order
/// of the file. For readers of shaping.yaml and for printing.
template <class Visitor> void for_each_limit(Visitor visit)
{
    using l = site_limits;
    using p = limits_patch;
    visit(std::string_view{"connections_max"}, &l::connections_max, &p::connections_max);
    visit(std::string_view{"connections_initial"}, &l::connections_initial,
          &p::connections_initial);
    visit(std::string_view{"provider_connections_max"}, &l::provider_connections_max,
          &p::provider_connections_max);
    visit(std::string_view{"messages_per_connection"}, &l::messages_per_connection,
          &p::messages_per_connection);
    visit(std::string_view{"recipients_per_transaction"}, &l::recipients_per_transaction,
          &p::recipients_per_transaction);
    visit(std::string_view{"message_rate"}, &l::message_rate, &p::message_rate);
    visit(std::string_view{"provider_message_rate"}, &l::provider_message_rate,
          &p::provider_message_rate);
    visit(std::string_view{"connection_rate"}, &l::connection_rate, &p::connection_rate);
    visit(std::string_view{"idle_max"}, &l::idle_max, &p::idle_max);
    visit(std::string_view{"session_max"}, &l::session_max, &p::session_max);
    visit(std::string_view{"tls"}, &l::tls, &p::tls);
    visit(std::string_view{"tls_broken_memory"}, &l::tls_broken_memory, &p::tls_broken_memory);
    visit(std::string_view{"pipelining"}, &l::pipelining, &p::pipelining);
    visit(std::string_view{"chunking"}, &l::chunking, &p::chunking);
    visit(std::string_view{"connect_failures_max"}, &l::connect_failures_max,
          &p::connect_failures_max);
    visit(std::string_view{"suspension_first"}, &l::suspension_first, &p::suspension_first);
    visit(std::string_view{"suspension_max"}, &l::suspension_max, &p::suspension_max);
    visit(std::string_view{"address_family"}, &l::address_family, &p::address_family);
}

/// @error names the first key that is out of bounds
[[nodiscard]] result<void, failure> check_patch(const limits_patch& patch);

} // namespace hikyaku::shaping
