#include "reply_class.h"

namespace hikyaku::delivery
{
namespace
{

/// Refused here before a byte was sent: only an address that is none says something about it.
void classify_local(queue::fact& f, const smtp::enhanced_code& why)
{
    constexpr smtp::enhanced_code bad_recipient{5, 1, 3};
    f.cls = why == bad_recipient ? to_string(bounce::reply_class::bad_format) : "not_sendable";
    f.contact = static_cast<std::uint8_t>(why == bad_recipient ? bounce::contact_effect::suppress
                                                               : bounce::contact_effect::keep);
}

} // namespace

void classify(queue::fact& f, const bounce::classifier& c, const smtp::transaction_result& result)
{
    switch (result.verdict)
    {
    case smtp::verdict::delivered:
        f.cls = to_string(bounce::reply_class::accepted);
        return;
    case smtp::verdict::unknown:
        f.cls = "lost_after_dot";
        return;
    case smtp::verdict::refused_locally:
        classify_local(f, result.enhanced);
        return;
    case smtp::verdict::deferred:
    case smtp::verdict::bounced:
    case smtp::verdict::not_attempted:
        break;
    }
    const auto v =
        c.classify({result.stage, result.code, result.enhanced, result.text, f.mx, f.domain});
    f.cls = to_string(v.cls);
    if (result.verdict == smtp::verdict::bounced && v.message == bounce::message_effect::deferred &&
        f.attempt < permanent_attempts_max)
    {
        f.what = queue::disposition::deferred;
    }
    f.contact = f.what == queue::disposition::bounced ? static_cast<std::uint8_t>(v.contact)
                                                      : std::uint8_t{0};
}

void classify_end(queue::fact& f, const bounce::classifier& c, const session_report& report)
{
    if (report.refused_address)
    {
        f.cls = dns::lookup_status_name(dns::lookup_status::refused_address);
        f.contact =
            static_cast<std::uint8_t>(effect_of_lookup(dns::lookup_status::refused_address));
        return;
    }
    const auto& end = report.end;
    f.cls = to_string(
        c.classify({end.stage, end.code, end.enhanced, end.text, report.mx, f.domain}).cls);
}

bounce::contact_effect effect_of_lookup(dns::lookup_status status) noexcept
{
    switch (status)
    {
    case dns::lookup_status::no_domain:
    case dns::lookup_status::null_mx:
        return bounce::effect_of_failure(bounce::reply_class::bad_domain);
    case dns::lookup_status::refused_address:
    case dns::lookup_status::loop:
        return bounce::contact_effect::count;
    case dns::lookup_status::ok:
    case dns::lookup_status::temporary:
    case dns::lookup_status::no_address:
        break;
    }
    return bounce::contact_effect::keep;
}

std::uint8_t effect_of_expiry(std::string_view cls) noexcept
{
    const auto known = bounce::parse_reply_class(cls);
    const bool recipient =
        known && (bounce::effect_of_failure(*known) == bounce::contact_effect::suppress ||
                  *known == bounce::reply_class::quota || *known == bounce::reply_class::refused);
    return static_cast<std::uint8_t>(recipient ? bounce::contact_effect::count
                                               : bounce::contact_effect::keep);
}

} // namespace hikyaku::delivery
