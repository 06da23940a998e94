#include <hikyaku/dns/message.h>

#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/dns/name.h>

#include "wire_reader.h"

namespace hikyaku::dns
{

namespace
{

constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t type_opt = 41;
constexpr std::uint16_t flag_response = 0x8000;
constexpr std::uint16_t flag_truncated = 0x0200;
constexpr std::uint16_t flag_recurse = 0x0100;
constexpr std::uint16_t flag_authenticated = 0x0020;
constexpr std::uint16_t mask_opcode = 0x7800;
constexpr std::uint16_t mask_code = 0x000F;

struct header
{
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t questions = 0;
    std::uint16_t answers = 0;
    std::uint16_t authority = 0;
};

header read_header(wire_reader& in)
{
    header h;
    h.id = in.u16();
    h.flags = in.u16();
    h.questions = in.u16();
    h.answers = in.u16();
    h.authority = in.u16();
    static_cast<void>(in.u16());
    return h;
}

/// nullptr when the header and the question are those of an answer to `asked`.
const char* mismatch(wire_reader& in, const header& h, const question& asked)
{
    if (!in.ok())
    {
        return in.error();
    }
    if ((h.flags & flag_response) == 0 || (h.flags & mask_opcode) != 0)
    {
        return "not a response to a query";
    }
    if (h.id != asked.id)
    {
        return "another id";
    }
    if (h.questions != 1)
    {
        return "not exactly one question";
    }
    const std::string name = in.name();
    const std::uint16_t type = in.u16();
    const std::uint16_t cls = in.u16();
    if (!in.ok())
    {
        return in.error();
    }
    if (name != asked.name || type != static_cast<std::uint16_t>(asked.type) || cls != class_in)
    {
        return "another question";
    }
    return nullptr;
}

ip_address read_v4(wire_reader& in)
{
    std::array<std::uint8_t, 4> octets{};
    for (std::uint8_t& octet : octets)
    {
        octet = in.u8();
    }
    return ip_address::v4(octets);
}

ip_address read_v6(wire_reader& in)
{
    std::array<std::uint8_t, 16> octets{};
    for (std::uint8_t& octet : octets)
    {
        octet = in.u8();
    }
    return ip_address::v6(octets);
}

mx_data read_mx(wire_reader& in)
{
    mx_data out;
    out.preference = in.u16();
    out.exchange = in.name();
    return out;
}

txt_data read_txt(wire_reader& in, std::size_t end)
{
    txt_data out;
    while (in.ok() && in.at() < end)
    {
        out.text.append(in.bytes(in.u8()));
    }
    return out;
}

soa_data read_soa(wire_reader& in)
{
    static_cast<void>(in.name());
    static_cast<void>(in.name());
    static_cast<void>(in.bytes(4 * sizeof(std::uint32_t)));
    return {std::chrono::seconds{in.u32()}};
}

/// Reads RDATA of a type we know; false for other types, which the caller skips.
bool read_data(wire_reader& in, record& out, std::uint16_t type, std::size_t end)
{
    out.type = static_cast<record_type>(type);
    switch (out.type)
    {
    case record_type::a:
        out.data = read_v4(in);
        return true;
    case record_type::aaaa:
        out.data = read_v6(in);
        return true;
    case record_type::mx:
        out.data = read_mx(in);
        return true;
    case record_type::cname:
        out.data = cname_data{in.name()};
        return true;
    case record_type::ptr:
        out.data = ptr_data{in.name()};
        return true;
    case record_type::txt:
        out.data = read_txt(in, end);
        return true;
    case record_type::soa:
        out.data = read_soa(in);
        return true;
    }
    return false;
}

std::chrono::seconds read_ttl(std::uint32_t raw)
{
    return std::chrono::seconds{(raw & 0x80000000U) != 0 ? 0 : raw};
}

/// Reads one record. nullopt with `why` set when it is broken; nullopt without when it is of no
/// interest.
std::optional<record> read_record(wire_reader& in, const char*& why)
{
    record out;
    out.name = in.name();
    const std::uint16_t type = in.u16();
    const std::uint16_t cls = in.u16();
    out.ttl = read_ttl(in.u32());
    const std::size_t size = in.u16();
    const std::size_t end = in.at() + size;
    bool wanted = in.ok() && cls == class_in;
    if (wanted)
    {
        wanted = read_data(in, out, type, end);
    }
    if (!wanted)
    {
        static_cast<void>(in.bytes(size));
    }
    if (!in.ok())
    {
        why = in.error();
        return std::nullopt;
    }
    if (in.at() != end)
    {
        why = "record data that does not fill its length";
        return std::nullopt;
    }
    return wanted ? std::optional<record>(std::move(out)) : std::nullopt;
}

const char* read_answers(wire_reader& in, std::size_t count, std::vector<record>& out)
{
    for (std::size_t i = 0; i < count && i < answer_records_max; ++i)
    {
        const char* why = nullptr;
        std::optional<record> next = read_record(in, why);
        if (why != nullptr)
        {
            return why;
        }
        if (next && next->type != record_type::soa)
        {
            out.push_back(std::move(*next));
        }
    }
    return nullptr;
}

/// Only the SOA is of use and only for how long to remember a "no": broken records end the
/// reading, not the message.
void read_authority(wire_reader& in, std::size_t count, std::vector<record>& out)
{
    for (std::size_t i = 0; i < count && i < authority_records_max; ++i)
    {
        const char* why = nullptr;
        std::optional<record> next = read_record(in, why);
        if (why != nullptr)
        {
            return;
        }
        if (next && next->type == record_type::soa)
        {
            out.push_back(std::move(*next));
        }
    }
}

void put_name(std::string& out, std::string_view name)
{
    while (!name.empty())
    {
        const std::size_t dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        HK_ASSERT(!label.empty() && label.size() <= label_bytes_max);
        out.push_back(static_cast<char>(label.size()));
        out.append(label);
        name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
    }
    out.push_back('\0');
}

} // namespace

std::string response_code_name(response_code code)
{
    switch (code)
    {
    case response_code::no_error:
        return "NOERROR";
    case response_code::format_error:
        return "FORMERR";
    case response_code::server_failure:
        return "SERVFAIL";
    case response_code::name_error:
        return "NXDOMAIN";
    case response_code::not_implemented:
        return "NOTIMP";
    case response_code::refused:
        return "REFUSED";
    }
    return "RCODE " + std::to_string(static_cast<unsigned>(code));
}

std::string make_query(const question& q)
{
    HK_ASSERT(q.name.size() <= name_text_bytes_max);
    std::string out;
    put_be(out, q.id);
    put_be(out, flag_recurse);
    put_be(out, std::uint16_t{1});
    put_be(out, std::uint16_t{0});
    put_be(out, std::uint16_t{0});
    put_be(out, std::uint16_t{1});
    put_name(out, q.name);
    put_be(out, static_cast<std::uint16_t>(q.type));
    put_be(out, class_in);
    // OPT (RFC 6891 section 6.1.2): root name, size in the class, no flags, no options.
    out.push_back('\0');
    put_be(out, type_opt);
    put_be(out, edns_udp_bytes);
    put_be(out, std::uint32_t{0});
    put_be(out, std::uint16_t{0});
    return out;
}

result<message, message_error> parse_response(std::string_view bytes, const question& asked)
{
    if (bytes.size() > message_bytes_max)
    {
        return message_error{"over 65535 bytes"};
    }
    wire_reader in(bytes, asked.any_name_bytes);
    const header h = read_header(in);
    if (const char* why = mismatch(in, h, asked))
    {
        return message_error{why};
    }
    message out;
    out.code = static_cast<response_code>(h.flags & mask_code);
    out.truncated = (h.flags & flag_truncated) != 0;
    out.authenticated = (h.flags & flag_authenticated) != 0;
    if (out.truncated)
    {
        // The last records may be cut; nothing of it is used.
        return out;
    }
    if (const char* why = read_answers(in, h.answers, out.answers))
    {
        return message_error{why};
    }
    if (h.answers <= answer_records_max)
    {
        read_authority(in, h.authority, out.authority);
    }
    return out;
}

} // namespace hikyaku::dns
