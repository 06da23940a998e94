#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/chunk.h>

namespace hikyaku::queue
{
namespace
{

constexpr std::uint8_t plain_format = 1;
constexpr std::uint8_t tail_format = 2;

} // namespace

std::string encode_chunk(const std::vector<chunk_entry>& entries, bool tail)
{
    HK_ASSERT(!entries.empty() && entries.size() <= chunk_entries_max);
    std::string out(1, static_cast<char>(tail ? tail_format : plain_format));
    put_varint(out, entries.size());
    std::uint64_t previous = 0;
    bool first = true;
    for (const auto& e : entries)
    {
        HK_ASSERT(first || e.who.value > previous);
        put_varint(out, first ? e.who.value : e.who.value - previous - 1);
        previous = e.who.value;
        first = false;
        if (tail)
        {
            put_varint(out, e.domain.value);
        }
    }
    return out;
}

std::optional<std::vector<chunk_entry>> decode_chunk(std::string_view bytes, domain_id domain)
{
    byte_reader in(bytes);
    const auto format = in.u8();
    const auto count = in.varint();
    if ((format != plain_format && format != tail_format) || count == 0 ||
        count > chunk_entries_max)
    {
        return std::nullopt;
    }
    std::vector<chunk_entry> entries;
    entries.reserve(static_cast<std::size_t>(count));
    std::uint64_t at = 0;
    for (std::uint64_t i = 0; i < count; ++i)
    {
        at = i == 0 ? in.varint() : at + in.varint() + 1;
        const auto own =
            format == tail_format ? domain_id{static_cast<std::uint32_t>(in.varint())} : domain;
        if (at > UINT32_MAX)
        {
            return std::nullopt;
        }
        entries.push_back({ordinal{static_cast<std::uint32_t>(at)}, own});
    }
    if (!in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return entries;
}

} // namespace hikyaku::queue
