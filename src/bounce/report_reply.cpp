#include "report_reply.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include <hikyaku/text/case.h>

#include "report_address.h"
#include "report_phrases.h"

namespace hikyaku::bounce
{

namespace
{

/// What of a text is searched for a reply.
constexpr std::size_t reply_text_bytes_max = 8u << 10;
/// Stand for a reply that isn't told: no rule takes the number for a cause.
constexpr int untold_permanent = 554;
constexpr int untold_temporary = 450;

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}
constexpr bool is_alpha(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Number of up to three digits at `at`; moves it behind them. -1 when there is none.
int take_number(std::string_view text, std::size_t& at) noexcept
{
    int value = -1;
    for (int digits = 0; digits < 3 && at < text.size() && is_digit(text[at]); ++digits, ++at)
    {
        value = std::max(value, 0) * 10 + (text[at] - '0');
    }
    return value;
}

/// "5.1.1" at `at`, no part of a longer number; moves `at` behind it.
std::optional<smtp::enhanced_code> enhanced_at(std::string_view text, std::size_t& at) noexcept
{
    if (at >= text.size() || (text[at] != '2' && text[at] != '4' && text[at] != '5'))
    {
        return std::nullopt;
    }
    if (at > 0 && (is_digit(text[at - 1]) || text[at - 1] == '.' || text[at - 1] == '/' ||
                   is_alpha(text[at - 1])))
    {
        return std::nullopt;
    }
    std::size_t i = at + 1;
    std::array<int, 2> numbers{};
    for (int& number : numbers)
    {
        if (i >= text.size() || text[i] != '.')
        {
            return std::nullopt;
        }
        ++i;
        number = take_number(text, i);
        if (number < 0)
        {
            return std::nullopt;
        }
    }
    const bool goes_on =
        i < text.size() &&
        (is_digit(text[i]) || (text[i] == '.' && i + 1 < text.size() && is_digit(text[i + 1])));
    if (goes_on || numbers[0] > 7) // RFC 3463 section 3 has subjects up to 7
    {
        return std::nullopt;
    }
    smtp::enhanced_code code;
    code.cls = static_cast<std::uint8_t>(text[at] - '0');
    code.subject = static_cast<std::uint16_t>(numbers[0]);
    code.detail = static_cast<std::uint16_t>(numbers[1]);
    at = i;
    return code;
}

/// A word that a reply code follows.
bool introduces_reply(std::string_view before) noexcept
{
    while (!before.empty() &&
           (before.back() == ' ' || before.back() == '"' || before.back() == '\'' ||
            before.back() == '\t' || before.back() == '[' || before.back() == '('))
    {
        before.remove_suffix(1);
    }
    constexpr std::string_view words[] = {
        "smtp;",    "said:",    "<<<",  "reply:", "response:", "error:", "reason:",
        "was:",     "returned", "code", "status", "error",     "smtp:",  "said",
        "replied:", "server:",  ":",    ";",      "was"};
    return before.empty() || before.back() == '\n' || before.back() == '>' ||
           std::ranges::any_of(words,
                               [before](std::string_view w)
                               {
                                   return before.size() >= w.size() &&
                                          text::ascii_iequals(
                                              before.substr(before.size() - w.size()), w);
                               });
}

/// How sure it is that the three digits at `at` are a reply code; 0: they are none.
int weigh_code(std::string_view text, std::size_t at) noexcept
{
    const char before = at > 0 ? text[at - 1] : '\n';
    const char after = at + 3 < text.size() ? text[at + 3] : '\n';
    if (is_digit(before) || is_alpha(before) || before == '.' || before == '@' || before == '-' ||
        before == '+' || before == '=' || is_digit(after) || is_alpha(after) || before == '/' ||
        before == '_' || before == '$')
    {
        return 0;
    }
    const int code = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
    const bool possible = (code >= 421 && code <= 499 && code != 443 && code != 465) ||
                          (code >= 500 && code <= 599 && code != 587);
    if (!possible || after == '/' || after == '@' || after == '.' || after == '%' ||
        (after == ':' && before == ':'))
    {
        // "550." may end a sentence.
        const bool sentence =
            possible && after == '.' && (at + 4 >= text.size() || !is_digit(text[at + 4]));
        if (!sentence)
        {
            return 0;
        }
    }
    std::size_t next = at + 4;
    while (next < text.size() && (text[next] == ' ' || text[next] == '#' || text[next] == '('))
    {
        ++next;
    }
    int weight = 1;
    std::size_t i = next;
    if (after != '\n' && enhanced_at(text, i))
    {
        weight += 4;
    }
    if (introduces_reply(text.substr(at > 24 ? at - 24 : 0, std::min<std::size_t>(at, 24))))
    {
        weight += 2;
    }
    if (before == '#' || before == '(')
    {
        weight += 1;
    }
    constexpr std::string_view units[] = {"kb", "mb", "bytes", "messages", "seconds", "days", "x "};
    const std::string following = text::ascii_lower(text.substr(std::min(next, text.size()), 8));
    if (std::ranges::any_of(units,
                            [&following](std::string_view u) { return following.starts_with(u); }))
    {
        return 0;
    }
    return weight;
}

/// Where the likeliest reply code stands, or npos.
std::size_t find_code(std::string_view text) noexcept
{
    int best = 0;
    std::size_t place = std::string_view::npos;
    for (std::size_t at = 0; at + 2 < text.size(); ++at)
    {
        if ((text[at] != '4' && text[at] != '5') || !is_digit(text[at + 1]) ||
            !is_digit(text[at + 2]))
        {
            continue;
        }
        const int weight = weigh_code(text, at);
        if (weight > best)
        {
            best = weight;
            place = at;
        }
    }
    return place;
}

struct stage_words
{
    std::string_view words;
    smtp::stage stage;
};
/// The first that is found decides. Lower case.
constexpr stage_words stage_table[] = {
    {"in reply to end of data", smtp::stage::final_dot},
    {"in reply to rcpt to", smtp::stage::rcpt},
    {"in reply to mail from", smtp::stage::mail},
    {"in reply to data", smtp::stage::data},
    {"in reply to helo", smtp::stage::ehlo},
    {"in reply to ehlo", smtp::stage::ehlo},
    {"in reply to starttls", smtp::stage::starttls},
    {"after end of data", smtp::stage::final_dot},
    {"after pipelined end of data", smtp::stage::final_dot},
    {"after sending data block", smtp::stage::final_dot},
    {"failed after i sent the message", smtp::stage::final_dot},
    {"end of message", smtp::stage::final_dot},
    {"after rcpt to", smtp::stage::rcpt},
    {"after pipelined rcpt to", smtp::stage::rcpt},
    {"after mail from", smtp::stage::mail},
    {"after pipelined mail from", smtp::stage::mail},
    {"after initial connection", smtp::stage::banner},
    {"after ehlo", smtp::stage::ehlo},
    {"after helo", smtp::stage::ehlo},
    {"after data", smtp::stage::data},
    {"after pipelined data", smtp::stage::data},
    {"does not like recipient", smtp::stage::rcpt},
    {"refused to talk to me", smtp::stage::banner},
    {">>> rcpt to", smtp::stage::rcpt},
    {">>> data", smtp::stage::final_dot}, // sendmail writes so for the message as a whole
    {">>> mail from", smtp::stage::mail},
    {">>> ehlo", smtp::stage::ehlo},
    {">>> helo", smtp::stage::ehlo},
    {"in response to the rcpt to", smtp::stage::rcpt},
    {"in response to rcpt to", smtp::stage::rcpt},
    {"rcpt to command", smtp::stage::rcpt},
    {"after rcpt command", smtp::stage::rcpt},
    {"after mail command", smtp::stage::mail},
    {"--> rcpt to", smtp::stage::rcpt},
    {"sent <<< rcpt to", smtp::stage::rcpt},
    {"mail from command", smtp::stage::mail},
    {"data command", smtp::stage::final_dot},
};

std::optional<smtp::stage> find_stage(std::string_view lower) noexcept
{
    const stage_words* best = nullptr;
    for (const stage_words& row : stage_table)
    {
        if (lower.find(row.words) != std::string_view::npos)
        {
            best = &row;
            break;
        }
    }
    return best == nullptr ? std::nullopt : std::optional(best->stage);
}

/// One reply of these says nothing sure after DATA; when nobody knows the stage it may have been
/// then.
bool is_carrier(std::string_view domain)
{
    constexpr std::string_view names[] = {
        "docomo.ne.jp",   "ezweb.ne.jp",  "au.com",        "softbank.ne.jp", "i.softbank.jp",
        "vodafone.ne.jp", "disney.ne.jp", "ymobile.ne.jp", "ymobile1.ne.jp", "uqmobile.jp",
        "willcom.com",    "pdx.ne.jp",    "emnet.ne.jp"};
    const std::string lower = text::ascii_lower(domain);
    return std::ranges::any_of(names,
                               [&lower](std::string_view name)
                               {
                                   return lower == name ||
                                          (lower.ends_with(name) &&
                                           lower[lower.size() - name.size() - 1] == '.');
                               });
}

std::string_view host_of(std::string_view remote) noexcept
{
    const std::size_t semicolon = remote.find(';');
    remote.remove_prefix(semicolon == std::string_view::npos ? 0 : semicolon + 1);
    const std::size_t first = remote.find_first_not_of(" \t[");
    if (first == std::string_view::npos)
    {
        return {};
    }
    remote.remove_prefix(first);
    return remote.substr(0, remote.find_first_of(" ([]\t"));
}

/// A code that stands for nothing.
bool is_vague(const smtp::enhanced_code& code) noexcept
{
    return !code.present() || (code.subject == 0 && code.detail == 0);
}

/// The text from its reply code on, without what the reporting host adds behind it.
std::string_view reply_alone(std::string_view text)
{
    const std::size_t place = find_code(text.substr(0, reply_text_bytes_max));
    text.remove_prefix(place == std::string_view::npos ? 0 : place);
    const std::size_t end = text.find("(in reply to");
    return text.substr(0, end);
}

/// What the first of the texts says that says more than the codes do; else what the codes say,
/// then `rule` is "".
reply_verdict classify_words(reply_context context, std::initializer_list<std::string_view> texts,
                             const classifier& rules)
{
    context.text = {};
    reply_verdict silent = rules.classify(context);
    for (const std::string_view text : texts)
    {
        context.text = text;
        const reply_verdict verdict = rules.classify(context);
        if (verdict.rule != silent.rule && verdict.cls != reply_class::other)
        {
            return verdict;
        }
    }
    if (is_vague(context.enhanced))
    {
        silent.rule = {};
    }
    return silent;
}

contact_effect effect_of(const report_recipient& r, const reply_verdict& verdict) noexcept
{
    if (r.kind != report_kind::bounce || is_sender_side(r.cls) ||
        r.cls == reply_class::auto_reply || r.cls == reply_class::accepted)
    {
        return contact_effect::keep;
    }
    if (verdict.message == message_effect::bounced && verdict.cls == r.cls)
    {
        return verdict.contact;
    }
    // It gave up after temporary replies, or words decided: no proof.
    const contact_effect effect = effect_of_failure(r.cls);
    return effect == contact_effect::suppress ? contact_effect::count : effect;
}

} // namespace

smtp::enhanced_code find_enhanced(std::string_view text) noexcept
{
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        std::size_t i = at;
        if (const auto code = enhanced_at(text, i))
        {
            return *code;
        }
    }
    return {};
}

