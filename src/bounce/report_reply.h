#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/bounce/report.h>
#include <hikyaku/smtp/transaction.h>

namespace hikyaku::bounce
{

/// What a text tells of an SMTP reply.
struct told_reply
{
    int code = 0; ///< 0: none
    smtp::enhanced_code enhanced{};
    std::optional<smtp::stage> stage{};
};

/// Reads a diagnostic code, a line of a notice, or several. Linear.
[[nodiscard]] told_reply find_reply(std::string_view text);

/// Code of a Status field: the first "5.1.1" in it.
[[nodiscard]] smtp::enhanced_code find_enhanced(std::string_view text) noexcept;

/// One line of UTF-8 without controls, blanks run together, at most smtp::clean_text_bytes_max.
[[nodiscard]] std::string one_line(std::string_view text);

/// Fills in code, status, class and effect of a failure or delay from what is told: `r.kind`,
/// `r.recipient` and `r.status` are given, `reply` decides. `explanation` is what people are told
/// beside it; it counts only where the reply says nothing. `stage` is used where the reply tells
/// none.
void judge(report_recipient& r, std::string_view reply, std::string_view explanation,
           std::optional<smtp::stage> stage, std::string_view remote_host, const classifier& rules);

} // namespace hikyaku::bounce
