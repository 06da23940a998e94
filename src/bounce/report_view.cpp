#include "report_view.h"

#include <algorithm>

#include <hikyaku/bounce/report.h>
#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_lines.h"
#include "report_phrases.h"

namespace hikyaku::bounce
{

namespace
{

constexpr std::size_t originals_header_bytes_max = 256u << 10;
/// Received fields that are looked at for "for <a@b>".
constexpr std::size_t received_max = 20;
constexpr std::size_t messages_max = 16;

void add_addresses(std::vector<std::string>& list, std::string_view value)
{
    for (auto& found : find_addresses(value.substr(0, originals_header_bytes_max)))
    {
        if (!contains_address(list, found.address) && list.size() < report_recipients_max)
        {
            list.push_back(std::move(found.address));
        }
    }
}

void add_for(std::vector<std::string>& list, std::string_view received)
{
    const std::string line = text::ascii_lower(received);
    const std::size_t at = line.find(" for <");
    const std::size_t bare = at == std::string::npos ? line.find(" for ") : at;
    if (bare != std::string::npos)
    {
        const std::size_t end = received.find(';', bare);
        add_addresses(list,
                      received.substr(bare, end == std::string_view::npos ? end : end - bare));
    }
}

std::string id_of(std::string_view value)
{
    const std::size_t open = value.find('<');
    const std::size_t close = open == std::string_view::npos ? open : value.find('>', open);
    return close == std::string_view::npos ? std::string(value)
                                           : std::string(value.substr(open + 1, close - open - 1));
}

bool is_status_text(std::string_view text)
{
    const std::string lower = text::ascii_lower(text);
    const auto has = [&lower](std::string_view name)
    {
        return lower.starts_with(name) || lower.find("\n" + std::string(name)) != std::string::npos;
    };
    return (has("final-recipient:") || has("original-recipient:")) &&
           (has("action:") || has("status:") || has("diagnostic-code:") || has("reporting-mta:"));
}

bool is_feedback_text(std::string_view text)
{
    const std::string lower = text::ascii_lower(text.substr(0, 4096));
    return (lower.starts_with("feedback-type:") ||
            lower.find("\nfeedback-type:") != std::string::npos) &&
           (lower.find("user-agent:") != std::string::npos ||
            lower.find("\nversion:") != std::string::npos);
}

/// What parts of one message are for.
class viewer
{
public:
    viewer(const mime::parsed_message& message, std::size_t root) : message_(message), root_(root)
    {
    }

    report_view view()
    {
        const mime::entity& top = message_.parts[root_];
        out_.header = &top.header;
        out_.type = &top.type;
        for (std::size_t i = root_; i < message_.parts.size(); ++i)
        {
            if (i != root_ && message_.parts[i].depth <= top.depth)
            {
                break;
            }
            if (encloser_of(i) == root_)
            {
                add(i);
            }
        }
        // Some hosts put only "see the HTML part" into the plain one.
        if (plain_.find('@') == std::string::npos)
        {
            plain_ += text_of_html(html_);
        }
        split_notice(plain_);
        return std::move(out_);
    }

private:
    /// The nearest message around a part; the part itself when it is one.
    [[nodiscard]] std::size_t encloser_of(std::size_t i) const
    {
        std::size_t at = i;
        while (at != root_)
        {
            at = message_.parts[at].parent;
            if (at == mime::no_parent)
            {
                return at;
            }
            if (at != root_ && message_.parts[at].is_message())
            {
                return at;
            }
        }
        return root_;
    }

