#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <hikyaku/base/time.h>

namespace hikyaku::cli
{

/// What the command line reads, writes and waits with: the process' own, or a test's.
struct environment
{
    std::istream& in;
    std::ostream& out;
    std::ostream& err;
    /// `out` is a terminal: progress bars are drawn in place.
    bool terminal = false;
    /// Width of that terminal.
    unsigned columns = 80;
    /// An environment variable; empty function: there are none.
    std::function<std::optional<std::string>(const char* name)> variable{};
    /// Sleeps; true when the user asked to stop meanwhile. Empty: waits for SIGINT and SIGTERM.
    std::function<bool(milliseconds)> wait{};
};

/// Runs one command of `hikyaku`; `arguments` without the program's name. Blocks until it is done.
/// @returns the exit status: 0 done, 1 refused or failed, 2 usage or configuration, 3 the server
///          can't be reached, 4 not authenticated or not allowed
[[nodiscard]] int run(const std::vector<std::string>& arguments, environment& where);

/// The same with the process' streams, terminal and variables. For main.
[[nodiscard]] int run(int argc, const char* const* argv);

} // namespace hikyaku::cli
