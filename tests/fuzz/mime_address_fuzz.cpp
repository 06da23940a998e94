#include <hikyaku/base/assert.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/mime/header.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace
{

using namespace hikyaku::mime;

bool is_quiet(std::string_view s)
{
    return std::ranges::none_of(s, [](char c)
                                { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

/// What every accepted address promises.
void check(const address& made, const address_options& options)
{
    const std::string path = made.smtp_path();
    HK_ASSERT(path.size() <= address_path_bytes_max && is_quiet(path));
    HK_ASSERT(hikyaku::text::is_valid_utf8(path));
    HK_ASSERT(made.needs_smtputf8 == !hikyaku::text::is_ascii(path));
    const auto same = parse_address(path, options);
    HK_ASSERT(same.has_value() && *same == made);

    const std::string key = made.normalized();
    address_options with_dots = options;
    with_dots.allow_carrier_dots = true; // keys leave them unquoted
    const auto again = parse_address(key, with_dots);
    // NFC may lengthen a local part beyond the limit; then the key can't be an address.
    HK_ASSERT(again.has_value() ? again->normalized() == key
                                : key.size() > made.domain_ascii.size() + local_part_bytes_max ||
                                      made.needs_smtputf8);

    std::string header;
    const mailbox box{"", path};
    append_mailbox_header(header, "To", std::span(&box, 1));
    const bool folded = path.size() + 4 > header_fold_column;
    HK_ASSERT(header == (folded ? "To:\r\n " : "To: ") + path + "\r\n");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size == 0)
    {
        return 0;
    }
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    address_options options;
    options.allow_address_literal = (data[0] & 1U) != 0;
    options.allow_single_label = (data[0] & 2U) != 0;
    options.allow_numeric_tld = (data[0] & 4U) != 0;
    options.allow_carrier_dots = (data[0] & 8U) == 0;
    options.allow_smtputf8 = (data[0] & 16U) == 0;
    const auto parsed = parse_address(text, options);
    const address_report report = report_address(text, options);
    HK_ASSERT(report.valid == parsed.has_value());
    if (parsed)
    {
        check(*parsed, options);
    }
    else
    {
        HK_ASSERT(parsed.error().text.ends_with('.') && parsed.error().text == report.reason);
        HK_ASSERT(hikyaku::text::is_valid_utf8(report.reason) && is_quiet(report.reason));
    }
    return 0;
}
