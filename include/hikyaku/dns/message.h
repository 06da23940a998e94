#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/dns/record.h>

namespace hikyaku::dns
{

/// Bounds of what is read from one message; everything in it is hostile.
inline constexpr std::size_t message_bytes_max = 65535;
/// Records of the answer section that are read; the rest is ignored. 500 MX records must pass.
inline constexpr std::size_t answer_records_max = 1024;
/// Records of the authority section that are looked at for the SOA.
inline constexpr std::size_t authority_records_max = 32;
/// Jumps within one name. Pointers must also point backwards, so a loop can't exist.
inline constexpr std::size_t pointer_jumps_max = 64;
/// Our receive size over UDP (EDNS, RFC 6891): fits any path without fragments.
inline constexpr std::uint16_t edns_udp_bytes = 1232;

/// RFC 1035 section 4.1.1 and RFC 2136. Other values occur.
enum class response_code : std::uint8_t
{
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    name_error = 3,
    not_implemented = 4,
    refused = 5,
};

/// "SERVFAIL", "REFUSED", … ; "RCODE 11" for a code without a name here.
[[nodiscard]] std::string response_code_name(response_code code);

/// What was asked; an answer to something else is not an answer.
struct question
{
    std::uint16_t id = 0;
    /// Canonical.
    std::string name;
    record_type type = record_type::a;
    /// Labels of the answer may hold any byte but NUL and dot (RFC 2181 section 11): names that
    /// SPF's macros make. Otherwise printing ASCII only, as host names.
    bool any_name_bytes = false;
};

/// Encodes a recursive question with an EDNS OPT record (RFC 1035 section 4.1, RFC 6891).
/// @pre q.name is canonical
[[nodiscard]] std::string make_query(const question& q);

/// What we take from a response.
struct message
{
    response_code code = response_code::no_error;
    /// TC: the sender cut the message.
    bool truncated = false;
    /// AD: the resolver says it validated the data. Means something only on a trusted path.
    bool authenticated = false;
    /// Answer section: A, AAAA, CNAME, MX, PTR and TXT of class IN; other records are skipped.
    std::vector<record> answers;
    /// SOA records of the authority section (RFC 2308).
    std::vector<record> authority;
};

/// Why a response is not used.
struct message_error
{
    std::string text;
};

/// Reads one response and checks that it answers `asked`: QR, opcode, id, exactly one question,
/// its name (without case), type and class. Pure; bounded time and memory for any input.
///
/// Refused: cut records, names with labels over 63 or over 255 bytes, forward or looping
/// compression pointers, reserved label types, bytes in a name that are not printing ASCII
/// (NUL; see question::any_name_bytes) or are a dot inside a label, RDATA that does not fill its
/// length. The additional section is never read, the authority section only as far as it can be.
[[nodiscard]] result<message, message_error> parse_response(std::string_view bytes,
                                                            const question& asked);

[[noreturn]] inline void throw_exception_from_error(const message_error& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(e.text);
}

} // namespace hikyaku::dns
