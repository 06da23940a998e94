#include "tokens_inside.h"

#include <algorithm>

namespace hikyaku::feedback
{
namespace
{

/// Of a local part (RFC 5321 section 4.5.3.1.1).
constexpr std::size_t token_bytes_max = 64;

/// Where the pages that links of ours lead to have the token.
constexpr std::string_view link_path = "/u/";

bool is_link_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

} // namespace

std::vector<found_token> find_tokens(std::string_view message)
{
    using bounce::token_use;
    std::vector<found_token> out;
    for (auto at = message.find('@');
         at != std::string_view::npos && out.size() < tokens_inside_max;
         at = message.find('@', at + 1))
    {
        auto first = at;
        while (first > 0 && at - first < token_bytes_max && is_token_char(message[first - 1]))
        {
            --first;
        }
        const auto text = message.substr(first, at - first);
        for (const auto use : {token_use::return_path, token_use::unsubscribe_mail})
        {
            if (const auto who = bounce::peek_recipient(text, use))
            {
                out.push_back({*who, use, text});
            }
        }
    }
    for (auto at = message.find(link_path);
         at != std::string_view::npos && out.size() < tokens_inside_max;
         at = message.find(link_path, at + 1))
    {
        const auto first = at + link_path.size();
        auto end = first;
        while (end < message.size() && end - first < token_bytes_max && is_link_char(message[end]))
        {
            ++end;
        }
        const auto text = message.substr(first, end - first);
        if (const auto who = bounce::peek_recipient(text, token_use::unsubscribe_link))
        {
            out.push_back({*who, token_use::unsubscribe_link, text});
        }
    }
    return out;
}

} // namespace hikyaku::feedback
