// Finds the end of message data in a stream of reads.
#pragma once

#include "counters.h"

#include <cstddef>
#include <optional>
#include <string_view>

namespace hikyaku::sink
{

/// Finds CRLF "." CRLF across reads without copying (RFC 5321 section 4.1.1.4).
/// Only CRLF ends a line: a bare CR or LF never does, whatever surrounds it.
class body_scanner
{
public:
    /// 998 octets and CRLF.
    static constexpr std::size_t line_bytes_max = 1000;

    /// @param strict   the counters to report defects to, or null not to look for them
    /// @param stuffed  false for BDAT: dots mean nothing and no end is found (RFC 3030)
    explicit body_scanner(counters* strict, bool stuffed = true)
        : strict_(strict), stuffed_(stuffed)
    {
    }

    /// Scans one read.
    /// @returns how many octets belong to the data including the final dot line, or nullopt
    ///          when all of `chunk` is data and more must follow.
    [[nodiscard]] std::optional<std::size_t> consume(std::string_view chunk);

    /// Was an octet over 127 seen? Known under strict only.
    [[nodiscard]] bool saw_eight_bit() const { return eight_bit_; }

private:
    enum class state
    {
        line_start, ///< the last two octets were CRLF, or nothing came yet
        dot,        ///< a line of "." so far
        dot_cr,     ///< a line of ".\r" so far
        in_line,    ///< inside a line, the last octet is not CR
        cr          ///< inside a line, the last octet is CR
    };

    [[nodiscard]] const char* scan_line(const char* at, const char* end);
    void inspect(std::string_view piece);
    void report(violation what)
    {
        if (strict_ != nullptr)
        {
            strict_->add(what);
        }
    }

    counters* strict_;
    bool stuffed_;
    state state_ = state::line_start;
    std::size_t line_bytes_ = 0;
    bool long_reported_ = false;
    bool eight_bit_ = false;
};

} // namespace hikyaku::sink