told_reply find_reply(std::string_view text)
{
    text = text.substr(0, reply_text_bytes_max);
    told_reply told;
    const std::size_t place = find_code(text);
    if (place != std::string_view::npos)
    {
        told.code =
            (text[place] - '0') * 100 + (text[place + 1] - '0') * 10 + (text[place + 2] - '0');
        told.enhanced = find_enhanced(text.substr(place + 3));
    }
    if (!told.enhanced.present())
    {
        told.enhanced = find_enhanced(text);
    }
    told.stage = find_stage(text::ascii_lower(text));
    return told;
}

std::string one_line(std::string_view text)
{
    std::string folded;
    bool blank = false;
    for (const char c : text.substr(0, 4 * smtp::clean_text_bytes_max))
    {
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        {
            blank = !folded.empty();
            continue;
        }
        if (blank)
        {
            folded.push_back(' ');
            blank = false;
        }
        folded.push_back(c);
    }
    return smtp::clean_text(folded);
}

void judge(report_recipient& r, std::string_view reply, std::string_view explanation,
           std::optional<smtp::stage> stage, std::string_view remote_host, const classifier& rules)
{
    told_reply told = find_reply(reply);
    told.stage = told.stage ? told.stage : stage;
    const smtp::enhanced_code status = find_enhanced(r.status);
    if (told.code == 0 && is_vague(told.enhanced))
    {
        const told_reply more = find_reply(explanation);
        told.code = more.code;
        told.stage = told.stage ? told.stage : more.stage;
        told.enhanced = is_vague(more.enhanced) ? told.enhanced : more.enhanced;
    }
    // The host that wrote the status may know less than the one that refused.
    const smtp::enhanced_code best =
        is_vague(status) && !is_vague(told.enhanced) ? told.enhanced : status;
    r.code = told.code;
    r.status = best.present() ? smtp::format_enhanced_code(best) : std::string();
    const bool temporary =
        told.code / 100 == 4 || (told.code == 0 && best.cls == 4) || r.kind == report_kind::delay;

    reply_context context;
    context.code = told.code != 0 ? told.code : temporary ? untold_temporary : untold_permanent;
    context.enhanced = is_vague(told.enhanced) ? best : told.enhanced;
    context.stage = told.stage.value_or(smtp::stage::rcpt);
    context.mx = host_of(remote_host);
    context.domain = domain_of(r.recipient);
    // What stands around a reply may speak of others: it counts only where the codes are vague.
    const bool vague = is_vague(context.enhanced);
    const reply_verdict verdict = classify_words(
        context, {reply_alone(reply), vague ? reply : "", vague ? explanation : ""}, rules);
    r.cls = verdict.cls;
    if (verdict.rule.empty() || r.cls == reply_class::other)
    {
        auto by_words = class_of_words(text::to_lower(reply));
        by_words = by_words ? by_words : class_of_words(text::to_lower(explanation));
        r.cls = by_words.value_or(r.cls);
    }
    r.permanent = r.kind == report_kind::bounce && !temporary;
    r.contact = effect_of(r, verdict);
    // After DATA a carrier's 550 proves nothing: it may have been then.
    if (!told.stage && is_carrier(context.domain) && r.contact == contact_effect::suppress)
    {
        r.contact = contact_effect::count;
    }
}

} // namespace hikyaku::bounce
