// Fuzzes the reader of shaping.yaml, and rules that it took against bytes as a reply. Up to the
// first zero byte is the file, behind it the reply.
#include <hikyaku/base/assert.h>
#include <hikyaku/config/load.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using namespace hikyaku;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto cut = bytes.find('\0');
    const auto reply = cut == std::string_view::npos ? bytes : bytes.substr(cut + 1);
    const auto table = config::parse_shaping(bytes.substr(0, cut), "s.yaml");
    if (table.has_error())
    {
        HK_ASSERT(!table.error().empty() && table.error().size() <= config::errors_max);
        return 0;
    }
    HK_ASSERT(shaping::check_policy((*table)->adaptation()).has_value());
    const auto& rules = (*table)->rules();
    const auto* none = rules.match("", 250, {2, 0, 0}, smtp::stage::final_dot, reply);
    HK_ASSERT(none == nullptr);
    for (const int code : {0, 421, 550})
    {
        const auto* rule =
            rules.match("p", code, {5, 7, 1}, smtp::stage::rcpt, reply.substr(0, 4096));
        HK_ASSERT(rule == nullptr || rules.find(rule->name) == rule);
    }
    rules.for_each([](std::string_view, const shaping::reply_rule& rule)
                   { HK_ASSERT(!rule.actions.empty() && !rule.name.empty()); });
    return 0;
}
