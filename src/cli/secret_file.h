#pragma once

#include <string>

#include <hikyaku/base/result.h>

namespace hikyaku::cli
{

/// A file for a secret, mode 0600, that did not exist before. Made before the secret is asked for:
/// a secret that is shown once must not be lost to a full disk or a wrong path. Removed again when
/// it is destroyed before write() succeeded.
class secret_file
{
public:
    /// @error it exists, or can't be made
    [[nodiscard]] static result<secret_file, failure> create(std::string path);
    secret_file(secret_file&& other) noexcept;
    secret_file& operator=(secret_file&&) = delete;
    ~secret_file();

    /// Writes the text and a line end, and syncs.
    [[nodiscard]] result<void, failure> write(const std::string& text);

private:
    secret_file(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor)
    {
    }
    std::string path_;
    /// -1: moved away, or written.
    int descriptor_;
};

} // namespace hikyaku::cli
