#include <hikyaku/shaping/adaptation_event.h>

namespace hikyaku::shaping
{

std::string_view to_string(adapted what) noexcept
{
    switch (what)
    {
    case adapted::message_rate:
        return "message_rate";
    case adapted::connections:
        return "connections";
    case adapted::connection_rate:
        return "connection_rate";
    case adapted::messages_per_connection:
        return "messages_per_connection";
    case adapted::suspended:
        return "suspended";
    }
    return "?";
}

std::string_view to_string(adaptation_phase phase) noexcept
{
    switch (phase)
    {
    case adaptation_phase::began:
        return "began";
    case adaptation_phase::changed:
        return "changed";
    case adaptation_phase::ended:
        return "ended";
    }
    return "?";
}

adaptation_cause make_cause(std::string_view rule, std::string_view reply)
{
    return {smtp::clean_text(rule, adaptation_cause::rule_bytes_max),
            smtp::clean_text(reply, adaptation_cause::reply_bytes_max)};
}

} // namespace hikyaku::shaping
