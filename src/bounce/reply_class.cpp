#include <hikyaku/bounce/reply_class.h>

#include <algorithm>
#include <array>

namespace hikyaku::bounce
{
namespace
{

/// In the order of the enumerators.
constexpr std::array<std::string_view, reply_classes> class_words = {
    "accepted",     "bad_mailbox",  "bad_format", "bad_domain",     "inactive",
    "quota",        "refused",      "too_large",  "spam_content",   "spam_block",
    "policy",       "auth_failure", "relaying",   "invalid_sender", "greylist",
    "rate_limited", "system",       "protocol",   "network",        "dns",
    "routing",      "tls",          "expired",    "auto_reply",     "other"};
constexpr std::array<std::string_view, 3> message_words = {"delivered", "deferred", "bounced"};
constexpr std::array<std::string_view, 3> contact_words = {"keep", "count", "suppress"};

static_assert(static_cast<std::size_t>(reply_class::other) + 1 == class_words.size());

template <class Enum, std::size_t N>
std::string_view word_of(const std::array<std::string_view, N>& words, Enum value) noexcept
{
    const auto index = static_cast<std::size_t>(value);
    return index < words.size() ? words[index] : std::string_view("other");
}

template <class Enum, std::size_t N>
std::optional<Enum> find_word(const std::array<std::string_view, N>& words,
                              std::string_view word) noexcept
{
    const auto found = std::ranges::find(words, word);
    if (found == words.end())
    {
        return std::nullopt;
    }
    return static_cast<Enum>(found - words.begin());
}

} // namespace

std::string_view to_string(reply_class cls) noexcept
{
    return word_of(class_words, cls);
}

std::optional<reply_class> parse_reply_class(std::string_view word) noexcept
{
    return find_word<reply_class>(class_words, word);
}

std::string_view to_string(message_effect effect) noexcept
{
    return word_of(message_words, effect);
}

std::optional<message_effect> parse_message_effect(std::string_view word) noexcept
{
    return find_word<message_effect>(message_words, word);
}

std::string_view to_string(contact_effect effect) noexcept
{
    return word_of(contact_words, effect);
}

std::optional<contact_effect> parse_contact_effect(std::string_view word) noexcept
{
    return find_word<contact_effect>(contact_words, word);
}

bool is_sender_side(reply_class cls) noexcept
{
    switch (cls)
    {
    case reply_class::too_large:
    case reply_class::spam_content:
    case reply_class::spam_block:
    case reply_class::policy:
    case reply_class::auth_failure:
    case reply_class::relaying:
    case reply_class::invalid_sender:
    case reply_class::greylist:
    case reply_class::rate_limited:
    case reply_class::protocol:
    case reply_class::tls:
        return true;
    case reply_class::accepted:
    case reply_class::bad_mailbox:
    case reply_class::bad_format:
    case reply_class::bad_domain:
    case reply_class::inactive:
    case reply_class::quota:
    case reply_class::refused:
    case reply_class::system:
    case reply_class::network:
    case reply_class::dns:
    case reply_class::routing:
    case reply_class::expired:
    case reply_class::auto_reply:
    case reply_class::other:
        break;
    }
    return false;
}

contact_effect effect_of_failure(reply_class cls) noexcept
{
    switch (cls)
    {
    case reply_class::bad_mailbox:
    case reply_class::bad_format:
    case reply_class::bad_domain:
    case reply_class::inactive:
        return contact_effect::suppress;
    case reply_class::quota:
    case reply_class::refused:
    case reply_class::system:
    case reply_class::network:
    case reply_class::dns:
    case reply_class::routing:
    case reply_class::expired:
    case reply_class::other:
        return contact_effect::count;
    case reply_class::accepted:
    case reply_class::too_large:
    case reply_class::spam_content:
    case reply_class::spam_block:
    case reply_class::policy:
    case reply_class::auth_failure:
    case reply_class::relaying:
    case reply_class::invalid_sender:
    case reply_class::greylist:
    case reply_class::rate_limited:
    case reply_class::protocol:
    case reply_class::tls:
    case reply_class::auto_reply:
        break;
    }
    return contact_effect::keep;
}

} // namespace hikyaku::bounce
