#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <stdexcept>
#include <string>

namespace hikyaku
{

using boost::system::error_code;

/// A value, or the failure a caller can act on (the second kind of error of ARCHITECTURE.md).
/// `E` is an error code, or a module's struct where the failure has a place or a text.
/// Mark every function that returns one [[nodiscard]]: the type of Boost 1.81 is not.
template <class T, class E = error_code> using result = boost::system::result<T, E>;

/// A failure told to a person: what is wrong and what to do next.
struct failure
{
    std::string text;
};

/// Lets result<T, failure>::value() throw; only a bug reaches it. Found by argument lookup.
[[noreturn]] inline void throw_exception_from_error(const failure& f, const boost::source_location&)
{
    throw std::runtime_error(f.text);
}

} // namespace hikyaku
