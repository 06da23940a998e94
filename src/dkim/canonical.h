#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include <hikyaku/crypto/sha256.h>

namespace hikyaku::dkim
{

/// RFC 6376 section 3.4.
enum class canonicalization
{
    simple,
    relaxed,
};

/// Appends a header field in canonical form, without the final CRLF (sections 3.4.1, 3.4.2).
/// @param text  the field with its folding, without the final CRLF; has a colon
void append_canonical_field(canonicalization c, std::string_view text, std::string& out);

/// Hashes a canonical body piece by piece. Small pieces are gathered: a digest update costs more
/// than a copy.
class body_hasher
{
public:
    static constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

    /// The digest of the canonical body (sections 3.4.3, 3.4.4), of its first `limit` bytes (l=).
    [[nodiscard]] crypto::digest hash(canonicalization c, std::string_view body,
                                      std::uint64_t limit = no_limit) noexcept;
    /// Size of the whole canonical body of the last hash().
    [[nodiscard]] std::uint64_t canonical_bytes() const noexcept { return total_; }

private:
    void put(std::string_view piece) noexcept;
    void flush() noexcept;
    void hash_simple(std::string_view body) noexcept;
    void hash_relaxed(std::string_view body) noexcept;

    crypto::sha256_stream stream_;
    std::array<char, 4096> gathered_;
    std::size_t used_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace hikyaku::dkim
