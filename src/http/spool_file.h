#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <hikyaku/base/result.h>

namespace hikyaku::http
{

/// A file owned by descriptor; blocking calls, for the file pool only.
class spool_file
{
public:
    spool_file() = default;
    ~spool_file();
    spool_file(spool_file&& other) noexcept;
    spool_file& operator=(spool_file&& other) noexcept;

    /// Makes "upload-<random>.part" in `directory`, mode 0600.
    [[nodiscard]] static result<spool_file> create(const std::filesystem::path& directory);
    /// Opens a regular file for reading.
    [[nodiscard]] static result<spool_file> open(const std::filesystem::path& file);

    [[nodiscard]] error_code append(std::string_view bytes);
    /// fsync and close. @post the bytes are on disk, or an error
    [[nodiscard]] error_code finish();
    /// Up to `size` bytes at `offset`; fewer only at the end of the file.
    [[nodiscard]] result<std::string> read(std::uint64_t offset, std::size_t size) const;

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Removes files that an earlier run left in `directory`.
    static void remove_leftovers(const std::filesystem::path& directory);

private:
    void close() noexcept;

    int descriptor_ = -1;
    std::uint64_t size_ = 0;
    std::filesystem::path path_;
};

} // namespace hikyaku::http
