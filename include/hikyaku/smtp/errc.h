#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/is_error_code_enum.hpp>

namespace hikyaku::smtp
{

/// Why a server's bytes can't be read as SMTP. Framing is lost: the connection is closed.
enum class errc
{
    /// A line is not "NNN[ -]text", the code is out of 200..599, or the lines' codes differ.
    malformed_reply = 1,
    /// A limit on line length, line count or total size is exceeded.
    oversize_reply,
};

[[nodiscard]] const boost::system::error_category& smtp_category() noexcept;

[[nodiscard]] inline boost::system::error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), smtp_category()};
}

} // namespace hikyaku::smtp

template <> struct boost::system::is_error_code_enum<hikyaku::smtp::errc> : std::true_type
{
};
