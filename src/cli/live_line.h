#pragma once

#include <ostream>
#include <string>

#include <hikyaku/cli/command_line.h>

namespace hikyaku::cli
{

/// Shows how something goes on: on a terminal one line, drawn again in place; elsewhere a line
/// every now and then, for logs.
class live_line
{
public:
    /// Shows to a file or pipe: one of so many.
    static constexpr unsigned plain_every = 10;

    explicit live_line(environment& where) : where_(where) {}
    ~live_line() { end(); }
    live_line(const live_line&) = delete;
    live_line& operator=(const live_line&) = delete;

    /// Columns a line may take; 0: any number.
    [[nodiscard]] std::size_t columns() const noexcept
    {
        return where_.terminal ? where_.columns - 1 : 0;
    }
    void show(const std::string& line)
    {
        if (where_.terminal)
        {
            // Erases the rest of the line: the new text may be shorter.
            where_.out << '\r' << line << "\x1b[K" << std::flush;
            open_ = true;
        }
        else if (line != last_ && shown_++ % plain_every == 0)
        {
            where_.out << line << '\n' << std::flush;
        }
        last_ = line;
    }
    /// Ends the line in place; further output starts on a new one.
    void end()
    {
        if (open_)
        {
            where_.out << '\n' << std::flush;
            open_ = false;
        }
    }

private:
    environment& where_;
    std::string last_;
    unsigned shown_ = 0;
    bool open_ = false;
};

} // namespace hikyaku::cli
