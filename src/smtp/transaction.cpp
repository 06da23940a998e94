#include <hikyaku/smtp/transaction.h>

namespace hikyaku::smtp
{

const char* to_string(stage s) noexcept
{
    switch (s)
    {
    case stage::connect:
        return "connect";
    case stage::banner:
        return "banner";
    case stage::ehlo:
        return "ehlo";
    case stage::starttls:
        return "starttls";
    case stage::tls:
        return "tls";
    case stage::mail:
        return "mail";
    case stage::rcpt:
        return "rcpt";
    case stage::data:
        return "data";
    case stage::body:
        return "body";
    case stage::final_dot:
        return "final_dot";
    case stage::rset:
        return "rset";
    case stage::quit:
        return "quit";
    case stage::idle:
        return "idle";
    }
    return "?";
}

const char* to_string(verdict v) noexcept
{
    switch (v)
    {
    case verdict::delivered:
        return "delivered";
    case verdict::deferred:
        return "deferred";
    case verdict::bounced:
        return "bounced";
    case verdict::unknown:
        return "unknown";
    case verdict::not_attempted:
        return "not_attempted";
    case verdict::refused_locally:
        return "refused_locally";
    }
    return "?";
}

const char* to_string(tls_outcome t) noexcept
{
    switch (t)
    {
    case tls_outcome::not_offered:
        return "not_offered";
    case tls_outcome::not_wanted:
        return "not_wanted";
    case tls_outcome::refused:
        return "refused";
    case tls_outcome::injected:
        return "injected";
    case tls_outcome::failed:
        return "failed";
    case tls_outcome::established:
        return "established";
    }
    return "?";
}

const char* to_string(end_reason r) noexcept
{
    switch (r)
    {
    case end_reason::finished:
        return "finished";
    case end_reason::peer_refused:
        return "peer_refused";
    case end_reason::tls_failed:
        return "tls_failed";
    case end_reason::protocol_error:
        return "protocol_error";
    case end_reason::timed_out:
        return "timed_out";
    case end_reason::connection_lost:
        return "connection_lost";
    case end_reason::permission_refused:
        return "permission_refused";
    }
    return "?";
}

} // namespace hikyaku::smtp
