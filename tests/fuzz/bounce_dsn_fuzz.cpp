#include <hikyaku/base/assert.h>
#include <hikyaku/bounce/report.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{

using namespace hikyaku::bounce;

bool is_clean(std::string_view s)
{
    return hikyaku::text::is_valid_utf8(s) &&
           std::ranges::none_of(s, [](char c)
                                { return static_cast<unsigned char>(c) < 0x20 || c == '\x7F'; });
}

void check(const report& r)
{
    HK_ASSERT(r.recipients.size() <= report_recipients_max);
    for (const report_recipient& one : r.recipients)
    {
        HK_ASSERT(one.kind != report_kind::none && r.kind != report_kind::none);
        HK_ASSERT(is_clean(one.recipient) && is_clean(one.original_recipient));
        HK_ASSERT(is_clean(one.text) && is_clean(one.status) && is_clean(one.action));
        HK_ASSERT(one.code == 0 || (one.code >= 400 && one.code <= 599));
        HK_ASSERT(one.contact == contact_effect::keep || one.kind == report_kind::bounce ||
                  one.kind == report_kind::complaint);
        HK_ASSERT(one.contact == contact_effect::keep || one.kind == report_kind::complaint ||
                  !is_sender_side(one.cls));
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    check(parse_report(bytes, *built_in()));
    // The bytes where they hurt: in the fields, and in the words of a host.
    const std::string head = "From: MAILER-DAEMON@mx.example\nSubject: failure notice\n";
    check(parse_report(head + "Content-Type: message/delivery-status\n\n" + std::string(bytes),
                       *built_in()));
    check(parse_report(head + "\n" + std::string(bytes), *built_in()));
    return 0;
}
