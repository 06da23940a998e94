#include "entry_codec.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/sha256.h>

namespace hikyaku::oplog
{
namespace
{

constexpr std::uint8_t entry_version = 1;

} // namespace

std::string entry_key(std::uint64_t seq)
{
    std::string key(1, entry_kind);
    put_be(key, seq);
    return key;
}

std::string encode_body(const entry& e)
{
    std::string out(1, static_cast<char>(entry_version));
    put_be(out, e.seq);
    put_be(out, static_cast<std::uint64_t>(to_unix_ms(e.at)));
    for (const auto* text : {&e.who.name, &e.who.group, &e.who.ip, &e.who.request_id, &e.operation,
                             &e.object, &e.detail})
    {
        put_string(out, *text);
    }
    return out;
}

std::string chain_hash(std::string_view previous, std::string_view body)
{
    std::string joined(previous);
    joined += body;
    return std::string(crypto::as_bytes(crypto::sha256(joined)));
}

std::optional<entry> decode_entry(std::string_view key, std::string_view value)
{
    if (key.size() != 9 || key[0] != entry_kind || value.size() < hash_bytes)
    {
        return std::nullopt;
    }
    byte_reader in(value.substr(0, value.size() - hash_bytes));
    entry e;
    const auto version = in.u8();
    e.seq = in.be<std::uint64_t>();
    e.at = from_unix_ms(static_cast<std::int64_t>(in.be<std::uint64_t>()));
    for (auto* text : {&e.who.name, &e.who.group, &e.who.ip, &e.who.request_id, &e.operation,
                       &e.object, &e.detail})
    {
        *text = std::string(in.string());
    }
    e.hash = std::string(value.substr(value.size() - hash_bytes));
    if (!in.ok() || !in.at_end() || version != entry_version ||
        e.seq != get_be<std::uint64_t>(key.substr(1)))
    {
        return std::nullopt;
    }
    return e;
}

} // namespace hikyaku::oplog
