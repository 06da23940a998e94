#include <hikyaku/bounce/reply_rule.h>

#include <array>
#include <charconv>
#include <utility>

namespace hikyaku::bounce
{
namespace
{

constexpr unsigned detail_max = 999;

/// All of `text` as a number up to detail_max.
bool read_number(std::string_view text, std::uint16_t& out)
{
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc{} && end == text.data() + text.size() && out <= detail_max &&
           !text.empty();
}

/// The part before `separator`, which is taken away from `text` with it.
std::string_view take_part(std::string_view& text, char separator)
{
    const auto at = text.find(separator);
    const auto part = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return part;
}

bool read_details(std::string_view text, enhanced_range& out)
{
    if (text == "*")
    {
        out.high = detail_max;
        return true;
    }
    const bool is_range = text.find('-') != std::string_view::npos;
    const auto low = take_part(text, '-');
    if (!read_number(low, out.low))
    {
        return false;
    }
    out.high = out.low;
    return !is_range || (read_number(text, out.high) && out.low <= out.high);
}

} // namespace

result<code_range, failure> parse_code_range(std::string_view text)
{
    if (text == "none")
    {
        return code_range{0, 0};
    }
    const failure wrong{"expected a code such as 550, 55x or 5xx, or none"};
    if (text.size() != 3 || text[0] < '2' || text[0] > '5')
    {
        return wrong;
    }
    code_range out;
    for (const char c : text)
    {
        const bool any = c == 'x' && &c != text.data();
        if (!any && (c < '0' || c > '9'))
        {
            return wrong;
        }
        out.low = out.low * 10 + (any ? 0 : c - '0');
        out.high = out.high * 10 + (any ? 9 : c - '0');
    }
    if (text[1] == 'x' && text[2] != 'x')
    {
        return wrong;
    }
    return out;
}

result<enhanced_range, failure> parse_enhanced_range(std::string_view text)
{
    enhanced_range out;
    const auto cls = take_part(text, '.');
    const auto subject = take_part(text, '.');
    const bool any = cls == "*";
    if ((!any && cls != "4" && cls != "5") || !read_number(subject, out.subject) ||
        !read_details(text, out))
    {
        return failure{"expected an enhanced code such as 5.1.1, *.7.1, *.7.20-26 or 4.2.*"};
    }
    out.cls = any ? 0 : static_cast<std::uint8_t>(cls[0] - '0');
    return out;
}

std::optional<smtp::stage> parse_stage(std::string_view word) noexcept
{
    using smtp::stage;
    static constexpr std::array<std::pair<std::string_view, stage>, 10> stages = {{
        {"connect", stage::connect},
        {"banner", stage::banner},
        {"ehlo", stage::ehlo},
        {"starttls", stage::starttls},
        {"tls", stage::tls},
        {"mail", stage::mail},
        {"rcpt", stage::rcpt},
        {"data", stage::data},
        {"body", stage::body},
        {"final_dot", stage::final_dot},
    }};
    for (const auto& [name, value] : stages)
    {
        if (name == word)
        {
            return value;
        }
    }
    return std::nullopt;
}

} // namespace hikyaku::bounce
