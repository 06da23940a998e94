#pragma once

#include <optional>
#include <string_view>

#include <hikyaku/bounce/reply_class.h>

namespace hikyaku::bounce
{

/// What hosts write to people, in the languages they write it in. All take text in lower case
/// (text::to_lower) and look for phrases anywhere in it.

/// A subject of a report of failure.
[[nodiscard]] bool says_failure_in_subject(std::string_view lower) noexcept;
/// A text that says that a message was not delivered, for good or not.
[[nodiscard]] bool says_failure(std::string_view lower) noexcept;
/// A subject that says: not yet.
[[nodiscard]] bool says_delay_in_subject(std::string_view lower) noexcept;
/// A text that says that delivery goes on.
[[nodiscard]] bool says_delay(std::string_view lower) noexcept;
/// A text that says that delivery was given up.
[[nodiscard]] bool says_end(std::string_view lower) noexcept;
/// A subject of a report of success.
[[nodiscard]] bool says_success_in_subject(std::string_view lower) noexcept;
[[nodiscard]] bool says_success(std::string_view lower) noexcept;
/// A subject of an absence note, a receipt or a challenge.
[[nodiscard]] bool says_auto_reply(std::string_view lower) noexcept;
/// The same in words that people don't start a subject with by themselves.
[[nodiscard]] bool says_auto_reply_surely(std::string_view lower) noexcept;
/// A text by which somebody says to be away, or a machine that it answers.
[[nodiscard]] bool says_absence(std::string_view lower) noexcept;
/// A text that announces the copy of the message that a report ends with. One line.
[[nodiscard]] bool announces_original(std::string_view lower_line) noexcept;
/// A label that a recipient stands behind: "failed recipient:", "宛先：". One line up to the
/// address.
[[nodiscard]] bool labels_recipient(std::string_view lower_before) noexcept;
/// Words that name somebody other than the recipient: "contact", "from:".
[[nodiscard]] bool labels_other(std::string_view lower_before) noexcept;
/// Cause by words that no rule of the classifier knows: what mailbox providers write to people.
[[nodiscard]] std::optional<reply_class> class_of_words(std::string_view lower) noexcept;

} // namespace hikyaku::bounce
