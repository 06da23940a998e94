#pragma once

#include <string_view>
#include <vector>

#include <hikyaku/bounce/recipient_token.h>

namespace hikyaku::feedback
{

/// A token found in a message, not checked yet.
struct found_token
{
    bounce::recipient_ref who;
    bounce::token_use use = bounce::token_use::return_path;
    /// Local part or link token, inside the message.
    std::string_view text;
};

/// Tokens anywhere in a message: in the Return-Path and List-Unsubscribe of the original inside a
/// feedback report. Addresses first, then links; at most tokens_inside_max. Linear time.
inline constexpr std::size_t tokens_inside_max = 16;
[[nodiscard]] std::vector<found_token> find_tokens(std::string_view message);

} // namespace hikyaku::feedback
