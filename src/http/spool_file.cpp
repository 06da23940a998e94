#include "spool_file.h"

#include <hikyaku/base/random.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hikyaku::http
{
namespace
{

constexpr std::string_view prefix = "upload-";
constexpr std::string_view suffix = ".part";

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

std::string make_name()
{
    char text[40];
    std::snprintf(text, sizeof text, "%016llx",
                  static_cast<unsigned long long>(system_random().next_u64()));
    return std::string(prefix) + text + std::string(suffix);
}

} // namespace

spool_file::~spool_file()
{
    close();
}

spool_file::spool_file(spool_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_),
      path_(std::move(other.path_))
{
}

spool_file& spool_file::operator=(spool_file&& other) noexcept
{
    if (this != &other)
    {
        close();
        descriptor_ = std::exchange(other.descriptor_, -1);
        size_ = other.size_;
        path_ = std::move(other.path_);
    }
    return *this;
}

void spool_file::close() noexcept
{
    if (descriptor_ >= 0)
    {
        ::close(std::exchange(descriptor_, -1));
    }
}

result<spool_file> spool_file::create(const std::filesystem::path& directory)
{
    spool_file made;
    made.path_ = directory / make_name();
    made.descriptor_ =
        ::open(made.path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (made.descriptor_ < 0)
    {
        return last_error();
    }
    return made;
}

result<spool_file> spool_file::open(const std::filesystem::path& file)
{
    spool_file opened;
    opened.path_ = file;
    opened.descriptor_ = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat status{};
    if (opened.descriptor_ < 0 || ::fstat(opened.descriptor_, &status) != 0)
    {
        return last_error();
    }
    if (!S_ISREG(status.st_mode))
    {
        return error_code(EINVAL, boost::system::system_category());
    }
    opened.size_ = static_cast<std::uint64_t>(status.st_size);
    return opened;
}

error_code spool_file::append(std::string_view bytes)
{
    while (!bytes.empty())
    {
        const auto written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR)
        {
            continue;
        }
        if (written <= 0)
        {
            return last_error();
        }
        size_ += static_cast<std::uint64_t>(written);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

error_code spool_file::finish()
{
    // A failed fsync is never retried: the caller gives the file up.
    if (::fsync(descriptor_) != 0)
    {
        return last_error();
    }
    if (::close(std::exchange(descriptor_, -1)) != 0)
    {
        return last_error();
    }
    return {};
}

result<std::string> spool_file::read(std::uint64_t offset, std::size_t size) const
{
    std::string out(size, '\0');
    std::size_t filled = 0;
    while (filled < size)
    {
        const auto got = ::pread(descriptor_, out.data() + filled, size - filled,
                                 static_cast<off_t>(offset + filled));
        if (got < 0 && errno == EINTR)
        {
            continue;
        }
        if (got < 0)
        {
            return last_error();
        }
        if (got == 0)
        {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    out.resize(filled);
    return out;
}

void spool_file::remove_leftovers(const std::filesystem::path& directory)
{
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    {
        const auto name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.ends_with(suffix))
        {
            std::error_code ignored;
            std::filesystem::remove(entry.path(), ignored);
        }
    }
}

} // namespace hikyaku::http
