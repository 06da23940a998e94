#include <hikyaku/bounce/report.h>

#include <algorithm>
#include <optional>

#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_feedback.h"
#include "report_notice.h"
#include "report_phrases.h"
#include "report_reply.h"
#include "report_sender.h"
#include "report_status.h"
#include "report_view.h"

namespace hikyaku::bounce
{

namespace
{

/// Messages within messages that are looked into for a report that somebody forwarded.
constexpr int forwards_max = 3;
/// Of an encoded message within.
constexpr std::size_t forwarded_bytes_max = 4u << 20;
/// Recipients whose reason is looked for in the notice too.
constexpr std::size_t searches_max = 20;
/// What of a notice tells its kind.
constexpr std::size_t notice_bytes_max = 16u << 10;

int gravity(report_kind kind) noexcept
{
    switch (kind)
    {
    case report_kind::bounce:
        return 5;
    case report_kind::complaint:
        return 4;
    case report_kind::delay:
        return 3;
    case report_kind::delivered:
        return 2;
    case report_kind::auto_reply:
        return 1;
    case report_kind::none:
        return 0;
    }
    return 0;
}

/// One message that came back.
class report_reader
{
public:
    report_reader(const report_view& view, const classifier& rules)
        : view_(view), rules_(rules), sender_(read_sender(view)),
          notice_(text::to_lower(std::string_view(view.notice).substr(0, notice_bytes_max)))
    {
        strangers_ = sender_.own;
        for (const std::string& address : view.original.from)
        {
            strangers_.push_back(address);
        }
        // People write to themselves.
        std::erase_if(strangers_, [&view](const std::string& one)
                      { return contains_address(view.original.to, one); });
    }

    report read()
    {
        if (auto complaint = read_feedback(view_))
        {
            return std::move(*complaint);
        }
        read_groups();
        if (out_.recipients.empty())
        {
            read_notice();
        }
        for (const report_recipient& r : out_.recipients)
        {
            out_.kind = gravity(r.kind) > gravity(out_.kind) ? r.kind : out_.kind;
        }
        if (out_.kind != report_kind::none)
        {
            out_.message_id = one_line(view_.original.message_id);
        }
        return std::move(out_);
    }

private:
    // -- RFC 3464 ---------------------------------------------------------------------------

    void read_groups()
    {
        for (const std::string& text : view_.status)
        {
            const status_fields fields = read_status(text);
            if (out_.reporting_mta.empty())
            {
                out_.reporting_mta = one_line(address_of_field(fields.reporting_mta));
            }
            for (const status_group& group : fields.groups)
            {
                add_group(group, fields.groups.size());
            }
        }
    }

    [[nodiscard]] report_kind kind_of(const status_group& group) const
    {
        if (group.action == "failed")
        {
            return report_kind::bounce;
        }
        if (group.action == "delayed")
        {
            // OpenSMTPD calls what it has given up delayed, too.
            return notice_.find("envelope expired") != std::string::npos ? report_kind::bounce
                                                                         : report_kind::delay;
        }
        if (!group.action.empty())
        {
            return report_kind::delivered;
        }
        const int cls = find_enhanced(group.status).cls;
        if (cls == 2)
        {
            return report_kind::delivered;
        }
        return cls == 4 && kind_of_words() == report_kind::delay ? report_kind::delay
                                                                 : report_kind::bounce;
    }

    void add_group(const status_group& group, std::size_t groups)
    {
        report_recipient r;
        r.recipient = address_of_field(group.final_recipient);
        r.original_recipient = address_of_field(group.original_recipient);
        if (r.recipient.empty() && r.original_recipient.empty() && group.action.empty())
        {
            return; // the fields of the message alone
        }
        if (!is_address(r.recipient))
        {
            r.recipient = better_name(r.recipient, r.original_recipient, groups);
        }
        r.kind = kind_of(group);
        r.action = r.kind == report_kind::bounce && group.action == "delayed" ? "failed"
                                                                               : group.action;
        r.status = group.status;
        std::string reply = group.diagnostic;
        const std::string beside = out_.recipients.size() < searches_max
                                       ? find_reason(view_.notice, r.recipient)
                                       : std::string();
        if (reply.find_first_not_of(" \t\r\n") == std::string::npos)
        {
            reply = beside;
        }
        const std::string all = groups > 1 ? "" : view_.notice.substr(0, notice_bytes_max);
        finish(std::move(r), reply, beside + "\n" + all, find_reply(beside).stage,
               group.remote_mta);
    }

    /// An address for a recipient that the report only calls by a local name, or not at all.
    std::string better_name(const std::string& name, const std::string& original,
                            std::size_t groups) const
    {
        if (is_address(original))
        {
            return original;
        }
        const auto known = known_recipients();
        for (const std::string& address : known)
        {
            const std::string_view local = std::string_view(address).substr(0, address.rfind('@'));
            if (same_address(local, name))
            {
                return address;
            }
        }
        if (groups == 1 && !known.empty())
        {
            return known.front();
        }
        const auto noticed = find_recipients(view_.notice, view_.original, strangers_);
        if (noticed.size() == 1)
        {
            return noticed.front().address;
        }
        return name;
    }

