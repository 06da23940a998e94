#include <hikyaku/base/assert.h>
#include <hikyaku/mime/builder.h>
#include <hikyaku/mime/encoded_word.h>
#include <hikyaku/mime/encoding.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{

using namespace hikyaku::mime;

/// The next field: up to a byte 0x1F.
std::string_view take_field(std::string_view& input)
{
    const std::size_t size = std::min(input.find('\x1F'), input.size());
    const auto field = input.substr(0, size);
    input.remove_prefix(std::min(size + 1, input.size()));
    return field;
}

void check_lines(std::string_view bytes)
{
    HK_ASSERT(bytes.ends_with("\r\n"));
    std::size_t length = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
    {
        HK_ASSERT(static_cast<unsigned char>(bytes[i]) < 0x80 && bytes[i] != '\0');
        HK_ASSERT(bytes[i] != '\n' || (i > 0 && bytes[i - 1] == '\r'));
        HK_ASSERT(bytes[i] != '\r' || (i + 1 < bytes.size() && bytes[i + 1] == '\n'));
        length = bytes[i] == '\n' ? 0 : length + 1;
        HK_ASSERT(length <= line_bytes_max + 1);
    }
}

/// The header with this name reads as `wanted`.
void check_header(std::string_view block, std::string_view name, std::string_view wanted)
{
    const std::string start = "\r\n" + std::string(name) + ":";
    const std::size_t at = block.find(start);
    HK_ASSERT(at != std::string_view::npos && block.find(start, at + 1) == std::string_view::npos);
    std::string_view value = block.substr(at + start.size());
    std::size_t end = value.find("\r\n");
    while (value.substr(end + 2).starts_with(' '))
    {
        end = value.find("\r\n", end + 2);
    }
    std::string decoded = decode_encoded_words(value.substr(0, end));
    if (decoded.starts_with(' '))
    {
        decoded.erase(0, 1);
    }
    HK_ASSERT(decoded == hikyaku::text::to_valid_utf8(to_single_line(wanted)));
}

std::string decode(std::string_view part)
{
    const std::size_t blank = part.find("\r\n\r\n");
    HK_ASSERT(blank != std::string_view::npos);
    const std::string_view head = part.substr(0, blank);
    const std::string_view body = part.substr(blank + 4);
    if (head.find("\r\nContent-Transfer-Encoding: base64") != std::string_view::npos)
    {
        return decode_base64(body);
    }
    return head.find("\r\nContent-Transfer-Encoding: quoted-printable") != std::string_view::npos
               ? decode_quoted_printable(body)
               : std::string(body);
}

void check_body(std::string_view part, std::string_view wanted, bool single)
{
    std::string canonical;
    append_canonical(canonical, wanted);
    const std::string read = decode(part);
    HK_ASSERT(read == canonical || (single && read == canonical + "\r\n"));
}

void check_alternative(std::string_view bytes, std::size_t header_bytes, const message_parts& parts)
{
    const std::string_view body = bytes.substr(header_bytes);
    const std::string delimiter = "\r\n" + std::string(body.substr(0, body.find("\r\n")));
    const std::size_t second = body.find(delimiter);
    const std::size_t last = body.find(delimiter, second + 1);
    HK_ASSERT(body.substr(last) == delimiter + "--\r\n");
    check_body(body.substr(0, second), parts.text, false);
    check_body(body.substr(second, last - second), parts.html, false);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    std::string_view input(reinterpret_cast<const char*>(data), size);
    message_parts parts;
    parts.from = {take_field(input), "news@shop.example"};
    parts.to = {take_field(input), "taro@example.jp"};
    parts.subject = take_field(input);
    const std::array extra = {header_line{"X-Extra", take_field(input)}};
    parts.extra = extra;
    parts.text = take_field(input);
    parts.html = take_field(input);
    parts.boundary_seed = size;
    parts.message_id = "1@shop.example";

    std::string out;
    const built_message built = build_message(parts, out);
    HK_ASSERT(!built.is_8bit && !built.needs_smtputf8);
    check_lines(out);
    const std::string block = "\r\n" + out.substr(0, built.header_bytes);
    HK_ASSERT(block.find("\r\n\r\n") == block.size() - 4);
    check_header(block, "Subject", parts.subject);
    check_header(block, "X-Extra", extra[0].value);
    HK_ASSERT(std::ranges::count(block, ':') >= 8);
    if (!parts.text.empty() && !parts.html.empty())
    {
        check_alternative(out, built.header_bytes, parts);
    }
    else
    {
        check_body(out, parts.html.empty() ? parts.text : parts.html, true);
    }
    std::string again;
    HK_ASSERT(build_message(parts, again).header_bytes == built.header_bytes && again == out);
    const std::string decoded = decode_encoded_words(parts.subject);
    HK_ASSERT(hikyaku::text::is_valid_utf8(decoded));
    HK_ASSERT(decode_base64(parts.text).size() <= parts.text.size());
    HK_ASSERT(decode_quoted_printable(parts.text).size() <= parts.text.size());
    return 0;
}
