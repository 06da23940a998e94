#include <hikyaku/dkim/verify.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

/// A hostile message and a hostile key record: up to the first NUL the record, then the message.
/// Verdicts must be repeatable and explained; what we sign over hostile bytes must verify.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace hikyaku;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto cut = input.find('\0');
    const std::string record(input.substr(0, cut));
    const std::string_view message =
        cut == std::string_view::npos ? std::string_view() : input.substr(cut + 1);
    const dkim::key_lookup lookup = [&record](const std::string& name)
    {
        if (name.size() % 7 == 0)
        {
            return result<std::string, dkim::lookup_error>(dkim::lookup_error::temporary);
        }
        return result<std::string, dkim::lookup_error>(boost::system::in_place_value, record);
    };
    const wall_time now = from_unix_ms(1'700'000'000'000);
    const auto first = dkim::verify(message, now, lookup);
    const auto second = dkim::verify(message, now, lookup);
    if (first.size() != second.size() || first.size() > dkim::verify_signatures_max)
    {
        std::abort();
    }
    for (std::size_t i = 0; i < first.size(); ++i)
    {
        const bool explained = first[i].result == dkim::verdict::pass || !first[i].reason.empty();
        if (!explained || first[i].result != second[i].result)
        {
            std::abort();
        }
    }
    (void)dkim::key_names(message);

    // The signer takes any bytes, and writes whole lines or nothing.
    static const auto key = std::make_shared<const dkim::signing_key>(
        dkim::signing_key::generate(dkim::algorithm::ed25519_sha256).value());
    static dkim::signer signer;
    const dkim::identity who{"example.com", "s", key};
    const dkim::identity* const one[] = {&who};
    const std::string text = dkim::with_wire_line_ends(message);
    const auto gap = text.find("\r\n\r\n");
    const std::size_t header_bytes = gap == std::string::npos ? text.size() : gap + 2;
    std::string out;
    const auto made = signer.sign(one, text, header_bytes, now, out);
    if (made.has_error() != out.empty() || (!out.empty() && !out.ends_with("\r\n")))
    {
        std::abort();
    }
    if (made.has_value())
    {
        const auto results = dkim::verify(out + text, now,
                                          [](const std::string&)
                                          {
                                              return result<std::string, dkim::lookup_error>(
                                                  boost::system::in_place_value, key->dns_record());
                                          });
        if (results.empty() || results[0].result != dkim::verdict::pass)
        {
            std::abort();
        }
    }
    return 0;
}
