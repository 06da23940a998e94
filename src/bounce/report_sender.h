#pragma once

#include <string>
#include <vector>

#include "report_view.h"

namespace hikyaku::bounce
{

/// What a message's own header says about who wrote it, and why.
struct report_sender
{
    std::string subject;            ///< in lower case
    std::string subject_as_written; ///< UTF-8
    std::vector<std::string> from{};
    std::vector<std::string> own{}; ///< everybody the header names: never a recipient that failed
    std::vector<std::string> failed{}; ///< X-Failed-Recipients
    std::string carried{};             ///< address in the variable return path it came to
    bool is_daemon = false;            ///< a host wrote it
    bool is_null = false;              ///< Return-Path: <>
    bool is_report = false;            ///< multipart/report about delivery
    bool is_auto_reply = false;        ///< says that nobody wrote it (RFC 3834 and its forerunners)
};

[[nodiscard]] report_sender read_sender(const report_view& view);

} // namespace hikyaku::bounce
