// Fuzzes SPF with hostile records: the input is cut at line feeds into the client's HELO, its
// sender, and then answers. Every question gets the next line: its first byte picks the kind of
// answer, the rest is the text of a TXT record or a host name. Lines are used again from the start,
// so that short inputs make long evaluations.
#include <hikyaku/base/assert.h>
#include <hikyaku/dns/name.h>
#include <hikyaku/dns/spf.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace
{

using namespace hikyaku::dns;

std::vector<std::string_view> lines_of(std::string_view input)
{
    std::vector<std::string_view> out;
    while (true)
    {
        const std::size_t end = input.find('\n');
        out.push_back(input.substr(0, end));
        if (end == std::string_view::npos)
        {
            return out;
        }
        input.remove_prefix(end + 1);
    }
}

record make_record(const spf_question& q, std::string_view data, std::uint8_t number)
{
    record out;
    out.name = q.name;
    out.type = q.type;
    // The first name as the input has it, the root too; the others are numbered.
    const std::string given = canonical_query_name(data).value_or("h.example.com");
    const std::string host = number == 0 ? given : "h" + std::to_string(number) + ".example.com";
    switch (q.type)
    {
    case record_type::a:
        out.data = ip_address::v4({192, 0, 2, number});
        break;
    case record_type::aaaa:
        out.data = ip_address::v6({0x20, 0x01, 0x0d, 0xb8, number});
        break;
    case record_type::mx:
        out.data = mx_data{number, host};
        break;
    case record_type::ptr:
        out.data = ptr_data{host};
        break;
    case record_type::txt:
    case record_type::cname:
    case record_type::soa:
        out.data = txt_data{std::string(data)};
        break;
    }
    return out;
}

rrset answer_of(const spf_question& q, std::string_view line)
{
    rrset out;
    const auto kind = line.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(line[0]);
    const std::string_view data = line.substr(line.empty() ? 0 : 1);
    const std::size_t count = q.type == record_type::txt ? 1U + kind / 255U : kind % 16U;
    for (std::size_t i = 0; i < count && kind % 8 != 7; ++i)
    {
        out.records.push_back(make_record(q, data, static_cast<std::uint8_t>(i)));
    }
    out.name = q.name;
    out.status = !out.records.empty() ? rrset_status::found
                 : kind % 3 == 0      ? rrset_status::failed
                 : kind % 3 == 1      ? rrset_status::no_name
                                      : rrset_status::no_data;
    return out;
}

void check_verdict(const spf_verdict& verdict)
{
    HK_ASSERT(verdict.lookups <= spf_lookups_max);
    HK_ASSERT(verdict.explanation.size() <= spf_explanation_bytes_max);
    HK_ASSERT(verdict.explanation.empty() || verdict.result == spf_result::fail);
    const bool told = verdict.result == spf_result::none || verdict.result == spf_result::permerror;
    HK_ASSERT(!told || !verdict.reason.empty());
    for (const char c : verdict.explanation)
    {
        HK_ASSERT(c >= ' ' && c <= '~');
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto lines = lines_of({reinterpret_cast<const char*>(data), size});
    if (lines.size() < 3)
    {
        return 0;
    }
    spf_request request;
    request.ip = size % 2 == 0 ? ip_address::v4({192, 0, 2, 3})
                               : ip_address::v6({0x20, 0x01, 0x0d, 0xb8, 3});
    request.helo = lines[0];
    request.mail_from = lines[1];
    spf_check check(std::move(request));
    std::size_t at = 2;
    std::size_t questions = 0;
    while (const spf_question* q = check.next())
    {
        HK_ASSERT(++questions <= spf_questions_max);
        HK_ASSERT(!q->name.empty() && canonical_query_name(q->name) == q->name);
        check.take(answer_of(*q, lines[at]));
        at = at + 1 < lines.size() ? at + 1 : 2;
    }
    check_verdict(check.verdict());
    return 0;
}
