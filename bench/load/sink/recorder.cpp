#include "recorder.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <openssl/evp.h>
#include <strings.h>
#include <system_error>
#include <unistd.h>

namespace hikyaku::sink
{

namespace
{

constexpr std::size_t pending_bytes_max = 64 * 1024;

[[noreturn]] void die(const char* what)
{
    std::fprintf(stderr, "sink: %s: %s\n", what, std::strerror(errno));
    std::_Exit(1);
}

void write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty())
    {
        const auto done = ::write(fd, bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR)
        {
            die("write");
        }
        bytes.remove_prefix(done < 0 ? 0 : static_cast<std::size_t>(done));
    }
}

// The reader waits for NAME to appear: it must then be whole.
void write_file(const std::string& path, std::string_view bytes)
{
    const std::string temporary = path + ".tmp";
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
    {
        die(temporary.c_str());
    }
    write_all(fd, bytes);
    ::close(fd);
    if (::rename(temporary.c_str(), path.c_str()) != 0)
    {
        die(path.c_str());
    }
}

std::string hex_sha256(std::string_view bytes)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned i = 0; i != size; ++i)
    {
        char pair[3];
        std::snprintf(pair, sizeof pair, "%02x", digest[i]);
        text += pair;
    }
    return text;
}

void append_json(std::string& out, std::string_view text)
{
    out += '"';
    for (const char c : text)
    {
        if (c == '"' || c == '\\')
        {
            out += '\\';
            out += c;
        }
        else if (static_cast<unsigned char>(c) < 0x20)
        {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
            out += code;
        }
        else
        {
            out += c;
        }
    }
    out += '"';
}

const char* name_of(ending how)
{
    switch (how)
    {
    case ending::accepted:
        return "accepted";
    case ending::refused:
        return "refused";
    case ending::unanswered:
        return "unanswered";
    }
    std::abort();
}

// A field of a record line must not break the line.
void append_field(std::string& out, std::string_view text)
{
    for (const char c : text)
    {
        out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    }
    out += '\t';
}

} // namespace

std::string unstuff(std::string_view wire)
{
    std::string plain;
    plain.reserve(wire.size());
    bool line_start = true;
    while (!wire.empty())
    {
        if (line_start && wire == ".\r\n")
        {
            break;
        }
        if (line_start && wire[0] == '.')
        {
            wire.remove_prefix(1);
        }
        const auto lf = wire.find("\r\n");
        const auto size = lf == std::string_view::npos ? wire.size() : lf + 2;
        plain += wire.substr(0, size);
        wire.remove_prefix(size);
        line_start = lf != std::string_view::npos;
    }
    return plain;
}

std::string_view find_message_id(std::string_view message)
{
    constexpr std::string_view name = "message-id:";
    while (!message.empty() && !message.starts_with("\r\n"))
    {
        auto line = message.substr(0, message.find('\n'));
        message.remove_prefix(std::min(line.size() + 1, message.size()));
        if (line.size() < name.size() || strncasecmp(line.data(), name.data(), name.size()) != 0)
        {
            continue;
        }
        line.remove_prefix(name.size());
        if (line.find_first_not_of(" \t\r") == std::string_view::npos)
        {
            line = message.substr(0, message.find('\n')); // folded before its value
        }
        const auto first = line.find_first_not_of(" \t\r");
        const auto last = line.find_last_not_of(" \t\r");
        return first == std::string_view::npos ? "-" : line.substr(first, last - first + 1);
    }
    return "-";
}

recorder::recorder(options wanted) : options_(std::move(wanted))
{
    if (options_.record_path.empty())
    {
        return;
    }
    record_fd_ =
        ::open(options_.record_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (record_fd_ < 0)
    {
        throw std::system_error(errno, std::generic_category(), options_.record_path);
    }
}

recorder::~recorder()
{
    if (record_fd_ >= 0)
    {
        flush();
        ::close(record_fd_);
    }
}

bool recorder::wants_whole()
{
    if (options_.sample_every != 0 &&
        seen_.fetch_add(1, std::memory_order_relaxed) % options_.sample_every == 0)
    {
        return true;
    }
    return options_.sha256 && record_fd_ >= 0;
}

void recorder::add(const received& message)
{
    std::string plain;
    if (message.is_whole && message.is_stuffed)
    {
        plain = unstuff(message.wire);
    }
    const std::string_view content =
        message.is_whole && message.is_stuffed ? std::string_view(plain) : message.wire;
    if (record_fd_ >= 0)
    {
        write_record(message, content);
    }
    if (options_.sample_every != 0 && message.is_whole)
    {
        write_sample(message, content);
    }
}

void recorder::write_record(const received& message, std::string_view plain)
{
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    const auto sha = options_.sha256 && message.is_whole ? hex_sha256(plain) : std::string("-");
    const auto id = find_message_id(plain);
    std::string lines;
    for (const std::string& recipient : message.recipients)
    {
        append_field(lines, name_of(message.how));
        append_field(lines, recipient);
        append_field(lines, id);
        append_field(lines, std::to_string(message.message_bytes));
        append_field(lines, sha);
        append_field(lines, message.local);
        append_field(lines, std::to_string(message.session));
        append_field(lines, message.sender);
        append_field(lines, message.tls ? "tls" : "plain");
        lines += std::to_string(now.count());
        lines += '\n';
    }
    const std::scoped_lock lock(mutex_);
    pending_ += lines;
    if (options_.sync != record_sync::none || pending_.size() >= pending_bytes_max)
    {
        write_all(record_fd_, pending_);
        pending_.clear();
    }
    if (options_.sync == record_sync::fsync && ::fsync(record_fd_) != 0)
    {
        die("fsync");
    }
}

void recorder::write_sample(const received& message, std::string_view plain)
{
    char number[32];
    std::snprintf(number, sizeof number, "/%08llu",
                  static_cast<unsigned long long>(samples_.fetch_add(1) + 1));
    const std::string base = options_.sample_dir + number;
    std::string envelope = "{\"ending\":";
    append_json(envelope, name_of(message.how));
    envelope += ",\"mail_from\":";
    append_json(envelope, message.sender);
    envelope += ",\"mail_parameters\":";
    append_json(envelope, message.parameters);
    envelope += ",\"rcpt_to\":[";
    for (const std::string& recipient : message.recipients)
    {
        envelope += envelope.back() == '[' ? "" : ",";
        append_json(envelope, recipient);
    }
    envelope += "],\"helo\":";
    append_json(envelope, message.helo);
    envelope += ",\"local\":";
    append_json(envelope, message.local);
    envelope += ",\"peer\":";
    append_json(envelope, message.peer);
    envelope += ",\"session\":" + std::to_string(message.session);
    envelope += std::string(",\"tls\":") + (message.tls ? "true" : "false");
    envelope += ",\"bytes\":" + std::to_string(message.message_bytes) + "}\n";
    if (options_.sample_wire)
    {
        write_file(base + ".wire", message.wire);
    }
    write_file(base + ".json", envelope);
    write_file(base + ".eml", plain);
}

void recorder::flush()
{
    if (record_fd_ >= 0)
    {
        const std::scoped_lock lock(mutex_);
        write_all(record_fd_, pending_);
        pending_.clear();
    }
}

} // namespace hikyaku::sink
