#include <hikyaku/shaping/reply_rules.h>

#include <algorithm>
#include <array>
#include <charconv>

#include <hikyaku/shaping/limits.h>

namespace hikyaku::shaping
{
namespace
{

constexpr bool is_space(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_rule_name(std::string_view name)
{
    return !name.empty() && name.size() <= reply_rule::name_bytes_max &&
           std::ranges::all_of(name,
                               [](char c)
                               {
                                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                          (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                                          c == '.';
                               });
}

// What is wrong with an action; empty when nothing is.
std::string fault_of(const rule_action& a)
{
    const bool has_values = a.message_rate || a.connections || a.connection_rate;
    if (has_values && a.kind != action_kind::back_off)
    {
        return "message_rate, connections and connection_rate belong to back_off";
    }
    if (a.messages_per_connection && a.kind != action_kind::reopen)
    {
        return "messages_per_connection belongs to reopen";
    }
    const bool timed = a.kind == action_kind::suspend || has_values || a.messages_per_connection;
    if (timed && (a.duration <= milliseconds{0} || a.duration > limits_duration_max))
    {
        return std::string(to_string(a.kind)) + " needs a duration (for), at most 7d";
    }
    if (!timed && a.duration != milliseconds{0})
    {
        return "a duration (for) belongs to suspend, or to the values of back_off and reopen";
    }
    if (a.kind == action_kind::suspend && a.scope == suspension_kind::tenant)
    {
        return "a rule can't suspend a whole tenant";
    }
    limits_patch values;
    values.connections_max = a.connections;
    values.messages_per_connection = a.messages_per_connection;
    if (a.message_rate)
    {
        values.message_rate = a.message_rate;
    }
    if (a.connection_rate)
    {
        values.connection_rate = a.connection_rate;
    }
    const auto checked = check_patch(values);
    return checked.has_error() ? checked.error().text : "";
}

std::string fault_of(const reply_rule& rule)
{
    if (rule.codes.empty() && rule.enhanced.empty() && rule.texts.empty())
    {
        return "code, enhanced or text is needed";
    }
    if (rule.texts.size() > reply_rule::texts_max ||
        rule.enhanced.size() > reply_rule::enhanced_max)
    {
        return "at most 32 texts and 32 enhanced codes";
    }
    if (rule.actions.empty() || rule.actions.size() > reply_rule::actions_max)
    {
        return "1 to 8 actions are needed";
    }
    const auto has = [&](action_kind kind)
    {
        return std::ranges::any_of(rule.actions,
                                   [&](const rule_action& a) { return a.kind == kind; });
    };
    if (has(action_kind::bounce) &&
        (has(action_kind::defer) || has(action_kind::next_mx) || has(action_kind::reopen)))
    {
        return "bounce contradicts defer, next_mx and reopen";
    }
    for (const rule_action& a : rule.actions)
    {
        if (std::string fault = fault_of(a); !fault.empty())
        {
            return fault;
        }
    }
    return {};
}

// "4.7.28" in a buffer of its own: no allocation.
class enhanced_text
{
public:
    explicit enhanced_text(const smtp::enhanced_code& code) noexcept
    {
        if (!code.present())
        {
            return;
        }
        put(code.cls);
        buffer_[size_++] = '.';
        put(code.subject);
        buffer_[size_++] = '.';
        put(code.detail);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), size_}; }

private:
    void put(std::uint16_t value) noexcept
    {
        const auto [end, ec] =
            std::to_chars(buffer_.data() + size_, buffer_.data() + buffer_.size() - 1, value);
        size_ = static_cast<std::size_t>(end - buffer_.data());
    }
    std::array<char, 20> buffer_{};
    std::size_t size_ = 0;
};

// The words of a reply with one space between them, without the enhanced code at the front of
// every line.
class plain_text
{
public:
    plain_text(std::string_view text, std::string_view enhanced) noexcept
    {
        std::size_t at = 0;
        while (at < text.size() && size_ < buffer_.size())
        {
            while (at < text.size() && is_space(text[at]))
            {
                ++at;
            }
            std::size_t end = at;
            while (end < text.size() && !is_space(text[end]))
            {
                ++end;
            }
            const auto word = text.substr(at, end - at);
            at = end;
            if (!word.empty() && (enhanced.empty() || word != enhanced))
            {
                append(word);
            }
        }
    }
    [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), size_}; }

private:
    void append(std::string_view word) noexcept
    {
        if (size_ > 0)
        {
            buffer_[size_++] = ' ';
        }
        const std::size_t n = std::min(word.size(), buffer_.size() - size_);
        std::copy_n(word.data(), n, buffer_.data() + size_);
        size_ += n;
    }
    std::array<char, reply_rules::text_bytes_max> buffer_;
    std::size_t size_ = 0;
};

bool matches(const reply_rule& rule, int code, const smtp::enhanced_code& enhanced,
             smtp::stage stage, std::string_view text)
{
    if (!rule.codes.contains(code) || !rule.stages.contains(stage))
    {
        return false;
    }
    const bool enhanced_agrees =
        rule.enhanced.empty() ||
        std::ranges::any_of(rule.enhanced, [&](const auto& p) { return p.matches(enhanced); });
    return enhanced_agrees &&
           (rule.texts.empty() ||
            std::ranges::any_of(rule.texts, [&](const auto& p) { return p.matches(text); }));
}

} // namespace

result<void, failure> reply_rules::add(std::string_view provider, reply_rule rule)
{
    if (!is_rule_name(rule.name))
    {
        return failure{"a rule needs a name of 1 to 64 letters, digits, '-', '_' and '.'"};
    }
    if (std::string fault = fault_of(rule); !fault.empty())
    {
        return failure{"rule " + rule.name + ": " + fault};
    }
    if (names_.contains(rule.name))
    {
        return failure{"rule '" + rule.name + "' is given twice"};
    }
    if (names_.size() >= rules_max)
    {
        return failure{"more than 2000 rules"};
    }
    names_.insert(rule.name);
    by_provider_[std::string(provider)].push_back(std::move(rule));
    return {};
}

const reply_rule* reply_rules::match_failure(std::string_view provider, int code,
                                             const smtp::enhanced_code& enhanced, smtp::stage stage,
                                             std::string_view text) const
{
    if (by_provider_.empty())
    {
        return nullptr;
    }
    const enhanced_text repeated(enhanced);
    const plain_text plain(text, repeated.view());
    const auto first_of = [&](std::string_view name) -> const reply_rule*
    {
        const auto found = by_provider_.find(name);
        if (found == by_provider_.end())
        {
            return nullptr;
        }
        const auto at =
            std::ranges::find_if(found->second, [&](const reply_rule& rule)
                                 { return matches(rule, code, enhanced, stage, plain.view()); });
        return at == found->second.end() ? nullptr : &*at;
    };
    if (!provider.empty())
    {
        if (const reply_rule* own = first_of(provider))
        {
            return own;
        }
    }
    return first_of("");
}

const reply_rule* reply_rules::find(std::string_view name) const
{
    if (!names_.contains(name))
    {
        return nullptr;
    }
    for (const auto& [provider, rules] : by_provider_)
    {
        for (const auto& rule : rules)
        {
            if (rule.name == name)
            {
                return &rule;
            }
        }
    }
    return nullptr;
}

} // namespace hikyaku::shaping
