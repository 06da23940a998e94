#include "secret_file.h"

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace hikyaku::cli
{
namespace
{

failure explain(const std::string& path, int error)
{
    return {path + ": " + std::system_category().message(error)};
}

} // namespace

result<secret_file, failure> secret_file::create(std::string path)
{
    const int d = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (d < 0)
    {
        return explain(path, errno);
    }
    return secret_file(std::move(path), d);
}

secret_file::secret_file(secret_file&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1))
{
}

secret_file::~secret_file()
{
    if (descriptor_ >= 0)
    {
        ::close(descriptor_);
        ::unlink(path_.c_str());
    }
}

result<void, failure> secret_file::write(const std::string& text)
{
    const std::string line = text + "\n";
    for (std::string_view rest = line; !rest.empty();)
    {
        const auto n = ::write(descriptor_, rest.data(), rest.size());
        if (n < 0)
        {
            return explain(path_, errno);
        }
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(descriptor_) != 0)
    {
        return explain(path_, errno);
    }
    ::close(std::exchange(descriptor_, -1));
    return {};
}

} // namespace hikyaku::cli
