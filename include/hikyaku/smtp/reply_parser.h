#pragma once

#include <hikyaku/base/result.h>
#include <hikyaku/smtp/errc.h>
#include <hikyaku/smtp/reply.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hikyaku::smtp
{

/// Cuts a server's byte stream into replies (RFC 5321 section 4.2). Pure: no I/O, no clock.
///
/// One parser per connection, owned by its client_session; not thread-safe. Memory is reused from
/// reply to reply. A line may end in a bare LF, and "250" alone is a whole line: both are common.
/// Invariant: line_.size() < line_bytes_max, text_.size() <= reply_bytes_max.
class reply_parser
{
public:
    /// Section 4.5.3.1.5 allows 512 with CRLF; real servers send more.
    static constexpr std::size_t line_bytes_max = 2048;
    static constexpr std::size_t lines_max = 100;
    /// Of the whole reply, codes and line ends included.
    static constexpr std::size_t reply_bytes_max = 16 * 1024;

    /// Takes bytes from the front of `input` until one reply is complete.
    /// Bytes after it stay in `input`: with PIPELINING they are the next reply.
    ///
    /// @returns the reply, or nullopt when `input` ran out first (it is then empty).
    /// @error errc::malformed_reply, errc::oversize_reply
    /// @post on error framing is lost: close the connection, never use the parser again.
    [[nodiscard]] result<std::optional<reply>> consume(std::string_view& input);

    /// Whether a part of a reply has been taken.
    [[nodiscard]] bool in_reply() const noexcept
    {
        return !complete_ && (bytes_ != 0 || !line_.empty());
    }

    /// Forgets everything: for the fresh stream after STARTTLS.
    void reset() noexcept;

private:
    [[nodiscard]] result<bool> take_line(std::string_view line);

    std::string line_; // the unfinished line
    std::string text_; // the finished lines' texts
    int code_ = 0;
    std::size_t lines_ = 0;
    std::size_t bytes_ = 0;
    bool complete_ = false;
};

} // namespace hikyaku::smtp
