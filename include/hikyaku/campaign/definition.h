#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/campaign/returns.h>

namespace hikyaku::campaign
{

/// Who gets a campaign. Exactly one kind.
enum class audience_kind : std::uint8_t
{
    /// Contacts that match a condition (canonical JSON; `{"all":[]}` is everybody).
    where = 1,
    /// Contacts by number.
    contacts = 2,
    /// Addresses given with the campaign; no contacts are made.
    recipients = 3,
    /// The same from an uploaded NDJSON file.
    upload = 4,
};

struct audience
{
    audience_kind kind = audience_kind::where;
    /// where: the condition. upload: the upload's id.
    std::string text;
    /// contacts: ordinals, ascending.
    std::vector<std::uint32_t> ordinals;
    /// recipients: how many were given (they are rows of their own).
    std::uint32_t count = 0;
};

/// An unsubscribe offer for the List-Unsubscribe headers: templates, rendered per recipient.
struct unsubscribe_offer
{
    std::string url;
    std::string mailto;
    bool one_click = false;
};

/// What a campaign is, as the tenant wrote it.
struct definition
{
    std::string name;
    std::string folder;
    std::string from_email;
    std::string from_name;
    std::string reply_to;
    std::string subject;
    std::string text;
    std::string html;
    campaign::audience audience;
    /// JSON object: names that templates may use besides fields. A field of the contact wins.
    std::string variables = "{}";
    /// Custom header fields; the values are templates.
    std::vector<std::pair<std::string, std::string>> headers;
    std::optional<unsubscribe_offer> unsubscribe;
    std::string feedback_id;
    std::optional<wall_time> send_at;
    milliseconds expires_after = std::chrono::hours{72};
    std::string topic;
    bool transactional = false;
    std::string pool = "default";
    bool sandbox = false;
    /// A broadcast starts although records of its sender domain are missing or wrong.
    bool alignment_override = false;
    /// One mail per normalised address (the contact changed last wins), or one per contact.
    bool once_per_address = true;
    /// When it pauses itself, where that is not the tenant's.
    std::optional<breaker_override> breaker;
};

/// Versioned bytes of a definition: the 'm' row.
[[nodiscard]] std::string encode(const definition& d);
/// nullopt when damaged.
[[nodiscard]] std::optional<definition> decode_definition(std::string_view bytes);

} // namespace hikyaku::campaign
