#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/rows.h>

namespace hikyaku::queue
{
namespace
{

constexpr std::uint8_t format = 1;
/// Where the rank stands among a D row's flags.
constexpr unsigned rank_shift = 2;
constexpr unsigned rank_mask = ranks_max - 1;
static_assert((ranks_max & rank_mask) == 0);

void put_time(std::string& out, wall_time t)
{
    put_varint(out, zigzag(to_unix_ms(t)));
}
wall_time get_time(byte_reader& in)
{
    return from_unix_ms(unzigzag(in.varint()));
}

template <class Row> std::optional<Row> checked(const byte_reader& in, Row row)
{
    if (!in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return row;
}

} // namespace

std::string encode(const lifecycle& l)
{
    std::string out(1, static_cast<char>(format));
    out.push_back(static_cast<char>(l.state));
    put_varint(out, l.generation);
    put_varint(out, l.content_version);
    put_time(out, l.send_at);
    put_time(out, l.expires_at);
    out.push_back(static_cast<char>((l.expansion_open ? 1 : 0) | (l.transactional ? 2 : 0) |
                                    (l.closed ? 4 : 0)));
    return out;
}

std::optional<lifecycle> decode_lifecycle(std::string_view bytes)
{
    byte_reader in(bytes);
    lifecycle l;
    const auto version = in.u8();
    l.state = static_cast<campaign_state>(in.u8());
    l.generation = static_cast<std::uint32_t>(in.varint());
    l.content_version = static_cast<std::uint32_t>(in.varint());
    l.send_at = get_time(in);
    l.expires_at = get_time(in);
    const auto flags = in.u8();
    l.expansion_open = (flags & 1) != 0;
    l.transactional = (flags & 2) != 0;
    l.closed = (flags & 4) != 0;
    const bool known = version == format && l.state >= campaign_state::draft &&
                       l.state <= campaign_state::cancelled;
    return known ? checked(in, l) : std::nullopt;
}

std::string encode(const expansion_state& e)
{
    std::string out(1, static_cast<char>(format));
    put_string(out, e.cursor);
    for (const auto n : {e.audience, e.recipients, e.duplicates, e.no_address, e.invalid_address})
    {
        put_varint(out, n);
    }
    out.push_back(e.complete ? 1 : 0);
    return out;
}

std::optional<expansion_state> decode_expansion(std::string_view bytes)
{
    byte_reader in(bytes);
    expansion_state e;
    const auto version = in.u8();
    e.cursor = std::string(in.string());
    for (auto* n : {&e.audience, &e.recipients, &e.duplicates, &e.no_address, &e.invalid_address})
    {
        *n = in.varint();
    }
    e.complete = in.u8() != 0;
    return version == format ? checked(in, std::move(e)) : std::nullopt;
}

std::string encode(const counters& c)
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, counted_dispositions);
    for (std::size_t d = 0; d < counted_dispositions; ++d)
    {
        put_varint(out, c.final_by[d]);
    }
    put_varint(out, c.deferred_now);
    put_varint(out, c.unknown_now);
    put_varint(out, c.attempts);
    return out;
}

std::optional<counters> decode_counters(std::string_view bytes)
{
    byte_reader in(bytes);
    counters c;
    const auto version = in.u8();
    const auto count = in.varint();
    if (version != format || count != counted_dispositions)
    {
        return std::nullopt;
    }
    for (std::size_t d = 0; d < counted_dispositions; ++d)
    {
        c.final_by[d] = in.varint();
    }
    c.deferred_now = in.varint();
    c.unknown_now = in.varint();
    c.attempts = in.varint();
    return checked(in, c);
}

std::string encode(const deferred_row& d)
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, d.state.attempts);
    put_time(out, d.state.first_try);
    put_varint(out, d.state.last_class);
    const unsigned flags = (d.state.was_unknown ? 1U : 0U) | (d.state.maybe_repeat ? 2U : 0U) |
                           ((d.rank & rank_mask) << rank_shift);
    out.push_back(static_cast<char>(flags));
    put_varint(out, d.state.source);
    put_varint(out, d.domain.value);
    return out;
}

std::optional<deferred_row> decode_deferred(std::string_view bytes)
{
    byte_reader in(bytes);
    deferred_row d;
    const auto version = in.u8();
    d.state.attempts = static_cast<std::uint32_t>(in.varint());
    d.state.first_try = get_time(in);
    d.state.last_class = static_cast<std::uint16_t>(in.varint());
    const auto flags = in.u8();
    d.state.was_unknown = (flags & 1) != 0;
    d.state.maybe_repeat = (flags & 2) != 0;
    d.rank = static_cast<std::uint8_t>((flags >> rank_shift) & rank_mask);
    d.state.source = static_cast<std::uint16_t>(in.varint());
    d.domain = domain_id{static_cast<std::uint32_t>(in.varint())};
    return version == format ? checked(in, d) : std::nullopt;
}

} // namespace hikyaku::queue
