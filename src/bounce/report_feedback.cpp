#include "report_feedback.h"

#include <algorithm>

#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_lines.h"
#include "report_reply.h"

namespace hikyaku::bounce
{

namespace
{

void add_recipient(std::vector<std::string>& list, std::string_view value)
{
    const std::string address = address_of_field(value);
    if (is_address(address) && !contains_address(list, address) &&
        list.size() < report_recipients_max)
    {
        list.push_back(address);
    }
}

/// "redacted-0123@example.com", "[Redacted]", "undisclosed".
bool is_redacted(std::string_view address)
{
    const std::string lower = text::ascii_lower(address);
    return lower.starts_with("redacted") || lower.find("redacted@") != std::string::npos ||
           lower.starts_with("undisclosed") || lower.starts_with("xxx");
}

/// The fields may be parted by empty lines, against the RFC.
mime::header_block fields_of(std::string_view text, std::string& kept)
{
    while (!text.empty() && kept.size() < report_text_bytes_max)
    {
        const std::string_view line = take_line(text);
        if (!trimmed_line(line).empty())
        {
            kept += line;
            kept += '\n';
        }
    }
    std::string_view bytes = kept;
    return mime::header_block::take(bytes);
}

/// Who complained: what the report names, else whom the message was sent to.
std::vector<std::string> complainers(const mime::header_block& fields,
                                     const original_message& original)
{
    std::vector<std::string> who;
    for (const std::string_view name :
         {std::string_view("original-rcpt-to"), std::string_view("original-recipient"),
          std::string_view("removal-recipient"), std::string_view("final-recipient")})
    {
        for (const mime::header_field& field : fields.fields())
        {
            if (text::ascii_iequals(field.name, name))
            {
                add_recipient(who, field.value);
            }
        }
        std::erase_if(who, is_redacted);
        if (!who.empty())
        {
            return who;
        }
    }
    if (!original.told_recipient.empty() && is_address(original.told_recipient))
    {
        return {original.told_recipient};
    }
    for (const auto* list : {&original.to, &original.for_})
    {
        for (const std::string& address : *list)
        {
            if (!is_redacted(address))
            {
                return {address};
            }
        }
    }
    const std::string carried =
        address_in_return_path(address_of_field(fields.get("original-mail-from")));
    if (!carried.empty())
    {
        return {carried};
    }
    return who;
}

/// Types by which a person says: no more of this.
bool is_complaint(std::string_view type)
{
    return type != "not-spam" && type != "auth-failure" && type != "dmarc" && type != "virus";
}

report_recipient make_complaint(const std::string& address, const std::string& type,
                                const std::string& text)
{
    report_recipient r;
    r.kind = report_kind::complaint;
    r.recipient = one_line(address);
    r.cls = type == "auth-failure" || type == "dmarc" ? reply_class::auth_failure
            : type == "virus"                         ? reply_class::spam_content
            : is_complaint(type)                      ? reply_class::refused
                                                      : reply_class::other;
    r.contact = is_complaint(type) ? contact_effect::suppress : contact_effect::keep;
    r.text = text;
    return r;
}

bool is_old_hotmail(const report_view& view)
{
    const std::string subject = text::ascii_lower(view.header->get_text("Subject"));
    return !view.original.told_recipient.empty() && view.status.empty() &&
           (subject.find("complaint") != std::string::npos ||
            text::ascii_lower(view.header->get("From")).find("staff@") != std::string::npos);
}

} // namespace

std::optional<report> read_feedback(const report_view& view)
{
    if (view.feedback.empty() && !is_old_hotmail(view))
    {
        return std::nullopt;
    }
    report out;
    out.kind = report_kind::complaint;
    std::string kept;
    const mime::header_block fields =
        fields_of(view.feedback.empty() ? std::string_view{} : view.feedback.front(), kept);
    out.feedback_type = text::ascii_lower(one_line(fields.get("feedback-type")));
    if (out.feedback_type.empty())
    {
        out.feedback_type = "abuse";
    }
    out.message_id = one_line(view.original.message_id);
    out.reporting_mta = one_line(address_of_field(fields.get("reporting-mta")));
    const std::string text = one_line(view.notice);
    for (const auto& address : complainers(fields, view.original))
    {
        out.recipients.push_back(make_complaint(address, out.feedback_type, text));
    }
    return out;
}

} // namespace hikyaku::bounce
