#include "report_status.h"

#include <algorithm>
#include <optional>

#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_lines.h"

namespace hikyaku::bounce
{

namespace
{

/// Of one field, folded lines and all.
constexpr std::size_t field_bytes_max = 8u << 10;

/// Fields of RFC 3464 and what hosts add; others end a diagnostic without meaning anything.
bool is_status_field(std::string_view name)
{
    constexpr std::string_view names[] = {"reporting-mta",
                                          "final-recipient",
                                          "original-recipient",
                                          "action",
                                          "status",
                                          "remote-mta",
                                          "diagnostic-code",
                                          "last-attempt-date",
                                          "arrival-date",
                                          "dsn-gateway",
                                          "received-from-mta",
                                          "will-retry-until",
                                          "final-log-id",
                                          "original-envelope-id",
                                          "localized-recipient",
                                          "diagnostic",
                                          "return-path",
                                          "content-type",
                                          "content-transfer-encoding",
                                          "content-description"};
    return name.starts_with("x-") || std::ranges::find(names, name) != std::end(names);
}

/// Collects fields into groups.
class status_reader
{
public:
    status_fields read(std::string_view text)
    {
        while (!text.empty())
        {
            const std::string_view raw = take_line(text);
            const std::string_view line = trimmed_line(raw);
            if (line.empty())
            {
                finish_field();
                parted_ = true;
                continue;
            }
            take(raw, line);
        }
        finish_field();
        return std::move(out_);
    }

private:
    void take(std::string_view raw, std::string_view line)
    {
        const bool folded = raw.front() == ' ' || raw.front() == '\t';
        const std::size_t colon = line.find(':');
        const std::string name = colon == std::string_view::npos || colon > 40
                                     ? std::string()
                                     : text::ascii_lower(trimmed_line(line.substr(0, colon)));
        const bool field = is_status_field(name) && (!folded || name_.empty());
        if (field)
        {
            finish_field();
            name_ = name;
            value_ = trimmed_line(line.substr(colon + 1));
            return;
        }
        // Some hosts forget to fold the lines of a reply.
        const bool goes_on = !name_.empty() && (folded || name_ == "diagnostic-code");
        if (goes_on && value_.size() + line.size() < field_bytes_max)
        {
            value_ += '\n';
            value_ += line;
        }
        else if (!goes_on)
        {
            finish_field();
        }
    }

    void finish_field()
    {
        if (name_.empty())
        {
            return;
        }
        const std::string name = std::move(name_);
        const std::string value = mime::decode_encoded_words(value_).substr(0, field_bytes_max);
        const std::string unjoined = value_;
        name_.clear();
        value_.clear();
        if (name == "reporting-mta" && out_.reporting_mta.empty())
        {
            out_.reporting_mta = value;
        }
        else if (name == "final-recipient")
        {
            group_for(&status_group::final_recipient) = value;
        }
        else if (name == "original-recipient")
        {
            group_for(&status_group::original_recipient) = value;
        }
        else if (name == "action")
        {
            set(&status_group::action, action_of(value));
        }
        else if (name == "status")
        {
            set(&status_group::status, value);
        }
        else if (name == "diagnostic-code" || name == "diagnostic")
        {
            set(&status_group::diagnostic,
                unjoined.find("=?") == std::string::npos ? unjoined : value);
        }
        else if (name == "remote-mta")
        {
            set(&status_group::remote_mta, value);
        }
    }

    /// The group that a recipient's name belongs to: the current one when it has none of this kind
    /// and nothing parted them, else a new one.
    std::string& group_for(std::string status_group::* which)
    {
        const bool fits = !out_.groups.empty() && (out_.groups.back().*which).empty() &&
                          (!parted_ || (out_.groups.back().final_recipient.empty() &&
                                        out_.groups.back().original_recipient.empty()));
        if (!fits && out_.groups.size() < report_recipients_max)
        {
            out_.groups.emplace_back();
        }
        else if (!fits)
        {
            spill_ = {};
            return spill_;
        }
        parted_ = false;
        return out_.groups.back().*which;
    }

    /// What is told first stands; without a recipient it waits for one.
    void set(std::string status_group::* which, std::string value)
    {
        if (out_.groups.empty())
        {
            out_.groups.emplace_back();
        }
        auto& to = out_.groups.back().*which;
        if (to.empty())
        {
            to = std::move(value);
        }
    }

    status_fields out_;
    std::string name_;
    std::string value_;
    std::string spill_;
    bool parted_ = false;
};

} // namespace

std::string action_of(std::string_view value)
{
    struct row
    {
        std::string_view front;
        std::string_view action;
    };
    constexpr row rows[] = {{"fail", "failed"},   {"delay", "delayed"},   {"deliver", "delivered"},
                            {"relay", "relayed"}, {"expand", "expanded"}, {"undeliver", "failed"},
                            {"bounce", "failed"}, {"temp", "delayed"},    {"success", "delivered"},
                            {"error", "failed"},  {"reject", "failed"},   {"transient", "delayed"},
                            {"expired", "failed"}};
    const std::string lower = text::ascii_lower(trimmed_line(value));
    for (const row& r : rows)
    {
        if (lower.starts_with(r.front))
        {
            return std::string(r.action);
        }
    }
    return {};
}

status_fields read_status(std::string_view text)
{
    return status_reader().read(text);
}

} // namespace hikyaku::bounce