    // -- notices ----------------------------------------------------------------------------

    /// What header and words say of a notice.
    [[nodiscard]] report_kind kind_of_words() const
    {
        const std::string& subject = sender_.subject;
        const bool explicit_failure = subject.find("fail") != std::string::npos ||
                                      subject.find("undeliver") != std::string::npos ||
                                      subject.find("returned") != std::string::npos ||
                                      subject.find("reject") != std::string::npos;
        if (says_delay_in_subject(subject) && !explicit_failure)
        {
            return report_kind::delay;
        }
        if (says_success_in_subject(subject) && !explicit_failure)
        {
            return report_kind::delivered;
        }
        const bool failure = says_failure(notice_);
        const int code = find_reply(view_.notice).code;
        if (says_delay(notice_) && !says_end(notice_) && !explicit_failure && code / 100 != 5)
        {
            return report_kind::delay;
        }
        if (says_success(notice_) && !failure && code == 0 && !explicit_failure)
        {
            return report_kind::delivered;
        }
        return report_kind::bounce;
    }

    /// Is it a report of delivery at all? A host's header and its words must agree.
    [[nodiscard]] bool is_notice() const
    {
        const bool words = says_failure(notice_) || says_delay(notice_) || says_success(notice_);
        const bool subject = says_failure_in_subject(sender_.subject) ||
                             says_delay_in_subject(sender_.subject) ||
                             says_success_in_subject(sender_.subject);
        const bool code = find_reply(view_.notice).code != 0;
        const int points = (sender_.failed.empty() ? 0 : 4) + (sender_.is_report ? 3 : 0) +
                           (sender_.is_daemon ? 2 : 0) + (sender_.is_null ? 2 : 0) +
                           (subject ? 2 : 0) + (words ? 2 : 0) + (code ? 1 : 0) +
                           (view_.original.found ? 1 : 0);
        return points >= 4 && (words || code || subject || !sender_.failed.empty());
    }

    [[nodiscard]] bool is_auto_reply() const
    {
        // Some programmes say it in the text only; their null return path tells them from people.
        const bool absent = sender_.is_null && !sender_.is_daemon && says_absence(notice_);
        if (!sender_.is_auto_reply && !view_.is_receipt && !absent)
        {
            return false;
        }
        if (view_.is_receipt)
        {
            return true;
        }
        const bool host = sender_.is_daemon || !sender_.failed.empty() || sender_.is_report;
        const bool failure =
            says_failure_in_subject(sender_.subject) && !says_auto_reply(sender_.subject);
        return !failure && !(host && (says_failure(notice_) || find_reply(view_.notice).code != 0));
    }

    void read_notice()
    {
        if (is_auto_reply())
        {
            report_recipient r;
            r.kind = report_kind::auto_reply;
            r.cls = reply_class::auto_reply;
            r.recipient = sender_.from.empty() ? "" : one_line(sender_.from.front());
            r.text = one_line(sender_.subject_as_written);
            out_.kind = r.kind;
            out_.recipients.push_back(std::move(r));
            return;
        }
        if (!is_notice())
        {
            return;
        }
        out_.kind = kind_of_words();
        auto named = noticed_recipients();
        if (named.empty())
        {
            // Whom it is about the return path may tell; the cause is worth knowing.
            named.push_back({"", find_reason(view_.notice, "")});
        }
        for (const noticed_recipient& who : named)
        {
            report_recipient r;
            r.kind = out_.kind;
            r.recipient = who.address;
            r.action = out_.kind == report_kind::bounce  ? "failed"
                       : out_.kind == report_kind::delay ? "delayed"
                                                         : "delivered";
            // Of several, what is said of one is not said of the others.
            const bool own = named.size() > 1 && !who.reason.empty();
            finish(std::move(r), who.reason, own ? "" : view_.notice.substr(0, notice_bytes_max),
                   {}, "");
        }
    }

    std::vector<noticed_recipient> noticed_recipients() const
    {
        auto named = find_recipients(view_.notice, view_.original, strangers_);
        if (!sender_.failed.empty())
        {
            std::vector<noticed_recipient> failed;
            for (const std::string& address : sender_.failed)
            {
                const auto told = std::ranges::find_if(
                    named, [&address](const auto& n) { return same_address(n.address, address); });
                failed.push_back({address, told != named.end() && !told->reason.empty()
                                               ? told->reason
                                               : find_reason(view_.notice, address)});
            }
            return failed;
        }
        if (named.empty())
        {
            const auto known = known_recipients();
            if (!known.empty())
            {
                named.push_back({known.front(), find_reason(view_.notice, known.front())});
            }
        }
        if (named.empty() && !view_.quoted.empty())
        {
            named = find_recipients(view_.quoted, view_.original, strangers_);
            named.resize(std::min<std::size_t>(named.size(), 1));
        }
        if (named.empty() && !sender_.is_daemon && sender_.from.size() == 1)
        {
            // The mailbox answers for itself.
            named.push_back({sender_.from.front(), find_reason(view_.notice, "")});
        }
        return named;
    }

