#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/crypto/sha256.h>

namespace hikyaku::crypto
{

/// The installation's root secret: 32 bytes that every other key is derived from. Immutable, so
/// safe to share between threads; overwritten in memory when destroyed.
class master_key
{
public:
    static constexpr std::size_t size = digest_bytes;
    /// Larger files hold something else.
    static constexpr std::size_t file_bytes_max = 256;

    explicit master_key(const digest& bytes) noexcept;
    master_key(const master_key&) = default;
    master_key& operator=(const master_key&) = default;
    ~master_key();

    /// 32 raw bytes, 64 hex digits, or the base64 of 32 bytes (the texts may end in a line end).
    [[nodiscard]] static result<master_key, failure> parse(std::string_view contents);
    /// Reads parse()'s forms from a regular file that only its owner may read.
    ///
    /// @error  the file is missing, not regular, open to group or others, or holds no key
    [[nodiscard]] static result<master_key, failure> load_file(const std::string& path);
    /// Writes a new key as 64 hex digits, mode 0600, and syncs file and folder.
    ///
    /// @error  anything exists at `path` (a key is never overwritten), or a write failed (nothing
    ///         is left behind)
    [[nodiscard]] static result<void, failure>
    generate_to_file(const std::string& path, random_source& random = system_random());

    /// An independent 32-byte key for one purpose (HKDF, RFC 5869). The text names the use and
    /// its version, such as "store/dkim v1"; append an id for a key per tenant.
    [[nodiscard]] digest derive(std::string_view purpose) const noexcept;

    /// Tells keys apart during a rotation (one key in 256 looks like another). Not secret.
    [[nodiscard]] std::uint8_t id() const noexcept { return id_; }

private:
    digest bytes_;
    std::uint8_t id_;
};

} // namespace hikyaku::crypto
