#pragma once

#include <string>
#include <string_view>

#include <hikyaku/base/random.h>
#include <hikyaku/base/result.h>
#include <hikyaku/crypto/sha256.h>

namespace hikyaku::identity
{

/// The platform operator's bearer token, from a file. Only its hash is kept. Immutable, any thread.
class operator_token
{
public:
    /// Fewer characters could be guessed.
    static constexpr std::size_t chars_min = 32;
    static constexpr std::size_t chars_max = 512;

    /// Reads one line of printable ASCII without spaces.
    ///
    /// @error missing, not a regular file, readable by others than owner and group or writable by
    ///        others than the owner, too short, too long, or other characters
    [[nodiscard]] static result<operator_token, failure> load_file(const std::string& path);
    /// Writes a new token, mode 0600, and syncs file and folder.
    /// @error anything exists at `path`, or a write failed
    [[nodiscard]] static result<void, failure>
    generate_to_file(const std::string& path, random_source& random = system_random());

    /// @param authorization_header  the field's value: "Bearer <token>"
    /// Compares hashes in constant time: neither content nor length shows.
    [[nodiscard]] bool verify(std::string_view authorization_header) const noexcept;

private:
    explicit operator_token(const crypto::digest& hash) noexcept : hash_(hash) {}
    crypto::digest hash_;
};

} // namespace hikyaku::identity
