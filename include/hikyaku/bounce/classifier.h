#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/bounce/reply_class.h>
#include <hikyaku/bounce/reply_rule.h>
#include <hikyaku/smtp/transaction.h>

namespace hikyaku::bounce
{

/// A reply and where it was said. What is not known stays empty.
struct reply_context
{
    smtp::stage stage = smtp::stage::rcpt;
    /// 0: there was no reply; `text` then tells what happened. With an enhanced code 5.x.x it is a
    /// permanent failure that a report tells of.
    int code = 0;
    /// When absent, one that stands elsewhere in the text counts: "550 Denied (#5.7.1)".
    smtp::enhanced_code enhanced{};
    /// Any bytes; lines are parted by LF or spaces.
    std::string_view text{};
    /// Name of the host that said it.
    std::string_view mx{};
    /// Right side of the recipient's address, as in DNS.
    std::string_view domain{};
};

/// What a reply means. Message and contact are two questions.
struct reply_verdict
{
    reply_class cls = reply_class::other;
    message_effect message = message_effect::deferred;
    /// Never other than keep for a message that is delivered or deferred.
    contact_effect contact = contact_effect::keep;
    /// Name of the rule that decided, "" when none did. Lives as long as the classifier.
    std::string_view rule{};

    friend bool operator==(const reply_verdict&, const reply_verdict&) = default;
};

/// What is wrong with a set of rules, and with which one.
struct rule_failure
{
    /// Index in the list.
    std::size_t rule = 0;
    std::string text;
};
[[noreturn]] void throw_exception_from_error(const rule_failure& f, const boost::source_location&);

/// Tells the class of a reply and what follows from it. Immutable: const use from several threads
/// is safe; a reload makes a new one. Time is linear in the text whatever a peer writes.
///
/// The first rule that matches decides. Whatever the rules say:
/// - 4xx, a 5xx with an enhanced code 4.x.x, and no reply at all never bounce;
/// - what is said at connect, banner, EHLO or TLS is about the connection: it never bounces;
/// - what is not bounced, or is said before RCPT, or has its cause on the sender's side
///   (is_sender_side), keeps the contact;
/// - the Japanese carriers answer 550 after DATA also for a subscriber's own filter: one such reply
///   never suppresses, it counts, and what would be bad_mailbox or inactive is refused.
class classifier
{
public:
    static constexpr std::size_t rules_max = 2'000;
    /// How much of a reply's text is looked at.
    static constexpr std::size_t text_bytes_max = 2'048;

    /// Compiles the rules and tries every sample.
    /// @error the first rule that is not well-formed or whose sample is decided by another
    [[nodiscard]] static result<std::shared_ptr<const classifier>, rule_failure>
    compile(std::vector<reply_rule> rules);

    ~classifier();
    classifier(const classifier&) = delete;
    classifier& operator=(const classifier&) = delete;

    [[nodiscard]] reply_verdict classify(const reply_context& reply) const;
    /// In their order.
    [[nodiscard]] const std::vector<reply_rule>& rules() const noexcept;

private:
    struct impl;
    explicit classifier(std::unique_ptr<impl> i) noexcept;
    std::unique_ptr<impl> impl_;
};

/// The rules of conf/bounce-rules.yaml as they were when the program was built.
[[nodiscard]] std::vector<reply_rule> built_in_rules();
/// Those rules, compiled at the first call and shared from then on. Any thread.
[[nodiscard]] std::shared_ptr<const classifier> built_in();

} // namespace hikyaku::bounce
