#include <hikyaku/dkim/verify.h>

namespace hikyaku::dkim
{
namespace
{

constexpr std::string_view probe_header = "From: DKIM probe <probe@probe.invalid>\r\n"
                                          "To: probe@probe.invalid\r\n"
                                          "Subject: a  folded\r\n\tsubject \r\n"
                                          "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
                                          "Message-ID: <probe@probe.invalid>\r\n";
constexpr std::string_view probe_body = "\r\nA  body with \t white space \r\n\r\n.\r\n\r\n\r\n";

/// libopendkim compares t= with the machine's clock, and refuses 0: any time long past does.
constexpr wall_time probe_time = from_unix_ms(1'000'000'000'000);

} // namespace

result<void, failure> probe(const identity& who)
{
    std::string message;
    signer s;
    const identity* const one[] = {&who};
    const std::string unsigned_message = std::string(probe_header).append(probe_body);
    auto made = s.sign(one, unsigned_message, probe_header.size(), probe_time, message);
    if (made.has_error())
    {
        return made;
    }
    message += unsigned_message;
    const auto lookup = [&who](const std::string&)
    {
        return result<std::string, lookup_error>(boost::system::in_place_value,
                                                 who.key->dns_record());
    };
    const auto results = verify(message, probe_time, lookup);
    if (results.size() != 1 || results[0].result != verdict::pass)
    {
        return failure{"a signature made with this DKIM key does not verify: " +
                       (results.empty() ? std::string("not found") : results[0].reason)};
    }
    const bool may_lack = who.key->kind() == algorithm::ed25519_sha256;
    if (results[0].opendkim ? results[0].opendkim != verdict::pass : !may_lack)
    {
        return failure{"libopendkim refuses a signature made with this DKIM key"};
    }
    return {};
}

} // namespace hikyaku::dkim
