#include "inbound_address.h"

#include <algorithm>

namespace hikyaku::feedback
{
namespace
{

std::string to_lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c)
                   { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

/// Longest address that anybody may send (RFC 5321 section 4.5.3.1.3), with room for quotes.
constexpr std::size_t address_bytes_max = 512;

} // namespace

inbound_address read_inbound_address(std::string_view text)
{
    inbound_address out;
    if (text.size() > address_bytes_max)
    {
        return out;
    }
    const auto at = text.rfind('@');
    auto local = text.substr(0, at);
    if (local.size() >= 2 && local.front() == '"' && local.back() == '"')
    {
        local = local.substr(1, local.size() - 2); // a token needs no quotes; some hosts add them
    }
    out.local = to_lower(local);
    out.domain = at == std::string_view::npos ? std::string() : to_lower(text.substr(at + 1));
    if (!out.domain.empty() && out.domain.back() == '.')
    {
        out.domain.pop_back();
    }
    using bounce::token_use;
    if (const auto who = bounce::peek_recipient(out.local, token_use::return_path))
    {
        out.what = inbound_address::kind::return_path;
        out.who = *who;
    }
    else if (const auto wish = bounce::peek_recipient(out.local, token_use::unsubscribe_mail))
    {
        out.what = inbound_address::kind::unsubscribe;
        out.who = *wish;
    }
    return out;
}

} // namespace hikyaku::feedback