    void add(std::size_t i)
    {
        const mime::entity& part = message_.parts[i];
        const std::string_view media = part.type.media;
        if (part.is_multipart() && part.children > 0)
        {
            return;
        }
        if (media == "message/delivery-status" || media == "message/global-delivery-status")
        {
            out_.status.push_back(part.text(report_text_bytes_max));
        }
        else if (media == "message/feedback-report")
        {
            out_.feedback.push_back(part.text(report_text_bytes_max));
        }
        else if (media == "message/disposition-notification" ||
                 media == "message/global-disposition-notification")
        {
            out_.is_receipt = true;
        }
        else if (media == "text/rfc822-headers" || media == "message/global-headers" ||
                 media == "message/rfc822-headers" || media == "text/rfc822" ||
                 media == "message/partial")
        {
            add_headers(part.decoded(originals_header_bytes_max));
        }
        else if (part.is_message())
        {
            add_message(i);
        }
        else if (media.starts_with("text/") || part.is_multipart() || i == root_ ||
                 media.find('/') == std::string_view::npos || media == "application/octet-stream" ||
                 media.starts_with("message/"))
        {
            add_text(part);
        }
    }

    void add_headers(std::string_view bytes)
    {
        bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
        read_original(out_.original, mime::header_block::take(bytes));
    }

    void add_message(std::size_t i)
    {
        const bool has_child = i + 1 < message_.parts.size() && message_.parts[i + 1].parent == i;
        if (has_child)
        {
            read_original(out_.original, message_.parts[i + 1].header);
        }
        else
        {
            add_headers(message_.parts[i].decoded(originals_header_bytes_max));
        }
        if (out_.messages.size() < messages_max)
        {
            out_.messages.push_back(i);
        }
    }

    void add_text(const mime::entity& part)
    {
        std::string text = part.text(report_text_bytes_max);
        const bool html = part.type.media == "text/html";
        if (!html && is_feedback_text(text))
        {
            out_.feedback.push_back(std::move(text));
            return;
        }
        if (!html && part.type.media.starts_with("application/") && !is_status_text(text))
        {
            return;
        }
        if (!html && is_status_text(text))
        {
            out_.status.push_back(text);
        }
        std::string& all = html ? html_ : plain_;
        if (all.size() < report_text_bytes_max)
        {
            all += text;
            all += '\n';
        }
    }

    /// The original, where the text has one, starts at a line that announces it or at its header.
    void split_notice(std::string_view text)
    {
        std::string_view rest = text;
        bool any = false;      // of the notice itself
        bool skipping = false; // a header that is part of the notice
        while (!rest.empty())
        {
            const std::string_view before = rest;
            const std::string_view line = trimmed_line(take_line(rest));
            const bool announced = any && announces_original(text::to_lower(line.substr(0, 200)));
            if (announced && announces_header(rest))
            {
                out_.notice = text.substr(0, text.size() - before.size());
                out_.quoted = rest;
                break;
            }
            skipping = skipping && !line.empty();
            if (any && !skipping && starts_header(before, true))
            {
                if (goes_on(text.substr(0, text.size() - before.size()), before))
                {
                    skipping = true;
                    continue;
                }
                out_.notice = text.substr(0, text.size() - before.size());
                out_.quoted = before;
                break;
            }
            any = any || !line.empty();
        }
        if (out_.quoted.empty())
        {
            out_.notice = text;
            return;
        }
        read_quoted();
    }

    /// Some hosts name the message by its header first and tell what happened behind it: then
    /// nobody was named before, and an address stands on a line of its own after.
    static bool goes_on(std::string_view notice, std::string_view quoted)
    {
        if (!find_addresses(notice).empty())
        {
            return false;
        }
        while (!quoted.empty() && !trimmed_line(take_line(quoted)).empty())
        {
        }
        constexpr std::size_t looked_at_max = 2'000;
        const std::string lower = text::to_lower(quoted.substr(0, looked_at_max));
        return says_failure(lower) && lower.find('@') != std::string::npos;
    }

    /// Soon after an announcement a header must come.
    static bool announces_header(std::string_view rest)
    {
        constexpr int lines_max = 12;
        for (int i = 0; i < lines_max && !rest.empty(); ++i)
        {
            if (starts_header(rest, false))
            {
                return true;
            }
            static_cast<void>(take_line(rest));
        }
        return false;
    }

