#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/bounce/classifier.h>

namespace hikyaku::bounce
{

/// What a message that came back says.
enum class report_kind : std::uint8_t
{
    none,       ///< not a report: a person's mail, or anything else
    bounce,     ///< delivery failed for good
    delay,      ///< delivery was not yet possible and goes on
    complaint,  ///< a feedback report (RFC 5965): somebody pressed "spam"
    auto_reply, ///< an absence note, a receipt, a challenge (RFC 3834, RFC 8098)
    delivered,  ///< delivered, relayed or expanded: nothing to do
};
/// The enumerator's name.
[[nodiscard]] std::string_view to_string(report_kind kind) noexcept;

/// What the report says of one recipient. All text is UTF-8 on one line without controls.
struct report_recipient
{
    /// Of this recipient; a report may hold failures and successes.
    report_kind kind = report_kind::none;
    /// The address that failed, or whose owner complained or is absent; as written. May be one
    /// that mail was forwarded to; or a local name alone; or empty, when the report tells a cause
    /// but names nobody.
    std::string recipient{};
    /// The address that the sender gave, where the report tells it; or empty.
    std::string original_recipient{};
    /// "failed", "delayed", "delivered", "relayed", "expanded" (RFC 3464 section 2.3.3), or empty.
    std::string action{};
    /// "5.1.1"; empty when none is given.
    std::string status{};
    /// Of the SMTP reply that decided; 0 when none is told.
    int code = 0;
    reply_class cls = reply_class::other;
    /// keep unless kind is bounce, or a complaint of its recipient (suppress).
    contact_effect contact = contact_effect::keep;
    /// A failure that the same message would meet again. False for one that gave up after
    /// temporary replies.
    bool permanent = false;
    /// What the reporting host says is the reason: reply, diagnostic code or its own words.
    std::string text{};
};

/// What a message that came back says, all of it.
struct report
{
    /// The gravest of the recipients': bounce, complaint, delay, delivered, auto_reply, in this
    /// order. `none` has no recipients; a complaint may have none, when nobody is named.
    report_kind kind = report_kind::none;
    std::vector<report_recipient> recipients{};
    /// Message-ID of the message reported about, without angle brackets; or empty.
    std::string message_id{};
    /// Feedback-Type of a complaint (RFC 5965 section 7.3), in lower case: "abuse", "fraud",
    /// "not-spam" …. Only abuse, fraud and what says nothing else have a contact effect.
    std::string feedback_type{};
    /// Host that wrote the report, when it says so.
    std::string reporting_mta{};
};

/// At most this many recipients of one report are told.
inline constexpr std::size_t report_recipients_max = 200;
/// How much of a text part is looked at, after decoding.
inline constexpr std::size_t report_text_bytes_max = 128u << 10;

/// Reads what came back: delivery status (RFC 3464, 6522), feedback (RFC 5965), the notices of the
/// many hosts that know neither, absence notes. Any bytes, any line ends; time is linear in the
/// message, memory beyond it bounded by the limits of mime::parse_message.
///
/// A recipient is told only when the report itself, or what it quotes of the message, names one;
/// the reporting host's own addresses and the sender of the message are never taken for it.
/// Anybody can write a report: what proves it ours is the token in the address it came to
/// (recipient_token.h). Pure, any thread.
[[nodiscard]] report parse_report(std::string_view message, const classifier& rules);

} // namespace hikyaku::bounce
