#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/bounce/reply_class.h>
#include <hikyaku/smtp/transaction.h>

namespace hikyaku::bounce
{

/// Codes from `low` to `high`, both included.
struct code_range
{
    int low = 0;
    int high = 0;

    [[nodiscard]] constexpr bool contains(int code) const noexcept
    {
        return code >= low && code <= high;
    }
    friend bool operator==(const code_range&, const code_range&) = default;
};
/// "550", "55x", "5xx", or "none": a failure without a reply (code 0).
/// @error the text is none of these
[[nodiscard]] result<code_range, failure> parse_code_range(std::string_view text);

/// Enhanced codes (RFC 3463): the class, or 0 for any; a subject; details from `low` to `high`.
struct enhanced_range
{
    std::uint8_t cls = 0;
    std::uint16_t subject = 0;
    std::uint16_t low = 0;
    std::uint16_t high = 0;

    [[nodiscard]] constexpr bool contains(const smtp::enhanced_code& code) const noexcept
    {
        return code.present() && (cls == 0 || cls == code.cls) && subject == code.subject &&
               code.detail >= low && code.detail <= high;
    }
    friend bool operator==(const enhanced_range&, const enhanced_range&) = default;
};
/// "5.1.1", "*.7.1", "*.7.20-26", "4.2.*".
/// @error the text is not of that form
[[nodiscard]] result<enhanced_range, failure> parse_enhanced_range(std::string_view text);

/// The stages a rule may name: banner, ehlo, starttls, tls, mail, rcpt, data, body, final_dot and
/// connect.
[[nodiscard]] std::optional<smtp::stage> parse_stage(std::string_view word) noexcept;

/// A reply that a rule is tried with whenever it is compiled.
struct reply_sample
{
    /// As on the wire: "550 5.1.1 No such user".
    std::string reply;
    /// Default: the rule's first stage, or rcpt.
    std::optional<smtp::stage> stage;
    /// Default: the first of the rule, or none.
    std::string mx;
    std::string domain;

    friend bool operator==(const reply_sample&, const reply_sample&) = default;
};

/// One way to recognise a class. All conditions that are given hold; of each list any one.
struct reply_rule
{
    static constexpr std::size_t name_bytes_max = 64;
    static constexpr std::size_t text_bytes_max = 4'000;
    static constexpr std::size_t texts_max = 200;
    static constexpr std::size_t list_max = 64;

    /// Letters, digits, '-', '_' and '.'; unique in the set.
    std::string name;
    reply_class cls = reply_class::other;
    /// RE2 expressions, found anywhere in the text as folded by plain_text: lower case, no accents,
    /// spaces run together, addresses written as "@".
    std::vector<std::string> texts{};
    std::vector<code_range> codes{};
    std::vector<enhanced_range> enhanced{};
    std::vector<smtp::stage> stages{};
    /// Host names, or the ends of them on label bounds: "google.com".
    std::vector<std::string> mx{};
    /// Recipient domains and what is below them.
    std::vector<std::string> domains{};
    /// nullopt: as the code and the class say.
    std::optional<message_effect> message{};
    std::optional<contact_effect> contact{};
    /// Decided by this rule, and by another or none. At least one each.
    std::vector<reply_sample> matches{};
    std::vector<reply_sample> others{};

    friend bool operator==(const reply_rule&, const reply_rule&) = default;
};

} // namespace hikyaku::bounce
