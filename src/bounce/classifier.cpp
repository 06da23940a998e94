#include <hikyaku/bounce/classifier.h>

#include <algorithm>
#include <stdexcept>
#include <unordered_set>

#include <hikyaku/bounce/reply_line.h>

#include "plain_text.h"
#include "rule_check.h"
#include "sample_reply.h"
#include "text_matcher.h"

namespace hikyaku::bounce
{
namespace
{

/// Their subscribers' own filters answer like unknown mailboxes, after DATA.
constexpr std::string_view carriers[] = {"docomo.ne.jp",   "ezweb.ne.jp",   "au.com",
                                         "softbank.ne.jp", "i.softbank.jp", "vodafone.ne.jp",
                                         "disney.ne.jp"};

constexpr std::uint32_t bit_of(smtp::stage s) noexcept
{
    return std::uint32_t{1} << static_cast<unsigned>(s);
}

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
}

/// `name` is `suffix` or below it; without case, and a final dot does not count.
bool is_below(std::string_view name, std::string_view suffix) noexcept
{
    if (name.ends_with('.'))
    {
        name.remove_suffix(1);
    }
    if (name.size() < suffix.size() ||
        (name.size() > suffix.size() && name[name.size() - suffix.size() - 1] != '.'))
    {
        return false;
    }
    const auto end = name.substr(name.size() - suffix.size());
    return std::ranges::equal(end, suffix, [](char a, char b) { return lower(a) == b; });
}

template <class Suffixes> bool is_below_any(std::string_view name, const Suffixes& suffixes)
{
    return std::ranges::any_of(suffixes, [&](const auto& s) { return is_below(name, s); });
}

/// Said about the connection, not about a message.
bool is_of_connection(smtp::stage s) noexcept
{
    switch (s)
    {
    case smtp::stage::connect:
    case smtp::stage::banner:
    case smtp::stage::ehlo:
    case smtp::stage::starttls:
    case smtp::stage::tls:
    case smtp::stage::idle:
    case smtp::stage::rset:
    case smtp::stage::quit:
        return true;
    case smtp::stage::mail:
    case smtp::stage::rcpt:
    case smtp::stage::data:
    case smtp::stage::body:
    case smtp::stage::final_dot:
        break;
    }
    return false;
}

bool is_after_data(smtp::stage s) noexcept
{
    return s == smtp::stage::data || s == smtp::stage::body || s == smtp::stage::final_dot;
}

/// What to do with a message after a permanent reply of this class, unless its rule says so.
message_effect effect_of_permanent(reply_class cls) noexcept
{
    switch (cls)
    {
    case reply_class::greylist:
    case reply_class::rate_limited:
    case reply_class::spam_block:
    case reply_class::tls:
        return message_effect::deferred;
    case reply_class::accepted:
    case reply_class::bad_mailbox:
    case reply_class::bad_format:
    case reply_class::bad_domain:
    case reply_class::inactive:
    case reply_class::quota:
    case reply_class::refused:
    case reply_class::too_large:
    case reply_class::spam_content:
    case reply_class::policy:
    case reply_class::auth_failure:
    case reply_class::relaying:
    case reply_class::invalid_sender:
    case reply_class::system:
    case reply_class::protocol:
    case reply_class::network:
    case reply_class::dns:
    case reply_class::routing:
    case reply_class::expired:
    case reply_class::auto_reply:
    case reply_class::other:
        break;
    }
    return message_effect::bounced;
}

} // namespace

void throw_exception_from_error(const rule_failure& f, const boost::source_location&)
{
    throw std::runtime_error(f.text);
}

struct classifier::impl
{
    /// What a rule asks of the context, ready to be compared.
    struct conditions
    {
        /// 0: any.
        std::uint32_t stages = 0;
    };

    explicit impl(std::vector<reply_rule> r) : rules(std::move(r)) {}

    [[nodiscard]] result<void, rule_failure> prepare();
    [[nodiscard]] bool holds(std::size_t rule, const reply_context& reply) const;
    [[nodiscard]] const reply_rule* find_rule(const reply_context& reply,
                                              const plain_text& plain) const;

    std::vector<reply_rule> rules;
    std::vector<conditions> ready;
    text_matcher matcher;
    /// Of each expression.
    std::vector<std::size_t> rule_of_text;
    /// Rules without expressions, ascending.
    std::vector<std::size_t> textless;
};

result<void, rule_failure> classifier::impl::prepare()
{
    std::unordered_set<std::string> names;
    for (std::size_t i = 0; i < rules.size(); ++i)
    {
        const reply_rule& r = rules[i];
        if (std::string fault = fault_of(r, names); !fault.empty())
        {
            return rule_failure{i, std::move(fault)};
        }
        conditions c;
        for (const auto s : r.stages)
        {
            c.stages |= bit_of(s);
        }
        if (r.texts.empty())
        {
            textless.push_back(i);
        }
        for (const auto& text : r.texts)
        {
            const auto number = matcher.add(text);
            if (number.has_error())
            {
                return rule_failure{i, number.error().text};
            }
            rule_of_text.push_back(i);
        }
        ready.push_back(c);
    }
    matcher.compile();
    return {};
}