    /// Two fields of a message's header in a row, perhaps indented or behind "> ". Notices quote
    /// To and Subject too: where nothing announced a copy, one field that only hosts write is
    /// asked for.
    static bool starts_header(std::string_view text, bool strict)
    {
        const std::string_view first = unquoted(take_line(text));
        if (!is_original_field(first))
        {
            return false;
        }
        bool sure = !strict || is_trace_field(first);
        int fields = 1;
        constexpr int lines_max = 12;
        for (int i = 0; i < lines_max && !text.empty() && !(sure && fields > 1); ++i)
        {
            const std::string_view line = unquoted(take_line(text));
            if (is_original_field(line))
            {
                ++fields;
                sure = sure || is_trace_field(line);
            }
            else if (line.empty() || (!line.starts_with(' ') && !line.starts_with('\t') &&
                                      line.find(": ") == std::string_view::npos))
            {
                break;
            }
        }
        return sure && fields > 1;
    }

    static bool is_trace_field(std::string_view line)
    {
        constexpr std::string_view names[] = {
            "received:",     "return-path:",    "message-id:",
            "mime-version:", "dkim-signature:", "x-received:",
            "arc-seal:",     "delivered-to:",   "authentication-results:",
            "received-spf:"};
        const std::string lower = text::ascii_lower(line.substr(0, 32));
        return std::ranges::any_of(names,
                                   [&lower](std::string_view n) { return lower.starts_with(n); });
    }

    static bool is_original_field(std::string_view line)
    {
        constexpr std::string_view names[] = {"received:",
                                              "return-path:",
                                              "from:",
                                              "to:",
                                              "subject:",
                                              "message-id:",
                                              "date:",
                                              "mime-version:",
                                              "dkim-signature:",
                                              "x-mailer:",
                                              "content-type:",
                                              "reply-to:",
                                              "sender:",
                                              "delivered-to:",
                                              "x-originating-ip:",
                                              "errors-to:",
                                              "x-sender:",
                                              "arc-seal:",
                                              "cc:",
                                              "authentication-results:",
                                              "x-received:",
                                              "list-unsubscribe:",
                                              "received-spf:",
                                              "x-original-to:"};
        const std::string lower = text::ascii_lower(line.substr(0, 32));
        return std::ranges::any_of(names,
                                   [&lower](std::string_view n) { return lower.starts_with(n); });
    }

    void read_quoted()
    {
        std::string plain;
        std::string_view rest = out_.quoted;
        bool started = false;
        while (!rest.empty() && plain.size() < originals_header_bytes_max)
        {
            const std::string_view line = unquoted(take_line(rest));
            started = started || is_original_field(line);
            if (started && line.empty())
            {
                break;
            }
            if (started)
            {
                plain += line;
                plain += '\n';
            }
        }
        std::string_view bytes = plain;
        read_original(out_.original, mime::header_block::take(bytes));
    }

    const mime::parsed_message& message_;
    std::size_t root_;
    report_view out_;
    std::string plain_;
    std::string html_;
};

} // namespace

void read_original(original_message& original, const mime::header_block& header)
{
    original.found = original.found || !header.empty();
    std::size_t received = 0;
    for (const mime::header_field& field : header.fields())
    {
        const std::string name = text::ascii_lower(field.name);
        if (name == "to" || name == "cc" || name == "delivered-to" || name == "x-original-to" ||
            name == "envelope-to" || name == "bcc" || name == "resent-to" ||
            name == "x-envelope-to" || name == "apparently-to" || name == "x-rcpt-to" ||
            name == "x-receiver")
        {
            add_addresses(original.to, field.value);
        }
        else if (name == "from" || name == "sender" || name == "return-path" ||
                 name == "reply-to" || name == "errors-to" || name == "x-sender")
        {
            add_addresses(original.from, field.value);
        }
        else if (name == "message-id" && original.message_id.empty())
        {
            original.message_id = id_of(mime::unfold(field.value));
        }
        else if (name == "received" && received++ < received_max)
        {
            add_for(original.for_, field.value);
        }
        else if ((name == "x-hmxmroriginalrecipient" || name == "x-original-recipient") &&
                 original.told_recipient.empty())
        {
            original.told_recipient = address_of_field(field.value);
        }
    }
}

report_view view_report(const mime::parsed_message& message, std::size_t root)
{
    return viewer(message, root).view();
}

} // namespace hikyaku::bounce
