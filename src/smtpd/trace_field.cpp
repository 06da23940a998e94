#include "trace_field.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace hikyaku::smtpd
{
namespace
{

/// A name that can stand outside of a comment without ending anything.
std::string to_atom(std::string_view helo)
{
    const bool plain = std::all_of(helo.begin(), helo.end(),
                                   [](char c)
                                   {
                                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                              (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                                              c == '_' || c == ':' || c == '[' || c == ']';
                                   });
    return plain && !helo.empty() ? std::string(helo) : std::string("unknown");
}

std::string format_date(wall_time at)
{
    namespace chrono = std::chrono;
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto day = chrono::floor<chrono::days>(at);
    const chrono::year_month_day date(day);
    const chrono::hh_mm_ss time(chrono::floor<chrono::seconds>(at - day));
    std::array<char, 64> out{};
    std::snprintf(out.data(), out.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                  days[chrono::weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                  months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return out.data();
}

} // namespace

std::string make_received_field(const reception& r)
{
    std::array<char, 48> id{};
    std::snprintf(id.data(), id.size(), "%llx.%llx",
                  static_cast<unsigned long long>(to_unix_ms(r.at)),
                  static_cast<unsigned long long>(r.number));
    const std::string protocol = std::string(r.extended ? "ESMTP" : "SMTP") + (r.tls ? "S" : "");
    return "Received: from " + to_atom(r.helo) + " ([" + (r.peer.is_v6() ? "IPv6:" : "") +
           r.peer.to_string() + "])\r\n\tby " + std::string(r.host_name) + " with " + protocol +
           " id " + id.data() + ";\r\n\t" + format_date(r.at) + "\r\n";
}

} // namespace hikyaku::smtpd
