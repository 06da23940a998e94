// Fuzzes the classifier with any bytes as a reply, at any stage: what no rule may change holds, and
// the same reply means the same twice.
#include <hikyaku/base/assert.h>
#include <hikyaku/bounce/classifier.h>
#include <hikyaku/bounce/reply_line.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace hikyaku;
    using namespace hikyaku::bounce;
    static const auto rules = built_in();
    if (size < 2)
    {
        return 0;
    }
    constexpr smtp::stage stages[] = {smtp::stage::connect,  smtp::stage::banner, smtp::stage::ehlo,
                                      smtp::stage::starttls, smtp::stage::tls,    smtp::stage::mail,
                                      smtp::stage::rcpt,     smtp::stage::data,   smtp::stage::body,
                                      smtp::stage::final_dot};
    const auto stage = stages[data[0] % std::size(stages)];
    const bool is_carrier = data[1] % 2 != 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const auto line = split_reply(text);
    const reply_context reply{stage,     line.code, line.enhanced,
                              line.text, {},        is_carrier ? "docomo.ne.jp" : "example.com"};
    const auto v = rules->classify(reply);
    HK_ASSERT(v == rules->classify(reply));
    HK_ASSERT((v.message == message_effect::delivered) == (line.code >= 200 && line.code < 300));
    HK_ASSERT(v.message == message_effect::bounced || v.contact == contact_effect::keep);
    HK_ASSERT(!is_sender_side(v.cls) || v.contact == contact_effect::keep);
    HK_ASSERT(v.message != message_effect::bounced || stage >= smtp::stage::mail);
    HK_ASSERT(line.code / 100 != 4 || v.message == message_effect::deferred);
    HK_ASSERT(!is_carrier || stage == smtp::stage::rcpt || v.contact != contact_effect::suppress);
    return 0;
}
