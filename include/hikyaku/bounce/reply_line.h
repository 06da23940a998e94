#pragma once

#include <string_view>

#include <hikyaku/smtp/reply.h>

namespace hikyaku::bounce
{

/// One reply as people and reports write it, taken apart.
struct reply_line
{
    /// 0: the line does not begin with a code from 200 to 599.
    int code = 0;
    /// At the front of the text; absent otherwise.
    smtp::enhanced_code enhanced;
    /// Behind the code, the enhanced code included. Points into the line.
    std::string_view text;
};

/// "550 5.1.1 No such user", "550-5.1.1 …", "550". Never fails: without a code everything is text.
[[nodiscard]] reply_line split_reply(std::string_view line) noexcept;

/// The first enhanced code that stands anywhere in the text: "(#5.1.1)", "[5.7.1]",
/// "smtp;550 5.2.2". Its class agrees with `code`, or code is 0. Version numbers and addresses with
/// four parts are none.
[[nodiscard]] smtp::enhanced_code find_enhanced_code(std::string_view text, int code) noexcept;

} // namespace hikyaku::bounce