    /// Whom the original was for, the surest first: a lone To, who a host received it for, a
    /// return path that carries the address, several To.
    std::vector<std::string> known_recipients() const
    {
        std::vector<std::string> known = sender_.failed;
        const original_message& o = view_.original;
        const auto add = [&known, this](const std::string& address)
        {
            if (is_address(address) && !contains_address(known, address) &&
                !contains_address(strangers_, address) && !is_daemon_address(address))
            {
                known.push_back(address);
            }
        };
        add(o.told_recipient);
        if (o.to.size() == 1)
        {
            add(o.to.front());
        }
        add(sender_.carried);
        std::ranges::for_each(o.for_, add);
        std::ranges::for_each(o.to, add);
        return known;
    }

    // -- both ---------------------------------------------------------------------------------

    void finish(report_recipient r, const std::string& reply, const std::string& explanation,
                std::optional<smtp::stage> stage, const std::string& remote)
    {
        if (out_.recipients.size() >= report_recipients_max)
        {
            return;
        }
        if (r.kind == report_kind::delivered)
        {
            r.cls = reply_class::accepted;
            r.status = smtp::format_enhanced_code(find_enhanced(r.status));
        }
        else
        {
            judge(r, reply, explanation, stage, remote, rules_);
        }
        r.text = one_line(without_type(reply));
        r.recipient = one_line(r.recipient);
        r.original_recipient = one_line(r.original_recipient);
        const auto same =
            std::ranges::find_if(out_.recipients, [&r](const report_recipient& other)
                                 { return same_address(other.recipient, r.recipient); });
        if (same == out_.recipients.end())
        {
            out_.recipients.push_back(std::move(r));
        }
        else if (gravity(r.kind) > gravity(same->kind))
        {
            *same = std::move(r);
        }
    }

    /// "smtp; 550 …" without its first word.
    static std::string_view without_type(std::string_view diagnostic) noexcept
    {
        const std::size_t semicolon = diagnostic.substr(0, 24).find(';');
        const bool type =
            semicolon != std::string_view::npos &&
            diagnostic.substr(0, semicolon).find_first_of(" <") == std::string_view::npos;
        return type ? diagnostic.substr(semicolon + 1) : diagnostic;
    }

    const report_view& view_;
    const classifier& rules_;
    report_sender sender_;
    std::string notice_; ///< in lower case
    std::vector<std::string> strangers_;
    report out_;
};

report read_message(const mime::parsed_message& message, std::size_t root, const classifier& rules,
                    int level)
{
    const bool is_wrapper = message.parts[root].is_message() && root + 1 < message.parts.size() &&
                            message.parts[root + 1].parent == root;
    if (is_wrapper && level < forwards_max)
    {
        report inner = read_message(message, root + 1, rules, level + 1);
        if (inner.kind != report_kind::none)
        {
            return inner;
        }
    }
    const report_view view = view_report(message, root);
    report out = report_reader(view, rules).read();
    if (out.kind != report_kind::none || level >= forwards_max)
    {
        return out;
    }
    for (const std::size_t i : view.messages)
    {
        const mime::entity& part = message.parts[i];
        const bool has_child = i + 1 < message.parts.size() && message.parts[i + 1].parent == i;
        report inner;
        if (has_child)
        {
            inner = read_message(message, i + 1, rules, level + 1);
        }
        else
        {
            const std::string bytes = part.decoded(forwarded_bytes_max);
            inner = read_message(mime::parse_message(bytes), 0, rules, level + 1);
        }
        if (inner.kind != report_kind::none)
        {
            return inner;
        }
    }
    return out;
}

} // namespace

std::string_view to_string(report_kind kind) noexcept
{
    switch (kind)
    {
    case report_kind::none:
        return "none";
    case report_kind::bounce:
        return "bounce";
    case report_kind::delay:
        return "delay";
    case report_kind::complaint:
        return "complaint";
    case report_kind::auto_reply:
        return "auto_reply";
    case report_kind::delivered:
        return "delivered";
    }
    return "none";
}

report parse_report(std::string_view message, const classifier& rules)
{
    if (message.find('\n') == std::string_view::npos &&
        message.find('\r') != std::string_view::npos)
    {
        // Line ends of hosts long gone.
        std::string lines(message);
        std::ranges::replace(lines, '\r', '\n');
        return read_message(mime::parse_message(lines), 0, rules, 0);
    }
    return read_message(mime::parse_message(message), 0, rules, 0);
}

} // namespace hikyaku::bounce
