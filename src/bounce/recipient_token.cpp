#include <hikyaku/bounce/recipient_token.h>

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/signed_token.h>

namespace hikyaku::bounce
{
namespace
{

using crypto::token_text;

constexpr std::size_t payload_bytes = 4 + 8 + 4;
constexpr std::string_view return_path_prefix = "b-";
constexpr std::string_view unsubscribe_prefix = "u-";

/// How a use is written.
struct token_form
{
    std::string_view prefix;
    token_text text;
};

token_form form_of(token_use use) noexcept
{
    switch (use)
    {
    case token_use::return_path:
        return {return_path_prefix, token_text::base32};
    case token_use::unsubscribe_mail:
        return {unsubscribe_prefix, token_text::base32};
    case token_use::unsubscribe_link:
        break;
    }
    return {{}, token_text::base64url};
}

std::string make(const crypto::digest& key, const recipient_ref& who, token_use use)
{
    std::string payload;
    put_be(payload, who.tenant.value);
    put_be(payload, who.campaign.value);
    put_be(payload, who.who.value);
    const token_form form = form_of(use);
    return std::string(form.prefix) +
           crypto::make_token(key, static_cast<std::uint8_t>(use), payload, form.text);
}

/// The token behind the prefix; empty when the prefix is another.
std::string_view token_of(std::string_view text, std::string_view prefix) noexcept
{
    if (text.size() <= prefix.size())
    {
        return {};
    }
    for (std::size_t i = 0; i < prefix.size(); ++i)
    {
        const char c =
            text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
        if (c != prefix[i])
        {
            return {};
        }
    }
    return text.substr(prefix.size());
}

std::optional<recipient_ref> read(std::string_view payload)
{
    if (payload.size() != payload_bytes)
    {
        return std::nullopt;
    }
    byte_reader in(payload);
    recipient_ref who;
    who.tenant.value = in.be<std::uint32_t>();
    who.campaign.value = in.be<std::uint64_t>();
    who.who.value = in.be<std::uint32_t>();
    return who;
}

} // namespace

crypto::digest recipient_token_key(const crypto::master_key& master, tenant_id tenant) noexcept
{
    return master.derive("verp " + std::to_string(tenant.value));
}

std::string return_path_local_part(const crypto::digest& key, const recipient_ref& who)
{
    return make(key, who, token_use::return_path);
}

std::string unsubscribe_local_part(const crypto::digest& key, const recipient_ref& who)
{
    return make(key, who, token_use::unsubscribe_mail);
}

std::string unsubscribe_link_token(const crypto::digest& key, const recipient_ref& who)
{
    return make(key, who, token_use::unsubscribe_link);
}

std::optional<recipient_ref> peek_recipient(std::string_view text, token_use use)
{
    const token_form form = form_of(use);
    const auto token = crypto::peek_token(token_of(text, form.prefix), form.text);
    if (!token || token->type != static_cast<std::uint8_t>(use))
    {
        return std::nullopt;
    }
    return read(token->payload);
}

std::optional<recipient_ref> open_recipient(const crypto::digest& key, std::string_view text,
                                            token_use use)
{
    const token_form form = form_of(use);
    const auto payload = crypto::open_token(key, static_cast<std::uint8_t>(use),
                                            token_of(text, form.prefix), form.text);
    return payload ? read(*payload) : std::nullopt;
}

} // namespace hikyaku::bounce
