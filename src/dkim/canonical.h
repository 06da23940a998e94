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

/// Hashes a body in canonical form. The relaxed form is gathered before it is hashed: a digest
/// update costs more than a copy.
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
    static constexpr std::size_t block_bytes = 16;

    void update(std::string_view piece) noexcept;
    void flush() noexcept;
    /// Takes a run of white space at `at` as one space, or as nothing before a line end and at the
    /// end. @returns where it ended. @pre room for one byte
    [[nodiscard]] std::size_t squeeze(std::string_view text, std::size_t at) noexcept;
    void hash_simple(std::string_view body) noexcept;
    void hash_relaxed(std::string_view body) noexcept;

    crypto::sha256_stream stream_;
    std::array<char, 4096> gathered_;
    std::size_t used_ = 0;
    std::uint64_t left_ = 0;
    std::uint64_t total_ = 0;
};

} // namespace hikyaku::dkim
