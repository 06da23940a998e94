#include "forms.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace hikyaku::config
{
namespace
{

constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t label_bytes_max = 63;

struct unit
{
    std::string_view name;
    std::uint64_t bytes;
};
/// The larger first; format_bytes takes the first that divides.
constexpr std::array<unit, 7> units = {{{"GB", 1ULL << 30},
                                        {"MB", 1ULL << 20},
                                        {"KB", 1ULL << 10},
                                        {"GiB", 1ULL << 30},
                                        {"MiB", 1ULL << 20},
                                        {"KiB", 1ULL << 10},
                                        {"B", 1}}};

bool is_label(std::string_view label)
{
    const auto is_letter = [](char c)
    { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !label.empty() && label.size() <= label_bytes_max && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), is_letter);
}

std::string format_duration(milliseconds d)
{
    const auto ms = d.count();
    struct step
    {
        std::string_view name;
        std::int64_t ms;
    };
    constexpr std::array<step, 4> steps = {
        {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}}};
    for (const auto& s : steps)
    {
        if (ms != 0 && ms % s.ms == 0)
        {
            return std::to_string(ms / s.ms) + std::string(s.name);
        }
    }
    return ms == 0 ? "0" : std::to_string(ms) + "ms";
}

std::optional<boost::asio::ip::address> parse_address(std::string_view text)
{
    boost::system::error_code ec;
    const auto out = boost::asio::ip::make_address(std::string(text), ec);
    // A scope ("fe80::1%eth0") is no address that others see.
    if (ec || text.find('%') != std::string_view::npos)
    {
        return std::nullopt;
    }
    return out;
}

} // namespace

std::optional<std::uint64_t> parse_number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || ec != std::errc{} || end != text.data() + text.size())
    {
        return std::nullopt;
    }
    return value;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text)
{
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto value = parse_number(text.substr(0, digits));
    std::string_view name = text.substr(digits);
    name.remove_prefix(name.starts_with(' ') ? 1 : 0);
    if (!value)
    {
        return std::nullopt;
    }
    if (digits == text.size())
    {
        return value;
    }
    for (const auto& u : units)
    {
        if (u.name == name && *value <= std::numeric_limits<std::uint64_t>::max() / u.bytes)
        {
            return *value * u.bytes;
        }
    }
    return std::nullopt;
}

std::string format_bytes(std::uint64_t bytes)
{
    const auto found = std::find_if(units.begin(), units.end(), [&](const unit& u)
                                    { return bytes != 0 && bytes % u.bytes == 0; });
    return found == units.end() ? "0"
                                : std::to_string(bytes / found->bytes) + std::string(found->name);
}

std::string to_lower(std::string_view text)
{
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c)
                   { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

bool is_host_name(std::string_view text)
{
    if (text.empty() || text.size() > host_bytes_max)
    {
        return false;
    }
    while (true)
    {
        const auto dot = text.find('.');
        if (!is_label(text.substr(0, dot)))
        {
            return false;
        }
        if (dot == std::string_view::npos)
        {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

bool is_address_v4(std::string_view text)
{
    const auto a = parse_address(text);
    return a && a->is_v4();
}
bool is_address_v6(std::string_view text)
{
    const auto a = parse_address(text);
    return a && a->is_v6();
}
bool is_loopback(std::string_view address)
{
    const auto a = parse_address(address);
    return a && a->is_loopback();
}

std::optional<host_port> parse_host_port(std::string_view text)
{
    host_port out;
    std::string_view rest;
    if (text.starts_with('['))
    {
        const auto end = text.find(']');
        if (end == std::string_view::npos || !is_address_v6(text.substr(1, end - 1)))
        {
            return std::nullopt;
        }
        out.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    }
    else
    {
        const auto colon = std::min(text.find(':'), text.size());
        out.host = to_lower(text.substr(0, colon));
        rest = text.substr(colon);
        if (!is_host_name(out.host))
        {
            return std::nullopt;
        }
    }
    if (rest.empty())
    {
        return out;
    }
    const auto port = parse_number(rest.substr(1));
    if (rest.front() != ':' || !port || *port == 0 ||
        *port > std::numeric_limits<std::uint16_t>::max())
    {
        return std::nullopt;
    }
    out.port = static_cast<std::uint16_t>(*port);
    return out;
}

std::string number_form::expected() const
{
    return "a whole number from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string limit_form::expected() const
{
    return number_form{min, max}.expected() + ", or none";
}
bool limit_form::read(std::string_view text, std::optional<std::uint64_t>& out) const
{
    if (text == "none")
    {
        out.reset();
        return true;
    }
    std::uint64_t value = 0;
    const bool fits = number_form{min, max}.read(text, value);
    if (fits)
    {
        out = value;
    }
    return fits;
}

std::string bytes_form::expected() const
{
    return "a size such as 64MB, from " + format_bytes(min) + " to " + format_bytes(max);
}
bool bytes_form::read(std::string_view text, std::uint64_t& out) const
{
    const auto value = parse_bytes(text);
    if (!value || *value < min || *value > max)
    {
        return false;
    }
    out = *value;
    return true;
}

std::string duration_form::expected() const
{
    return "a duration such as 250ms, 90s, 15m, 72h or 7d, from " + format_duration(min) + " to " +
           format_duration(max);
}
bool duration_form::read(std::string_view text, milliseconds& out) const
{
    if (text == "0" && min.count() == 0)
    {
        out = milliseconds{0};
        return true;
    }
    const auto value = parse_duration(text);
    if (value.has_error() || *value < min || *value > max)
    {
        return false;
    }
    out = *value;
    return true;
}

bool flag_form::read(std::string_view text, bool& out)
{
    out = text == "true";
    return out || text == "false";
}

bool host_form::read(std::string_view text, std::string& out) const
{
    out = to_lower(text);
    return text.empty() ? may_be_empty : is_host_name(out);
}

bool url_form::read(std::string_view text, std::string& out)
{
    constexpr std::string_view secure = "https://";
    constexpr std::string_view plain = "http://";
    out.clear();
    if (text.empty())
    {
        return true;
    }
    const bool is_secure = text.starts_with(secure);
    const auto rest = text.substr(std::min(text.size(), is_secure ? secure.size() : plain.size()));
    const auto path_at = std::min(rest.find('/'), rest.size());
    const auto host = parse_host_port(rest.substr(0, path_at));
    constexpr std::string_view marks = "-._~/%";
    const bool good_path =
        std::all_of(rest.begin() + static_cast<std::ptrdiff_t>(path_at), rest.end(),
                    [&](char c)
                    {
                        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                               (c >= 'A' && c <= 'Z') || marks.find(c) != std::string_view::npos;
                    });
    const bool allowed = is_secure || (text.starts_with(plain) && host &&
                                       (is_loopback(host->host) || host->host == "localhost"));
    if (!allowed || !host || !good_path || text.size() > bytes_max)
    {
        return false;
    }
    out = text;
    while (out.ends_with('/'))
    {
        out.pop_back();
    }
    return true;
}

bool level_form::read(std::string_view text, log::level& out)
{
    constexpr std::array<std::pair<std::string_view, log::level>, 4> levels = {
        {{"debug", log::level::debug},
         {"info", log::level::info},
         {"warning", log::level::warning},
         {"error", log::level::error}}};
    const auto found =
        std::find_if(levels.begin(), levels.end(), [&](const auto& l) { return l.first == text; });
    if (found == levels.end())
    {
        return false;
    }
    out = found->second;
    return true;
}

} // namespace hikyaku::config
