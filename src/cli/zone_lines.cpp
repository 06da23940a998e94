#include "zone_lines.h"

#include "json_line.h"
#include "json_text.h"

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t string_bytes_max = 255;

void put_character(std::string& out, char c)
{
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
    {
        out += '\\';
        out += c;
    }
    else if (byte < 0x20 || byte >= 0x7f)
    {
        out += '\\';
        out += static_cast<char>('0' + byte / 100);
        out += static_cast<char>('0' + byte / 10 % 10);
        out += static_cast<char>('0' + byte % 10);
    }
    else
    {
        out += c;
    }
}

std::string quoted(std::string_view text)
{
    std::string out;
    do
    {
        out += out.empty() ? "\"" : " \"";
        for (const char c : text.substr(0, string_bytes_max))
        {
            put_character(out, c);
        }
        out += '"';
        text.remove_prefix(std::min(text.size(), string_bytes_max));
    } while (!text.empty());
    return out;
}

} // namespace

std::string zone_line(const json::object& record)
{
    const auto type = raw_text_of(record, "type");
    const auto value = raw_text_of(record, "value");
    // Names and hosts are absolute: without the dot a zone would append its own name.
    return text_of(record, "name") + ". IN " + text_of(record, "type") + " " +
           (type == "TXT" ? quoted(value) : printable(value) + ".");
}

} // namespace hikyaku::cli
