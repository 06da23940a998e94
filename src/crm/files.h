#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include <hikyaku/crm/problem.h>

namespace hikyaku::crm
{

/// A file descriptor that is closed at the end of its life.
class file_handle
{
public:
    file_handle() = default;
    explicit file_handle(int fd) noexcept : fd_(fd) {}
    file_handle(file_handle&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    file_handle& operator=(file_handle&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~file_handle();
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

/// An io problem with the reason of errno. The text has no path: it may be shown to a tenant.
[[nodiscard]] problem io_failure(std::string_view what);

/// A file that is read from front to back.
class input_file
{
public:
    /// @error io  also what is no regular file
    [[nodiscard]] static result<input_file, problem> open(const std::filesystem::path& file);
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// @error io
    [[nodiscard]] result<void, problem> seek(std::uint64_t offset);
    /// Replaces `chunk` with the next bytes, at most `bytes_max`; empty at the end. @error io
    [[nodiscard]] result<void, problem> read(std::string& chunk, std::size_t bytes_max);

private:
    file_handle handle_;
    std::uint64_t size_ = 0;
};

/// A file that grows, and of which a known front is on disk.
class output_file
{
public:
    /// Opens or makes it (and its directory, durable) and cuts it to `size` bytes. @error io
    [[nodiscard]] static result<output_file, problem> open(const std::filesystem::path& file,
                                                           std::uint64_t size);
    /// Appends and waits until the bytes are on disk. @error io
    [[nodiscard]] result<void, problem> append(std::string_view bytes);
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

private:
    file_handle handle_;
    std::uint64_t size_ = 0;
};

/// Makes the file's bytes durable. @error io
[[nodiscard]] result<void, problem> sync_file(const std::filesystem::path& file);
/// Makes the names in a directory durable. @error io
[[nodiscard]] result<void, problem> sync_directory(const std::filesystem::path& directory);
/// Makes a directory and its parents where they are missing, durable. @error io
[[nodiscard]] result<void, problem> make_directory(const std::filesystem::path& directory);

} // namespace hikyaku::crm
