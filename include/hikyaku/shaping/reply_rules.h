#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/shaping/rate.h>
#include <hikyaku/shaping/text_pattern.h>
#include <hikyaku/smtp/transaction.h>

namespace hikyaku::shaping
{

/// A set of reply codes. Empty: any reply from 400 to 599 (but see none()).
class code_set
{
public:
    /// "421", "4xx", "45x", or "none": a failure without a reply (connection reset, timed out),
    /// whose text is our own.
    /// @error the text is none of these
    [[nodiscard]] result<void, failure> add(std::string_view text);
    [[nodiscard]] bool contains(int code) const noexcept;
    [[nodiscard]] bool empty() const noexcept { return codes_.none() && !none_; }

private:
    static constexpr int first = 400;
    std::bitset<200> codes_;
    bool none_ = false;
};

/// "4.7.28", "5.7.*", "*.7.1".
struct enhanced_pattern
{
    std::optional<std::uint8_t> cls;
    std::optional<std::uint16_t> subject;
    std::optional<std::uint16_t> detail;

    /// A code the server did not send matches nothing.
    [[nodiscard]] bool matches(const smtp::enhanced_code& code) const noexcept;
};
/// @error the text is not of that form
[[nodiscard]] result<enhanced_pattern, failure> parse_enhanced_pattern(std::string_view text);

/// A set of stages. Empty: any.
class stage_set
{
public:
    void add(smtp::stage s) noexcept { bits_ |= bit(s); }
    [[nodiscard]] bool contains(smtp::stage s) const noexcept
    {
        return bits_ == 0 || (bits_ & bit(s)) != 0;
    }

private:
    static constexpr std::uint32_t bit(smtp::stage s) noexcept
    {
        return std::uint32_t{1} << static_cast<unsigned>(s);
    }
    std::uint32_t bits_ = 0;
};
/// The names of smtp::to_string, without rset and quit.
[[nodiscard]] std::optional<smtp::stage> parse_stage(std::string_view text) noexcept;

/// A rule acts when it has matched `count` times within `within`.
struct match_threshold
{
    static constexpr std::uint32_t count_max = 100;

    std::uint32_t count = 1;
    milliseconds within{0};
    friend bool operator==(const match_threshold&, const match_threshold&) = default;
};
/// "3/h", "5/10min".
/// @error not of that form, or out of bounds
[[nodiscard]] result<match_threshold, failure> parse_threshold(std::string_view text);

enum class action_kind : std::uint8_t
{
    /// Less: half of the message rate and of the connections, or the given values for a time.
    back_off = 1,
    /// Nothing to `scope` for a time.
    suspend = 2,
    /// The reply counts as permanent.
    bounce = 3,
    /// The reply counts as temporary.
    defer = 4,
    /// The recipient is tried at the next MX of the site.
    next_mx = 5,
    /// The connection has had its share: close it, open another, no back-off.
    reopen = 6,
};
[[nodiscard]] std::string_view to_string(action_kind kind) noexcept;
[[nodiscard]] std::optional<action_kind> parse_action_kind(std::string_view text) noexcept;

/// What a suspension stops. Values are stored: never reused.
enum class suspension_kind : std::uint8_t
{
    /// Every source and tenant at the site.
    site = 1,
    /// The site from one source address.
    source_site = 2,
    /// One tenant's mail to the site.
    tenant_site = 3,
    /// One campaign, at every site.
    campaign = 4,
    /// All mail of one tenant. Operator only.
    tenant = 5,
};
[[nodiscard]] std::string_view to_string(suspension_kind kind) noexcept;
/// The kinds a rule may name: without `tenant`.
[[nodiscard]] std::optional<suspension_kind> parse_suspension_scope(std::string_view text) noexcept;

/// One thing that a rule does.
struct rule_action
{
    action_kind kind = action_kind::back_off;
    /// Of suspend.
    suspension_kind scope = suspension_kind::source_site;
    /// Of back_off: the values in force for `duration` (lower ones stay); none of the three: halve.
    std::optional<rate> message_rate;
    std::optional<std::uint32_t> connections;
    std::optional<rate> connection_rate;
    /// Of reopen: how many messages a connection takes, for `duration`.
    std::optional<std::uint32_t> messages_per_connection;
    /// Of suspend and of the values above: more than 0, at most limits_duration_max.
    milliseconds duration{0};

    friend bool operator==(const rule_action&, const rule_action&) = default;
};

/// What to do when a site answers in a certain way. All conditions that are given hold; at least
/// one of codes, enhanced and texts is given.
struct reply_rule
{
    static constexpr std::size_t name_bytes_max = 64;
    static constexpr std::size_t texts_max = 32;
    static constexpr std::size_t enhanced_max = 32;
    static constexpr std::size_t actions_max = 8;

    /// Letters, digits, '-', '_' and '.'; unique in the set.
    std::string name;
    code_set codes;
    /// Any of them.
    std::vector<enhanced_pattern> enhanced;
    /// Any of them.
    std::vector<text_pattern> texts;
    stage_set stages;
    std::optional<match_threshold> threshold;
    std::vector<rule_action> actions;
};

/// All rules, compiled. Filled once, then only read: const use from several threads is safe. A
/// reload makes a new set; who keeps a `reply_rule*` keeps the set.
class reply_rules
{
public:
    static constexpr std::size_t rules_max = 2'000;
    /// How much of a reply's text is looked at.
    static constexpr std::size_t text_bytes_max = smtp::clean_text_bytes_max;

    /// Adds a rule behind those of `provider` ("": the rules for all).
    /// @error a missing name, condition or action, a name used before, a value out of bounds
    [[nodiscard]] result<void, failure> add(std::string_view provider, reply_rule rule);

    /// The first rule of `provider` that matches, else the first of those for all, else nullptr.
    /// Codes from 1 to 399 match nothing, at once. Does not allocate; time linear in the text.
    ///
    /// @param text  as the session reports it; patterns see it with spaces run together and without
    ///              the enhanced code that servers repeat on every line, so that a phrase matches
    ///              wherever its lines were broken
    [[nodiscard]] const reply_rule* match(std::string_view provider, int code,
                                          const smtp::enhanced_code& enhanced, smtp::stage stage,
                                          std::string_view text) const
    {
        if (code > 0 && code < 400)
        {
            return nullptr;
        }
        return match_failure(provider, code, enhanced, stage, text);
    }

    /// nullptr when there is none.
    [[nodiscard]] const reply_rule* find(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }
    /// Calls visit(provider, rule) for every rule; "" for those for all.
    template <class Visitor> void for_each(Visitor visit) const
    {
        for (const auto& [provider, rules] : by_provider_)
        {
            for (const auto& rule : rules)
            {
                visit(std::string_view{provider}, rule);
            }
        }
    }

private:
    struct name_hash
    {
        using is_transparent = void;
        std::size_t operator()(std::string_view s) const noexcept
        {
            return std::hash<std::string_view>{}(s);
        }
    };
    [[nodiscard]] const reply_rule* match_failure(std::string_view provider, int code,
                                                  const smtp::enhanced_code& enhanced,
                                                  smtp::stage stage, std::string_view text) const;

    std::unordered_map<std::string, std::vector<reply_rule>, name_hash, std::equal_to<>>
        by_provider_;
    std::unordered_set<std::string, name_hash, std::equal_to<>> names_;
};

} // namespace hikyaku::shaping
