#include <hikyaku/identity/operator_token.h>

#include "bearer.h"

#include <hikyaku/crypto/secret_text.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace hikyaku::identity
{
namespace
{

constexpr std::size_t generated_bytes = 32;
constexpr std::string_view hash_label = "hikyaku operator token v1\n";

/// Owner may write; owner and group may read.
constexpr mode_t forbidden_mode = S_IWGRP | S_IRWXO;

class descriptor
{
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    ~descriptor() { reset(); }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// @returns false when close(2) reports that writing failed
    bool reset() noexcept
    {
        const int fd = fd_;
        fd_ = -1;
        return fd < 0 || ::close(fd) == 0;
    }

private:
    int fd_;
};

failure system_failure(const std::string& path, const char* what)
{
    return {"operator token file " + path + ": " + what + ": " + std::strerror(errno)};
}

crypto::digest hash_token(std::string_view token)
{
    std::string message(hash_label);
    message += token;
    const auto out = crypto::sha256(message);
    crypto::wipe(message);
    return out;
}

result<void, failure> check_file(int fd, const std::string& path)
{
    struct stat info{};
    if (::fstat(fd, &info) != 0)
    {
        return system_failure(path, "can't be examined");
    }
    if (!S_ISREG(info.st_mode))
    {
        return failure{"operator token file " + path + " is not a regular file"};
    }
    if ((info.st_mode & forbidden_mode) != 0)
    {
        return failure{"operator token file " + path +
                       " is open to other users; chmod 0600 (or 0640) it"};
    }
    return {};
}

/// At most `bytes_max` bytes of the file.
result<std::string, failure> read_some(int fd, const std::string& path, std::size_t bytes_max)
{
    std::string out(bytes_max, '\0');
    std::size_t size = 0;
    while (size < bytes_max)
    {
        const ssize_t n = ::read(fd, out.data() + size, bytes_max - size);
        if (n < 0 && errno == EINTR)
        {
            continue;
        }
        if (n < 0)
        {
            return system_failure(path, "can't be read");
        }
        if (n == 0)
        {
            break;
        }
        size += static_cast<std::size_t>(n);
    }
    out.resize(size);
    return {boost::system::in_place_value, std::move(out)};
}

result<void, failure> write_all(int fd, const std::string& path, std::string_view bytes)
{
    while (!bytes.empty())
    {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno != EINTR)
        {
            return system_failure(path, "can't be written");
        }
        bytes.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    if (::fsync(fd) != 0)
    {
        return system_failure(path, "can't be synced");
    }
    return {};
}

result<void, failure> sync_folder_of(const std::string& path)
{
    auto folder = std::filesystem::path(path).parent_path().string();
    folder = folder.empty() ? "." : folder;
    const descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.get() < 0 || ::fsync(fd.get()) != 0)
    {
        return system_failure(path, "its folder can't be synced");
    }
    return {};
}

} // namespace

result<operator_token, failure> operator_token::load_file(const std::string& path)
{
    // O_NONBLOCK: opening a FIFO must not hang; it is refused after.
    const descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd.get() < 0)
    {
        return system_failure(path, "can't be opened");
    }
    const auto checked = check_file(fd.get(), path);
    if (checked.has_error())
    {
        return checked.error();
    }
    auto contents = read_some(fd.get(), path, chars_max + 3);
    if (contents.has_error())
    {
        return contents.error();
    }
    std::string_view token = *contents;
    if (token.ends_with('\n'))
    {
        token.remove_suffix(1);
        token.remove_suffix(token.ends_with('\r') ? 1 : 0);
    }
    const bool fits =
        token.size() >= chars_min && token.size() <= chars_max &&
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7F; });
    const auto hash = hash_token(token);
    crypto::wipe(*contents);
    if (!fits)
    {
        return failure{"operator token file " + path + " must hold one line of " +
                       std::to_string(chars_min) + " to " + std::to_string(chars_max) +
                       " printable ASCII characters without spaces"};
    }
    return operator_token(hash);
}

result<void, failure> operator_token::generate_to_file(const std::string& path,
                                                       random_source& random)
{
    descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (fd.get() < 0)
    {
        return system_failure(path, "can't be created");
    }
    std::string text = crypto::random_token(generated_bytes, random) + "\n";
    auto written = write_all(fd.get(), path, text);
    crypto::wipe(text);
    if (!fd.reset() && written.has_value())
    {
        written = system_failure(path, "can't be written");
    }
    if (written.has_value())
    {
        written = sync_folder_of(path);
    }
    if (written.has_error())
    {
        ::unlink(path.c_str());
    }
    return written;
}

bool operator_token::verify(std::string_view authorization_header) const noexcept
{
    const auto credentials = take_bearer(authorization_header);
    // Longer ones are no token; hashing them would let anybody spend our time.
    if (!credentials || credentials->size() > chars_max)
    {
        return false;
    }
    return crypto::constant_time_equal(crypto::as_bytes(hash_token(*credentials)),
                                       crypto::as_bytes(hash_));
}

} // namespace hikyaku::identity
