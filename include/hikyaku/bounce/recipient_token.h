#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/id.h>
#include <hikyaku/crypto/master_key.h>

namespace hikyaku::bounce
{

/// Who a message was sent to: what the signed names in its addresses and links stand for. Holds no
/// address.
struct recipient_ref
{
    tenant_id tenant;
    campaign_id campaign;
    ordinal who;

    friend bool operator==(const recipient_ref&, const recipient_ref&) = default;
};

/// What a token is for. Stored in messages that are out in the world: values are never reused, and
/// a token of one use is not good for another.
enum class token_use : std::uint8_t
{
    return_path = 1,      ///< MAIL FROM, where bounces arrive
    unsubscribe_mail = 2, ///< the mailto of List-Unsubscribe
    unsubscribe_link = 3, ///< the https link of List-Unsubscribe, and in the body
};

/// The key of one tenant's tokens, all uses.
[[nodiscard]] crypto::digest recipient_token_key(const crypto::master_key& master,
                                                 tenant_id tenant) noexcept;

/// "b-" and base 32: survives hosts that fold case. At most 64 bytes (RFC 5321 section 4.5.3.1.1).
[[nodiscard]] std::string return_path_local_part(const crypto::digest& key,
                                                 const recipient_ref& who);
/// "u-" and base 32.
[[nodiscard]] std::string unsubscribe_local_part(const crypto::digest& key,
                                                 const recipient_ref& who);
/// base64url, for a path segment of a link.
[[nodiscard]] std::string unsubscribe_link_token(const crypto::digest& key,
                                                 const recipient_ref& who);

/// What a local part or link token says, unchecked: only good for finding the tenant's key.
/// `text` is a local part in any case for the two mail uses, a link's token for the third.
/// nullopt when it can't be a token of that use, of any length and any bytes.
[[nodiscard]] std::optional<recipient_ref> peek_recipient(std::string_view text, token_use use);

/// Same, but only for a token that was made with `key` for that use, and for that tenant. A forged
/// one gives nullopt in a time that doesn't tell how much of it was right.
[[nodiscard]] std::optional<recipient_ref> open_recipient(const crypto::digest& key,
                                                          std::string_view text, token_use use);

} // namespace hikyaku::bounce
