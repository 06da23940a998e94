#include <hikyaku/base/assert.h>
#include <hikyaku/bounce/report.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace hikyaku::bounce;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    const report r = parse_report("From: fbl@example.com\nContent-Type: multipart/report; "
                                  "report-type=feedback-report; boundary=b\n\n--b\nContent-Type: "
                                  "message/feedback-report\n\n" +
                                      bytes,
                                  *built_in());
    HK_ASSERT(r.kind == report_kind::complaint && !r.feedback_type.empty());
    for (const report_recipient& one : r.recipients)
    {
        HK_ASSERT(one.kind == report_kind::complaint && !one.recipient.empty());
        HK_ASSERT(one.recipient.find('\n') == std::string::npos);
    }
    return 0;
}