/// All conditions but the text.
bool classifier::impl::holds(std::size_t rule, const reply_context& reply) const
{
    const reply_rule& r = rules[rule];
    const conditions& c = ready[rule];
    if ((c.stages != 0 && (c.stages & bit_of(reply.stage)) == 0) ||
        (!r.codes.empty() &&
         std::ranges::none_of(r.codes, [&](const auto& x) { return x.contains(reply.code); })) ||
        (!r.enhanced.empty() && std::ranges::none_of(r.enhanced, [&](const auto& x)
                                                     { return x.contains(reply.enhanced); })))
    {
        return false;
    }
    return (r.mx.empty() || is_below_any(reply.mx, r.mx)) &&
           (r.domains.empty() || is_below_any(reply.domain, r.domains));
}

/// Candidates by text and rules without text, both in the order of the rules.
const reply_rule* classifier::impl::find_rule(const reply_context& reply,
                                              const plain_text& plain) const
{
    std::vector<int> candidates;
    matcher.find_candidates(plain.view(), candidates);
    auto with = candidates.begin();
    auto without = textless.begin();
    while (with != candidates.end() || without != textless.end())
    {
        if (with == candidates.end() ||
            (without != textless.end() && *without < rule_of_text[static_cast<std::size_t>(*with)]))
        {
            const std::size_t rule = *without++;
            if (holds(rule, reply))
            {
                return &rules[rule];
            }
            continue;
        }
        const auto number = static_cast<std::size_t>(*with++);
        const std::size_t rule = rule_of_text[number];
        if (holds(rule, reply) && matcher.matches(number, plain.view()))
        {
            return &rules[rule];
        }
    }
    return nullptr;
}

classifier::classifier(std::unique_ptr<impl> i) noexcept : impl_(std::move(i)) {}
classifier::~classifier() = default;

result<std::shared_ptr<const classifier>, rule_failure>
classifier::compile(std::vector<reply_rule> rules)
{
    if (rules.size() > rules_max)
    {
        return rule_failure{rules_max, "more than " + std::to_string(rules_max) + " rules"};
    }
    auto made = std::make_unique<impl>(std::move(rules));
    if (auto done = made->prepare(); done.has_error())
    {
        return done.error();
    }
    const std::shared_ptr<const classifier> out(new classifier(std::move(made)));
    for (std::size_t i = 0; i < out->rules().size(); ++i)
    {
        if (std::string fault = try_samples(*out, out->rules()[i]); !fault.empty())
        {
            return rule_failure{i, std::move(fault)};
        }
    }
    return out;
}

reply_verdict classifier::classify(const reply_context& given) const
{
    reply_context reply = given;
    if (reply.code >= 200 && reply.code < 300)
    {
        return {reply_class::accepted, message_effect::delivered, contact_effect::keep, {}};
    }
    if (!reply.enhanced.present())
    {
        reply.enhanced = find_enhanced_code(reply.text.substr(0, text_bytes_max), reply.code);
    }
    const plain_text plain(reply.text, reply.code, reply.enhanced);
    if (reply.domain.empty())
    {
        reply.domain = plain.domain();
    }
    const reply_rule* rule = impl_->find_rule(reply, plain);
    reply_verdict out;
    out.cls = rule != nullptr ? rule->cls : reply_class::other;
    out.rule = rule != nullptr ? std::string_view(rule->name) : std::string_view();
    const bool permanent = reply.code == 0 ? given.enhanced.cls == 5
                                           : reply.code / 100 == 5 && reply.enhanced.cls != 4;
    if (!permanent || is_of_connection(reply.stage))
    {
        return out;
    }
    out.message = effect_of_permanent(out.cls);
    if (rule != nullptr && rule->message)
    {
        out.message = *rule->message;
    }
    if (out.message != message_effect::bounced || reply.stage == smtp::stage::mail ||
        is_sender_side(out.cls))
    {
        return out;
    }
    out.contact = rule != nullptr && rule->contact ? *rule->contact : effect_of_failure(out.cls);
    if (is_after_data(reply.stage) &&
        (is_below_any(reply.domain, carriers) || is_below_any(reply.mx, carriers)))
    {
        if (out.cls == reply_class::bad_mailbox || out.cls == reply_class::inactive)
        {
            out.cls = reply_class::refused;
        }
        out.contact = std::min(out.contact, contact_effect::count);
    }
    return out;
}

const std::vector<reply_rule>& classifier::rules() const noexcept
{
    return impl_->rules;
}

} // namespace hikyaku::bounce
