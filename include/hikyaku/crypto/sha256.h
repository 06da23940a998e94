#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

/// OpenSSL's digest context; complete only inside this module.
struct evp_md_ctx_st;

namespace hikyaku::crypto
{

inline constexpr std::size_t digest_bytes = 32;

/// A SHA-256 value, or a key of the same size.
using digest = std::array<std::uint8_t, digest_bytes>;

/// The bytes of a digest, valid as long as `d`.
[[nodiscard]] inline std::string_view as_bytes(const digest& d) noexcept
{
    return {reinterpret_cast<const char*>(d.data()), d.size()};
}

/// SHA-256 (FIPS 180-4) of all bytes. Any thread; allocates once per thread.
[[nodiscard]] digest sha256(std::string_view bytes) noexcept;

/// HMAC-SHA256 (RFC 2104) of `bytes` under `key` of any size. Any thread.
[[nodiscard]] digest hmac_sha256(std::string_view key, std::string_view bytes) noexcept;

/// HKDF-SHA256 (RFC 5869), one block of output. Any thread.
///
/// @param salt  may be empty
/// @param secret  the input keying material
/// @param info  what the key is for; different texts give independent keys
[[nodiscard]] digest hkdf_sha256(std::string_view salt, std::string_view secret,
                                 std::string_view info) noexcept;

/// SHA-256 over bytes that come in pieces. One owner at a time; reused without allocation.
class sha256_stream
{
public:
    sha256_stream() noexcept;

    /// Forgets what was fed. The constructor and finish() do so too.
    void reset() noexcept;
    void update(std::string_view bytes) noexcept;
    /// The digest of all bytes since the last reset. @post the stream is empty again.
    [[nodiscard]] digest finish() noexcept;

private:
    struct free_context
    {
        void operator()(evp_md_ctx_st* context) const noexcept;
    };
    std::unique_ptr<evp_md_ctx_st, free_context> context_;
};

} // namespace hikyaku::crypto
