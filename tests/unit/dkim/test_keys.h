#pragma once

#include <hikyaku/dkim/verify.h>

#include <memory>
#include <string>

namespace hikyaku::dkim::testing
{

/// One pair of keys per test run: making an RSA key takes longer than all else.
struct key_pair
{
    identity rsa;
    identity ed25519;
};

inline const key_pair& keys()
{
    static const key_pair made = []
    {
        const auto make = [](algorithm a, const char* selector)
        {
            return identity{"example.com", selector,
                            std::make_shared<const signing_key>(signing_key::generate(a).value())};
        };
        return key_pair{make(algorithm::rsa_sha256, "rsa"), make(algorithm::ed25519_sha256, "ed")};
    }();
    return made;
}

inline result<std::string, lookup_error> record(std::string text)
{
    return {boost::system::in_place_value, std::move(text)};
}

/// Serves the two keys above.
inline result<std::string, lookup_error> look_up(const std::string& name)
{
    if (name == "rsa._domainkey.example.com")
    {
        return record(keys().rsa.key->dns_record());
    }
    if (name == "ed._domainkey.example.com")
    {
        return record(keys().ed25519.key->dns_record());
    }
    return lookup_error::not_found;
}

inline constexpr std::int64_t test_seconds = 1'700'000'000;
inline wall_time test_now()
{
    return from_unix_ms(test_seconds * 1000);
}

/// A body as it arrives: SMTP has no way to leave the last line open.
inline std::string as_received(std::string body)
{
    return body.empty() || body.ends_with("\r\n") ? body : body + "\r\n";
}

/// The message with its signature fields in front. Both keys sign.
inline std::string sign_both(signer& s, const std::string& header, const std::string& body)
{
    std::string out;
    const identity* const both[] = {&keys().rsa, &keys().ed25519};
    const std::string message = header + "\r\n" + body;
    s.sign(both, message, header.size(), test_now(), out).value();
    return out + message;
}

} // namespace hikyaku::dkim::testing
