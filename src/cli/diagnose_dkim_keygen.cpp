#include <hikyaku/cli/diagnose.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <ostream>

#include <fcntl.h>
#include <unistd.h>

#include <hikyaku/dkim/signing_key.h>

#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// RFC 1035 section 3.3: one character-string.
constexpr std::size_t zone_string_bytes_max = 255;

std::optional<dkim::algorithm> parse_type(const std::string& type)
{
    if (type == "rsa")
    {
        return dkim::algorithm::rsa_sha256;
    }
    return type == "ed25519" ? std::optional(dkim::algorithm::ed25519_sha256) : std::nullopt;
}

std::string record_name(const dkim_keygen_options& options)
{
    const auto selector = options.selector.empty() ? "SELECTOR" : options.selector;
    return selector + "._domainkey." + (options.domain.empty() ? "DOMAIN" : options.domain);
}

/// The record as a zone file has it, cut into strings of 255 bytes.
std::string zone_line(const std::string& name, std::string_view record)
{
    std::string out = name + ". IN TXT (";
    while (!record.empty())
    {
        out += " \"";
        out += record.substr(0, zone_string_bytes_max);
        out += '"';
        record.remove_prefix(std::min(record.size(), zone_string_bytes_max));
    }
    return out + " )";
}

/// Never over an existing file: it may be the key in use.
result<void, failure> write_secret(const std::string& path, std::string_view text)
{
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
    {
        return failure{path + ": " + std::strerror(errno)};
    }
    const bool written =
        ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
        ::fsync(fd) == 0;
    const int why = errno;
    ::close(fd);
    if (!written)
    {
        ::unlink(path.c_str());
        return failure{path + ": " + std::strerror(why)};
    }
    return {};
}

} // namespace

int run_dkim_keygen(const dkim_keygen_options& options, std::ostream& out, std::ostream& err)
{
    const auto kind = parse_type(options.type);
    if (!kind)
    {
        err << "--type is rsa or ed25519\n";
        return exit_usage;
    }
    const auto key = dkim::signing_key::generate(*kind);
    if (!key)
    {
        err << printable(key.error().text) << '\n';
        return exit_usage;
    }
    const auto pem = key->to_pem();
    if (!options.key_file.empty())
    {
        const auto written = write_secret(options.key_file, pem);
        if (!written)
        {
            err << printable(written.error().text) << '\n';
            return exit_usage;
        }
    }
    const auto name = record_name(options);
    const auto shown = options.key_file.empty() ? pem : std::string();
    if (options.json)
    {
        json_line line;
        line.text("d", options.domain)
            .text("s", options.selector)
            .text("a", dkim::to_text(key->kind()))
            .text("name", name)
            .text("record", key->dns_record())
            .text("zone", zone_line(name, key->dns_record()));
        if (!shown.empty())
        {
            line.text("private_key", shown);
        }
        out << line.finish();
        return exit_ok;
    }
    out << shown << zone_line(printable(name), key->dns_record()) << '\n';
    return exit_ok;
}

} // namespace hikyaku::cli
