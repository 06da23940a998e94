#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/mime/entity.h>

namespace hikyaku::bounce
{

/// What is known of the message that a report is about.
struct original_message
{
    bool found = false;
    std::vector<std::string> to{};   ///< To, Cc, Delivered-To and the like
    std::vector<std::string> for_{}; ///< "for <a@b>" of Received, the newest first
    std::vector<std::string> from{}; ///< From, Sender, Return-Path
    std::string message_id{};
    /// X-HmXmrOriginalRecipient and other names that providers give the recipient.
    std::string told_recipient{};
};

/// One message that may be a report, its parts told apart. Views into `message`.
struct report_view
{
    const mime::header_block* header = nullptr; ///< of the message itself
    const mime::content_type* type = nullptr;
    std::vector<std::string> status{};   ///< texts with the fields of RFC 3464
    std::vector<std::string> feedback{}; ///< texts with the fields of RFC 5965
    bool is_receipt = false;             ///< message/disposition-notification
    std::string notice{};                ///< what people are told, up to the quoted message
    std::string quoted{};                ///< text behind that
    original_message original{};
    std::vector<std::size_t> messages{}; ///< entities that are messages within, in order
};

/// Tells the parts of the message `root` apart: those that are in no message below it.
[[nodiscard]] report_view view_report(const mime::parsed_message& message, std::size_t root);

/// Adds what a header says of the original.
void read_original(original_message& original, const mime::header_block& header);

/// HTML as text: tags gone, lines where blocks end. Not more than that.
[[nodiscard]] std::string text_of_html(std::string_view html);

} // namespace hikyaku::bounce
