// Fuzzes the response parser and what is built on it. The first byte picks the type asked for;
// the id and the question of the packet are taken as asked, so that the fuzzer gets past them.
#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/dns/message.h>
#include <hikyaku/dns/mx_plan.h>
#include <hikyaku/dns/name.h>
#include <hikyaku/dns/rrset.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{

using namespace hikyaku;

class zero_random final : public random_source
{
public:
    void fill(std::span<std::byte> out) noexcept override
    {
        for (std::byte& b : out)
        {
            b = std::byte{0};
        }
    }
};

constexpr dns::record_type types[] = {dns::record_type::mx, dns::record_type::a,
                                      dns::record_type::aaaa, dns::record_type::txt};

void check_names(const dns::message& m)
{
    HK_ASSERT(m.answers.size() <= dns::answer_records_max);
    for (const dns::record& r : m.answers)
    {
        HK_ASSERT(r.name.empty() || dns::canonical_name(r.name) == r.name);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 1)
    {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    dns::question asked{0, "a.jp", types[data[0] % std::size(types)]};
    std::string packet;
    put_be(packet, asked.id);
    packet += std::string("\x81\x80\0\1", 4);
    packet.append(bytes.substr(0, std::min<std::size_t>(6, bytes.size())));
    packet.resize(12, '\0');
    packet += std::string("\1a\2jp\0", 6);
    put_be(packet, static_cast<std::uint16_t>(asked.type));
    put_be(packet, std::uint16_t{1});
    packet.append(bytes.substr(std::min<std::size_t>(6, bytes.size())));
    const auto parsed = dns::parse_response(packet, asked);
    if (parsed.has_error())
    {
        return 0;
    }
    check_names(*parsed);
    dns::alias_walk walk(asked.name, asked.type);
    const dns::rrset found = walk.take(*parsed);
    if (asked.type == dns::record_type::mx && found.status != dns::rrset_status::follow)
    {
        zero_random random;
        const dns::mx_answer plan = dns::plan_mx(asked.name, found, random);
        HK_ASSERT(plan.hosts.size() <= dns::mx_hosts_max);
        HK_ASSERT((plan.status == dns::lookup_status::ok) == !plan.hosts.empty());
    }
    return 0;
}
