#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/bcrypt.h>
#include <hikyaku/crypto/secret_text.h>

#include <array>
#include <memory>
#include <optional>
#include <span>

#include <crypt.h>
#include <openssl/crypto.h>

namespace hikyaku::crypto
{
namespace
{

constexpr std::size_t salt_bytes = 16;
constexpr std::size_t hash_chars = 60;
constexpr std::string_view hash_alphabet =
    "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

bool acceptable(std::string_view password)
{
    return !password.empty() && password.size() <= bcrypt_password_bytes_max &&
           password.find('\0') == std::string_view::npos;
}

/// `$2b$NN$` and 53 characters, with a cost we are willing to pay.
bool well_formed(std::string_view hash)
{
    if (hash.size() != hash_chars || !hash.starts_with("$2") || hash[3] != '$' || hash[6] != '$' ||
        std::string_view("aby").find(hash[2]) == std::string_view::npos || hash[4] < '0' ||
        hash[4] > '9' || hash[5] < '0' || hash[5] > '9')
    {
        return false;
    }
    const auto cost = static_cast<unsigned>((hash[4] - '0') * 10 + (hash[5] - '0'));
    return cost >= bcrypt_cost_min && cost <= bcrypt_cost_max &&
           hash.substr(7).find_first_not_of(hash_alphabet) == std::string_view::npos;
}

/// crypt_data is 32 KiB: on the heap, and wiped, since it holds the password.
std::optional<std::string> compute(std::string_view password, const std::string& setting)
{
    const auto data = std::make_unique<crypt_data>();
    std::string phrase(password);
    const char* const made = ::crypt_rn(phrase.c_str(), setting.c_str(), data.get(),
                                        static_cast<int>(sizeof(crypt_data)));
    std::optional<std::string> hash;
    if (made != nullptr)
    {
        hash = made;
    }
    wipe(phrase);
    OPENSSL_cleanse(data.get(), sizeof(crypt_data));
    return hash;
}

} // namespace

result<std::string, failure> hash_password(std::string_view password, unsigned cost,
                                           random_source& random)
{
    HK_ASSERT(cost >= bcrypt_cost_min && cost <= bcrypt_cost_max);
    if (!acceptable(password))
    {
        return failure{"a password has 1 to " + std::to_string(bcrypt_password_bytes_max) +
                       " bytes and no NUL"};
    }
    std::array<char, salt_bytes> salt;
    random.fill(std::as_writable_bytes(std::span(salt)));
    std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting;
    HK_ASSERT(::crypt_gensalt_rn("$2b$", cost, salt.data(), static_cast<int>(salt.size()),
                                 setting.data(), static_cast<int>(setting.size())) != nullptr);
    auto hash = compute(password, setting.data());
    if (!hash || !well_formed(*hash))
    {
        return failure{"the system's crypt library can't make bcrypt hashes"};
    }
    return {boost::system::in_place_value, std::move(*hash)};
}

bool verify_password(std::string_view password, std::string_view hash)
{
    if (!acceptable(password) || !well_formed(hash))
    {
        return false;
    }
    const auto computed = compute(password, std::string(hash));
    return computed && constant_time_equal(*computed, hash);
}

} // namespace hikyaku::crypto
