#include "files.h"

#include <hikyaku/base/assert.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hikyaku::crm
{
namespace
{

constexpr mode_t file_mode = 0600;
constexpr mode_t directory_mode = 0700;

result<void, problem> sync_path(const std::filesystem::path& path, int flags)
{
    const file_handle handle(::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC));
    if (handle.get() < 0 || ::fsync(handle.get()) != 0)
    {
        return io_failure("The file can't be made durable");
    }
    return {};
}

} // namespace

file_handle::~file_handle()
{
    if (fd_ >= 0)
    {
        ::close(fd_);
    }
}

problem io_failure(std::string_view what)
{
    const int reason = errno;
    return {errc::io, "", std::string(what) + ": " + std::generic_category().message(reason) + "."};
}

result<input_file, problem> input_file::open(const std::filesystem::path& file)
{
    input_file in;
    in.handle_ = file_handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (in.handle_.get() < 0 || ::fstat(in.handle_.get(), &status) != 0)
    {
        return io_failure("The file can't be opened");
    }
    if (!S_ISREG(status.st_mode))
    {
        return problem{errc::io, "", "This is not a regular file."};
    }
    in.size_ = static_cast<std::uint64_t>(status.st_size);
    return in;
}

result<void, problem> input_file::seek(std::uint64_t offset)
{
    if (::lseek(handle_.get(), static_cast<off_t>(offset), SEEK_SET) < 0)
    {
        return io_failure("The file can't be read");
    }
    return {};
}

result<void, problem> input_file::read(std::string& chunk, std::size_t bytes_max)
{
    chunk.resize(bytes_max);
    ssize_t n = 0;
    do
    {
        n = ::read(handle_.get(), chunk.data(), bytes_max);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
    {
        chunk.clear();
        return io_failure("The file can't be read");
    }
    chunk.resize(static_cast<std::size_t>(n));
    return {};
}

result<output_file, problem> output_file::open(const std::filesystem::path& file,
                                               std::uint64_t size)
{
    const auto made = make_directory(file.parent_path());
    if (made.has_error())
    {
        return made.error();
    }
    output_file out;
    out.size_ = size;
    out.handle_ = file_handle(::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, file_mode));
    struct stat status{};
    if (out.handle_.get() < 0 || ::fstat(out.handle_.get(), &status) != 0)
    {
        return io_failure("The file can't be written");
    }
    if (static_cast<std::uint64_t>(status.st_size) < size)
    {
        return problem{errc::io, "", "The file is shorter than it was."};
    }
    if (::ftruncate(out.handle_.get(), static_cast<off_t>(size)) != 0 ||
        ::lseek(out.handle_.get(), 0, SEEK_END) < 0)
    {
        return io_failure("The file can't be written");
    }
    const auto named = sync_directory(file.parent_path());
    if (named.has_error())
    {
        return named.error();
    }
    return out;
}

result<void, problem> output_file::append(std::string_view bytes)
{
    while (!bytes.empty())
    {
        const ssize_t n = ::write(handle_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
        {
            return io_failure("The file can't be written");
        }
        bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
        size_ += n > 0 ? static_cast<std::uint64_t>(n) : 0;
    }
    // A failed sync is never tried again: the caller gives the work up.
    if (::fdatasync(handle_.get()) != 0)
    {
        return io_failure("The file can't be made durable");
    }
    return {};
}

result<void, problem> sync_file(const std::filesystem::path& file)
{
    return sync_path(file, 0);
}

result<void, problem> sync_directory(const std::filesystem::path& directory)
{
    return sync_path(directory, O_DIRECTORY);
}

result<void, problem> make_directory(const std::filesystem::path& directory)
{
    std::error_code failed;
    if (std::filesystem::is_directory(directory, failed))
    {
        return {};
    }
    const auto parent = directory.parent_path();
    if (!parent.empty() && parent != directory)
    {
        const auto made = make_directory(parent);
        if (made.has_error())
        {
            return made;
        }
    }
    if (::mkdir(directory.c_str(), directory_mode) != 0 && errno != EEXIST)
    {
        return io_failure("The directory can't be made");
    }
    return parent.empty() ? result<void, problem>() : sync_directory(parent);
}

} // namespace hikyaku::crm
