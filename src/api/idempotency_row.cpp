#include "idempotency_row.h"

#include <hikyaku/base/bytes.h>

namespace hikyaku::api
{
namespace
{

constexpr std::uint8_t row_version = 1;
constexpr std::uint8_t state_effect = 1;
constexpr std::uint8_t state_answered = 2;
constexpr std::size_t fingerprint_bytes = 32;
constexpr std::uint64_t headers_max = 100;

} // namespace

std::string encode_row(const idempotency_row& r)
{
    std::string out(1, static_cast<char>(row_version));
    put_be(out, static_cast<std::uint64_t>(to_unix_ms(r.created)));
    out += r.fingerprint;
    out.push_back(static_cast<char>(r.before ? state_answered : state_effect));
    put_string(out, r.object);
    if (r.before)
    {
        put_be(out, static_cast<std::uint16_t>(r.before->status));
        put_string(out, r.before->content_type);
        put_varint(out, r.before->headers.size());
        for (const auto& [name, value] : r.before->headers)
        {
            put_string(out, name);
            put_string(out, value);
        }
        put_string(out, r.before->body);
    }
    return out;
}

std::optional<idempotency_row> decode_row(std::string_view bytes)
{
    byte_reader in(bytes);
    idempotency_row r;
    const auto version = in.u8();
    r.created = from_unix_ms(static_cast<std::int64_t>(in.be<std::uint64_t>()));
    r.fingerprint = std::string(in.take(fingerprint_bytes));
    const auto state = in.u8();
    r.object = std::string(in.string());
    if (state == state_answered)
    {
        auto& a = r.before.emplace();
        a.status = in.be<std::uint16_t>();
        a.content_type = std::string(in.string());
        const auto count = in.varint();
        for (std::uint64_t i = 0; i < count && i < headers_max && in.ok(); ++i)
        {
            std::string name(in.string());
            std::string value(in.string());
            a.headers.emplace_back(std::move(name), std::move(value));
        }
        a.body = std::string(in.string());
    }
    const bool known = version == row_version && (state == state_effect || state == state_answered);
    if (!in.ok() || !in.at_end() || !known)
    {
        return std::nullopt;
    }
    return r;
}

} // namespace hikyaku::api
