#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hikyaku::smtp
{

/// Reads what follows DATA, up to its end (RFC 5321 sections 4.1.1.4 and 4.5.2), and takes the
/// dot-stuffing out. Pure; one per connection.
///
/// A line ends in CRLF and in nothing else, and only CRLF.CRLF ends the message: a CR without an LF
/// behind it, or an LF without a CR before it, is never passed over, since another host may take it
/// for the end of a line, and what follows for commands (SMTP smuggling). How the bytes are cut
/// into pieces makes no difference.
class data_reader
{
public:
    enum class status
    {
        more,     ///< all of the input is taken, the end has not come
        complete, ///< the end: what is left of the input are commands
        bare_lf,  ///< framing is lost: close the connection
        bare_cr,  ///< the same
    };

    /// Takes bytes from the front of `input` and appends the message to `out` (null: drops it).
    [[nodiscard]] status consume(std::string_view& input, std::string* out);

    /// A NUL has been seen: the message is refused, framing isn't lost.
    [[nodiscard]] bool has_nul() const noexcept { return has_nul_; }
    /// Of the longest line so far, without its CRLF.
    [[nodiscard]] std::size_t longest_line() const noexcept { return longest_line_; }

    /// For the next message.
    void reset() noexcept { *this = data_reader{}; }

private:
    enum class state
    {
        line_start,
        dot,    ///< a dot at the start of a line: not part of the message
        dot_cr, ///< CR behind such a dot
        line,
        cr, ///< CR in or at the end of a line
    };
    [[nodiscard]] status take_line_part(std::string_view& input, std::string* out);

    state state_ = state::line_start;
    bool has_nul_ = false;
    std::size_t line_bytes_ = 0;
    std::size_t longest_line_ = 0;
};

} // namespace hikyaku::smtp
