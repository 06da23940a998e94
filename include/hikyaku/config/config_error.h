#pragma once

#include <string>
#include <vector>

#include <hikyaku/base/result.h>

namespace hikyaku::config
{

/// What is wrong in a configuration file, and where.
struct config_error
{
    std::string file;
    /// From 1; 0 when the file as a whole is meant (it can't be read).
    int line = 0;
    int column = 0;
    /// "delivery.smtp_port", "providers[2].tls"; empty when no key is meant.
    std::string path;
    /// One sentence for a person: what is wrong and which form is expected.
    std::string text;
};
using config_errors = std::vector<config_error>;

/// "hikyaku.yaml:12:3: delivery.smtp_port: expected …".
[[nodiscard]] std::string to_string(const config_error& e);
/// One per line.
[[nodiscard]] std::string to_string(const config_errors& errors);

/// Lets result<T, config_error>::value() throw; only a bug reaches it. Found by argument lookup
/// also for a vector of them.
[[noreturn]] void throw_exception_from_error(const config_error& e, const boost::source_location&);
[[noreturn]] void throw_exception_from_error(const config_errors& e, const boost::source_location&);

} // namespace hikyaku::config
