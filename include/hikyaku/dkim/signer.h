#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/crypto/sha256.h>
#include <hikyaku/dkim/signing_key.h>

namespace hikyaku::dkim
{

/// Who signs: the d= and s= tags and the key published there. `key` is shared because a rotation
/// may replace it while messages are being signed with it.
struct identity
{
    std::string domain;
    std::string selector;
    std::shared_ptr<const signing_key> key;
};

/// Signs messages (RFC 6376, RFC 8463): relaxed/relaxed, no l=, no x=. Covered when present:
/// signed_field_names(). From is listed once more than it occurs, so that nobody can add another.
///
/// One per shard: it keeps buffers and OpenSSL contexts, and is not thread-safe. In the steady
/// state nothing but OpenSSL allocates. The key contexts of the last key_contexts_max keys (and so
/// those keys) stay alive inside.
class signer
{
public:
    static constexpr std::size_t identities_max = 8;
    static constexpr std::size_t header_fields_max = 400;
    static constexpr std::size_t key_contexts_max = 256;

    signer();
    ~signer();
    signer(const signer&) = delete;
    signer& operator=(const signer&) = delete;

    /// The bh= value's digest: relaxed body hash (section 3.4.4, 3.7). Keep it while the body stays
    /// the same for many recipients.
    [[nodiscard]] crypto::digest hash_body(std::string_view body) noexcept;

    /// Appends one DKIM-Signature field per identity to `out`: CRLF-terminated, folded at 78
    /// columns (a longer domain name can't be folded). They go in front of the message, in this
    /// order.
    ///
    /// @param message  header fields, empty line, body; all lines end in CRLF
    /// @param header_bytes  where the body starts; before or behind the empty line are both taken
    /// @param t  the t= tag, cut to seconds
    /// @param known_body  hash_body() of this body, to save hashing it again
    /// @error  no From, a header that is not fields, too many fields or identities, a domain or
    ///         selector that is no host name, or OpenSSL refuses the key; `out` is then unchanged
    [[nodiscard]] result<void, failure> sign(std::span<const identity* const> identities,
                                             std::string_view message, std::size_t header_bytes,
                                             wall_time t, std::string& out,
                                             const crypto::digest* known_body = nullptr);

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// The names in h=, when the message has them.
[[nodiscard]] std::span<const std::string_view> signed_field_names() noexcept;

} // namespace hikyaku::dkim
