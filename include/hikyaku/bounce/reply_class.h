#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hikyaku::bounce
{

/// Why a message was, or was not, taken: the `class` of the delivery log, of reports and events.
enum class reply_class : std::uint8_t
{
    accepted,       ///< 2xx
    bad_mailbox,    ///< the domain has no such mailbox
    bad_format,     ///< the recipient's address is no address there
    bad_domain,     ///< the recipient's domain does not exist or takes no mail
    inactive,       ///< the mailbox exists, but is closed, disabled or has moved
    quota,          ///< the mailbox is full
    refused,        ///< the recipient, or the recipient's settings, refuse this mail
    too_large,      ///< the message is larger than the receiver takes
    spam_content,   ///< what the message says or links to looks like spam or malware
    spam_block,     ///< our address, host or domain is on a block list or has a bad name
    policy,         ///< a rule of the receiver that is about senders: PTR, TLS, format, access
    auth_failure,   ///< SPF, DKIM or DMARC did not pass
    relaying,       ///< the host does not take mail for that domain from us
    invalid_sender, ///< MAIL FROM or From is refused: unknown, malformed, without DNS
    greylist,       ///< come back later, said to everybody who comes for the first time
    rate_limited,   ///< too much, too fast, too many connections
    system,         ///< the receiver has a trouble of its own
    protocol,       ///< a command or form was not understood
    network,        ///< no connection, or it was lost
    dns,            ///< a look-up failed
    routing,        ///< loops, too many hops, no way on
    tls,            ///< encryption failed or is demanded
    expired,        ///< somebody tried long enough
    auto_reply,     ///< no failure at all: an absence note or a challenge
    other,          ///< nothing is known about the reason
};
inline constexpr std::uint8_t reply_classes = 25;

/// The word of the log: the enumerator's name.
[[nodiscard]] std::string_view to_string(reply_class cls) noexcept;
/// nullopt when the word is none of them.
[[nodiscard]] std::optional<reply_class> parse_reply_class(std::string_view word) noexcept;

/// What a reply means for the message at hand.
enum class message_effect : std::uint8_t
{
    delivered,
    /// To be tried again, until it expires.
    deferred,
    /// Never again.
    bounced,
};
/// "delivered", "deferred", "bounced".
[[nodiscard]] std::string_view to_string(message_effect effect) noexcept;
[[nodiscard]] std::optional<message_effect> parse_message_effect(std::string_view word) noexcept;

/// What a reply means for the contact it was sent to. Values are stored: never reused.
enum class contact_effect : std::uint8_t
{
    /// Nothing: a success, a temporary failure, or the sender's side is the cause.
    keep = 0,
    /// One more failure; several of them make the address a bad one.
    count = 1,
    /// Proof that the address takes no mail: one is enough.
    suppress = 2,
};
/// "keep", "count", "suppress".
[[nodiscard]] std::string_view to_string(contact_effect effect) noexcept;
[[nodiscard]] std::optional<contact_effect> parse_contact_effect(std::string_view word) noexcept;

/// The cause is on the sender's side (reputation, content, size, policy, authentication, relaying,
/// rate, form): whatever the reply says, the contact is kept.
[[nodiscard]] bool is_sender_side(reply_class cls) noexcept;

/// What a final failure of this class means for the contact when nothing else is known: suppress
/// for bad_mailbox, bad_format, bad_domain and inactive; count for quota, refused, system, network,
/// dns, routing, expired and other; keep for the rest. For failures that come without a reply, such
/// as an expiry.
[[nodiscard]] contact_effect effect_of_failure(reply_class cls) noexcept;

} // namespace hikyaku::bounce
