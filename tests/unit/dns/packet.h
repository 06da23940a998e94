#pragma once

#include <hikyaku/base/bytes.h>
#include <hikyaku/dns/ip_address.h>
#include <hikyaku/dns/message.h>
#include <hikyaku/dns/record.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace hikyaku::dns::test
{

inline constexpr std::uint16_t response_flags = 0x8180; // QR, RD, RA
inline constexpr std::uint16_t truncated_flag = 0x0200;

/// A name as labels, uncompressed; no checks, so bad names can be built.
inline std::string wire_name(std::string_view name)
{
    std::string out;
    while (!name.empty())
    {
        const std::size_t dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        out.push_back(static_cast<char>(label.size()));
        out.append(label);
        name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
    }
    out.push_back('\0');
    return out;
}

inline std::string mx_rdata(std::uint16_t preference, std::string_view host)
{
    std::string out;
    put_be(out, preference);
    return out + wire_name(host);
}

inline std::string ip_rdata(std::string_view text)
{
    const ip_address ip = *parse_ip(text);
    return std::string(reinterpret_cast<const char*>(ip.bytes.data()), ip.is_v4() ? 4 : 16);
}

inline std::string soa_rdata(std::uint32_t minimum)
{
    std::string out = wire_name("ns.example") + wire_name("admin.example");
    for (const std::uint32_t n : {1U, 3600U, 600U, 86400U, minimum})
    {
        put_be(out, n);
    }
    return out;
}

/// Builds a response byte by byte, good or bad.
class packet
{
public:
    explicit packet(const question& q, std::uint16_t flags = response_flags)
        : id_(q.id), flags_(flags), question_(wire_name(q.name))
    {
        put_be(question_, static_cast<std::uint16_t>(q.type));
        put_be(question_, std::uint16_t{1});
    }
    packet& id(std::uint16_t value)
    {
        id_ = value;
        return *this;
    }
    packet& code(response_code value)
    {
        flags_ = static_cast<std::uint16_t>(flags_ | static_cast<unsigned>(value));
        return *this;
    }
    packet& questions(std::uint16_t count)
    {
        question_count_ = count;
        return *this;
    }
    packet& answer(std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                   std::string_view rdata, std::uint16_t cls = 1)
    {
        ++answer_count_;
        put_record(wire_name(owner), type, ttl, rdata, cls);
        return *this;
    }
    packet& mx(std::string_view owner, std::uint16_t preference, std::string_view host,
               std::uint32_t ttl = 600)
    {
        return answer(owner, 15, ttl, mx_rdata(preference, host));
    }
    packet& cname(std::string_view owner, std::string_view target, std::uint32_t ttl = 600)
    {
        return answer(owner, 5, ttl, wire_name(target));
    }
    packet& address(std::string_view owner, std::string_view ip, std::uint32_t ttl = 600)
    {
        const std::string rdata = ip_rdata(ip);
        return answer(owner, rdata.size() == 4 ? 1 : 28, ttl, rdata);
    }
    packet& soa(std::string_view owner, std::uint32_t minimum, std::uint32_t ttl = 3600)
    {
        ++authority_count_;
        put_record(wire_name(owner), 6, ttl, soa_rdata(minimum), 1);
        return *this;
    }
    /// One answer from raw bytes.
    packet& raw_answer(std::string_view bytes)
    {
        ++answer_count_;
        records_.append(bytes);
        return *this;
    }
    /// Where the first record begins; the question's name is at 12.
    [[nodiscard]] std::size_t records_at() const { return 12 + question_.size(); }

    [[nodiscard]] std::string bytes() const
    {
        std::string out;
        put_be(out, id_);
        put_be(out, flags_);
        put_be(out, question_count_);
        put_be(out, answer_count_);
        put_be(out, authority_count_);
        put_be(out, std::uint16_t{0});
        return out + question_ + records_;
    }

private:
    void put_record(std::string_view owner, std::uint16_t type, std::uint32_t ttl,
                    std::string_view rdata, std::uint16_t cls)
    {
        records_.append(owner);
        put_be(records_, type);
        put_be(records_, cls);
        put_be(records_, ttl);
        put_be(records_, static_cast<std::uint16_t>(rdata.size()));
        records_.append(rdata);
    }
    std::uint16_t id_;
    std::uint16_t flags_;
    std::uint16_t question_count_ = 1;
    std::uint16_t answer_count_ = 0;
    std::uint16_t authority_count_ = 0;
    std::string question_;
    std::string records_;
};

} // namespace hikyaku::dns::test
