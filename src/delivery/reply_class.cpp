#include "reply_class.h"

namespace hikyaku::delivery
{
namespace
{

/// RFC 3463: the subject tells whose matter it is.
const char* word_of_subject(const smtp::enhanced_code& e)
{
    switch (e.subject)
    {
    case 1:
        return e.detail == 1 || e.detail == 2 || e.detail == 10 ? "bad_address" : "address";
    case 2:
        return e.detail == 2 ? "mailbox_full" : e.detail == 1 ? "mailbox_inactive" : "mailbox";
    case 3:
        return e.detail == 4 ? "too_large" : "system";
    case 4:
        return "network";
    case 5:
        return "protocol";
    case 6:
        return "content";
    case 7:
        return "policy";
    default:
        return nullptr;
    }
}

} // namespace

std::string reply_class(int code, const smtp::enhanced_code& enhanced, smtp::stage stage)
{
    if (code == 0)
    {
        return stage == smtp::stage::connect ? "connect_failed" : "connection_lost";
    }
    if (code == 421)
    {
        return "service_unavailable";
    }
    if (enhanced.present() && enhanced.cls != 2)
    {
        if (const char* word = word_of_subject(enhanced))
        {
            return word;
        }
    }
    if (stage == smtp::stage::rcpt && code >= 550 && code <= 553)
    {
        return "bad_address";
    }
    if (code == 552 || code == 452)
    {
        return "mailbox_full";
    }
    return code < 500 ? "temporary" : "refused";
}

std::string reply_class(const smtp::transaction_result& result)
{
    switch (result.verdict)
    {
    case smtp::verdict::delivered:
        return "accepted";
    case smtp::verdict::unknown:
        return "lost_after_dot";
    case smtp::verdict::refused_locally:
        return "not_sendable";
    case smtp::verdict::deferred:
    case smtp::verdict::bounced:
    case smtp::verdict::not_attempted:
        return reply_class(result.code, result.enhanced, result.stage);
    }
    return "unknown";
}

} // namespace hikyaku::delivery
