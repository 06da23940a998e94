#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

#include <hikyaku/base/result.h>

namespace hikyaku::tmpl
{

/// What is wrong with a template, or with one rendering of it, and where in the source.
struct source_error
{
    /// 1-based.
    std::size_t line = 1;
    /// 1-based, in code points.
    std::size_t column = 1;
    /// A sentence that names the construct or the limit; never holds recipient data.
    std::string text;
};

/// "line:column: text"
[[nodiscard]] std::string to_string(const source_error& error);

/// Lets result<T, source_error>::value() throw; only a bug reaches it. Found by argument lookup.
[[noreturn]] inline void throw_exception_from_error(const source_error& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(to_string(e));
}

} // namespace hikyaku::tmpl
