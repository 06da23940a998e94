#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/master_key.h>
#include <hikyaku/crypto/secret_text.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <system_error>

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hikyaku::crypto
{
namespace
{

/// Part of the derivation: changing it changes every derived key.
constexpr std::string_view derivation_salt = "hikyaku master key v1";
constexpr std::string_view id_purpose = "key id";

class descriptor
{
public:
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor()
    {
        if (fd_ >= 0)
        {
            ::close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool open() const noexcept { return fd_ >= 0; }

private:
    int fd_;
};

failure system_failure(const std::string& what, const std::string& path)
{
    const int error = errno;
    return failure{what + " " + path + ": " + std::generic_category().message(error)};
}

std::string_view without_line_end(std::string_view text)
{
    if (text.ends_with('\n'))
    {
        text.remove_suffix(1);
    }
    if (text.ends_with('\r'))
    {
        text.remove_suffix(1);
    }
    return text;
}

std::optional<std::string> key_bytes(std::string_view contents)
{
    if (contents.size() == master_key::size)
    {
        return std::string(contents);
    }
    const std::string_view text = without_line_end(contents);
    std::optional<std::string> bytes =
        text.size() == 2 * master_key::size ? decode_hex(text) : decode_base64(text);
    if (bytes && bytes->size() != master_key::size)
    {
        wipe(*bytes);
        return std::nullopt;
    }
    return bytes;
}

std::optional<failure> refuse_mode(const descriptor& file, const std::string& path)
{
    struct stat info = {};
    if (::fstat(file.get(), &info) != 0)
    {
        return system_failure("can't inspect master key file", path);
    }
    if (!S_ISREG(info.st_mode))
    {
        return failure{"master key file " + path + " is not a regular file"};
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    {
        return failure{"master key file " + path + " is open to group or others; run: chmod 600 " +
                       path};
    }
    return std::nullopt;
}

/// All bytes of the file, or one more than the limit.
std::optional<std::string> read_all(const descriptor& file)
{
    std::string contents(master_key::file_bytes_max + 1, '\0');
    std::size_t have = 0;
    while (have < contents.size())
    {
        const ssize_t got = ::read(file.get(), contents.data() + have, contents.size() - have);
        if (got < 0 && errno == EINTR)
        {
            continue;
        }
        if (got < 0)
        {
            wipe(contents);
            return std::nullopt;
        }
        if (got == 0)
        {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    contents.resize(have);
    return contents;
}

bool write_all(const descriptor& file, std::string_view bytes)
{
    while (!bytes.empty())
    {
        const ssize_t put = ::write(file.get(), bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR)
        {
            continue;
        }
        if (put <= 0)
        {
            return false;
        }
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

/// Makes the name itself durable.
bool sync_folder_of(const std::string& path)
{
    const auto slash = path.rfind('/');
    std::string folder = ".";
    if (slash != std::string::npos)
    {
        folder = slash == 0 ? "/" : path.substr(0, slash);
    }
    const descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return handle.open() && ::fsync(handle.get()) == 0;
}

} // namespace

master_key::master_key(const digest& bytes) noexcept : bytes_(bytes), id_(derive(id_purpose)[0]) {}

master_key::~master_key()
{
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

result<master_key, failure> master_key::parse(std::string_view contents)
{
    std::optional<std::string> bytes = key_bytes(contents);
    if (!bytes)
    {
        return failure{"a master key is 32 raw bytes, 64 hex digits, or the base64 of 32 bytes"};
    }
    digest value;
    std::memcpy(value.data(), bytes->data(), value.size());
    wipe(*bytes);
    master_key key(value);
    OPENSSL_cleanse(value.data(), value.size());
    return key;
}

result<master_key, failure> master_key::load_file(const std::string& path)
{
    // O_NONBLOCK: a FIFO at this path must not hang the start; refuse_mode then names it.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.open())
    {
        return system_failure("can't open master key file", path);
    }
    if (auto refused = refuse_mode(file, path))
    {
        return std::move(*refused);
    }
    std::optional<std::string> contents = read_all(file);
    if (!contents)
    {
        return system_failure("can't read master key file", path);
    }
    auto key = parse(*contents);
    wipe(*contents);
    if (key.has_error())
    {
        return failure{"master key file " + path + ": " + key.error().text};
    }
    return key;
}

result<void, failure> master_key::generate_to_file(const std::string& path, random_source& random)
{
    const descriptor file(
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.open())
    {
        return system_failure("can't create master key file", path);
    }
    std::string raw(size, '\0');
    random.fill(std::as_writable_bytes(std::span(raw)));
    std::string text = encode_hex(raw) + "\n";
    wipe(raw);
    // fchmod: a umask may have taken the owner's own bits away.
    const bool written = ::fchmod(file.get(), 0600) == 0 && write_all(file, text) &&
                         ::fsync(file.get()) == 0 && sync_folder_of(path);
    wipe(text);
    if (!written)
    {
        failure why = system_failure("can't write master key file", path);
        ::unlink(path.c_str());
        return why;
    }
    return {};
}

digest master_key::derive(std::string_view purpose) const noexcept
{
    return hkdf_sha256(derivation_salt, as_bytes(bytes_), purpose);
}

} // namespace hikyaku::crypto
