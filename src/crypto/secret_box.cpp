#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/secret_box.h>
#include <hikyaku/crypto/secret_text.h>

#include <openssl/evp.h>

#include <limits>
#include <memory>
#include <span>

#include <openssl/crypto.h>

namespace hikyaku::crypto
{
namespace
{

constexpr char version_1 = '\x01';
constexpr std::size_t head_bytes = 2;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;
static_assert(head_bytes + nonce_bytes + tag_bytes == seal_overhead_bytes);

struct free_cipher
{
    void operator()(EVP_CIPHER_CTX* c) const noexcept { EVP_CIPHER_CTX_free(c); }
};
using cipher = std::unique_ptr<EVP_CIPHER_CTX, free_cipher>;

const unsigned char* in(std::string_view bytes)
{
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// The key for one purpose, overwritten when done with.
struct purpose_key
{
    digest bytes;
    purpose_key(const master_key& key, std::string_view purpose)
        : bytes(key.derive(std::string("seal v1 ").append(purpose)))
    {
    }
    purpose_key(const purpose_key&) = delete;
    purpose_key& operator=(const purpose_key&) = delete;
    ~purpose_key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

std::string associated_data(std::string_view head, std::string_view purpose,
                            std::string_view context)
{
    std::string data(head);
    put_string(data, purpose);
    put_string(data, context);
    return data;
}

int size_of(std::string_view bytes)
{
    HK_ASSERT(bytes.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
    return static_cast<int>(bytes.size());
}

} // namespace

std::string seal(const master_key& key, std::string_view purpose, std::string_view plaintext,
                 std::string_view context, random_source& random)
{
    std::string out{version_1, static_cast<char>(key.id())};
    const std::string associated = associated_data(out, purpose, context);
    out.resize(head_bytes + nonce_bytes + plaintext.size() + tag_bytes);
    const std::span<char> nonce(out.data() + head_bytes, nonce_bytes);
    random.fill(std::as_writable_bytes(nonce));
    auto* const body = reinterpret_cast<unsigned char*>(out.data() + head_bytes + nonce_bytes);

    const purpose_key derived(key, purpose);
    const cipher c(EVP_CIPHER_CTX_new());
    int written = 0;
    int last = 0;
    HK_ASSERT(c != nullptr);
    HK_ASSERT(EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, derived.bytes.data(),
                                 reinterpret_cast<unsigned char*>(nonce.data())) == 1);
    HK_ASSERT(EVP_EncryptUpdate(c.get(), nullptr, &written, in(associated), size_of(associated)) ==
              1);
    HK_ASSERT(EVP_EncryptUpdate(c.get(), body, &written, in(plaintext), size_of(plaintext)) == 1);
    HK_ASSERT(EVP_EncryptFinal_ex(c.get(), body + written, &last) == 1);
    HK_ASSERT(static_cast<std::size_t>(written + last) == plaintext.size());
    HK_ASSERT(EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(tag_bytes),
                                  body + plaintext.size()) == 1);
    return out;
}

result<std::string, failure> open(const master_key& key, std::string_view purpose,
                                  std::string_view sealed, std::string_view context)
{
    const auto id = sealed_key_id(sealed);
    if (!id)
    {
        return failure{"not a sealed value, or of a version this program does not know"};
    }
    if (*id != key.id())
    {
        return failure{"sealed under another master key; restore the key file it was made with"};
    }
    const std::string associated = associated_data(sealed.substr(0, head_bytes), purpose, context);
    const std::string_view nonce = sealed.substr(head_bytes, nonce_bytes);
    const std::string_view body =
        sealed.substr(head_bytes + nonce_bytes, sealed.size() - seal_overhead_bytes);
    std::string tag(sealed.substr(sealed.size() - tag_bytes));

    const purpose_key derived(key, purpose);
    const cipher c(EVP_CIPHER_CTX_new());
    std::string out(body.size(), '\0');
    auto* const target = reinterpret_cast<unsigned char*>(out.data());
    int written = 0;
    int last = 0;
    HK_ASSERT(c != nullptr);
    HK_ASSERT(EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, derived.bytes.data(),
                                 in(nonce)) == 1);
    HK_ASSERT(EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag_bytes),
                                  tag.data()) == 1);
    HK_ASSERT(EVP_DecryptUpdate(c.get(), nullptr, &written, in(associated), size_of(associated)) ==
              1);
    HK_ASSERT(EVP_DecryptUpdate(c.get(), target, &written, in(body), size_of(body)) == 1);
    if (EVP_DecryptFinal_ex(c.get(), target + written, &last) != 1)
    {
        wipe(out);
        return failure{"a sealed value was altered, or belongs to another place"};
    }
    return {boost::system::in_place_value, std::move(out)};
}

std::optional<std::uint8_t> sealed_key_id(std::string_view sealed) noexcept
{
    if (sealed.size() < seal_overhead_bytes || sealed[0] != version_1)
    {
        return std::nullopt;
    }
    return static_cast<std::uint8_t>(sealed[1]);
}

} // namespace hikyaku::crypto
