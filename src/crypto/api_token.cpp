#include <hikyaku/base/bytes.h>
#include <hikyaku/base/id.h>
#include <hikyaku/crypto/api_token.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/secret_text.h>

namespace hikyaku::crypto
{
namespace
{

constexpr std::string_view prefix = "hk";
constexpr std::string_view hash_label = "hikyaku api key v1";
constexpr std::size_t secret_bytes = 32;
constexpr std::size_t secret_chars = 43;
constexpr std::size_t head_chars = api_token_chars - secret_chars - 1;

} // namespace

std::string make_api_token(std::uint64_t id, random_source& random)
{
    return format_id(prefix, id) + '_' + random_token(secret_bytes, random);
}

std::optional<api_token> parse_api_token(std::string_view text)
{
    if (text.size() != api_token_chars || text[head_chars] != '_')
    {
        return std::nullopt;
    }
    const auto id = parse_id(prefix, text.substr(0, head_chars));
    const std::string_view secret = text.substr(head_chars + 1);
    if (!id || !decode_base64url(secret))
    {
        return std::nullopt;
    }
    return api_token{*id, secret};
}

digest hash_api_token(const api_token& token) noexcept
{
    std::string message(hash_label);
    put_be(message, token.id);
    message += token.secret;
    const digest hashed = sha256(message);
    wipe(message);
    return hashed;
}

bool verify_api_token(const api_token& token, const digest& stored) noexcept
{
    return constant_time_equal(as_bytes(hash_api_token(token)), as_bytes(stored));
}

} // namespace hikyaku::crypto
