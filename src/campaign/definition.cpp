#include <hikyaku/base/bytes.h>
#include <hikyaku/campaign/definition.h>

namespace hikyaku::campaign
{
namespace
{

constexpr std::uint8_t format = 1;

enum flag : std::uint8_t
{
    transactional = 1,
    sandbox = 2,
    once_per_address = 4,
    has_unsubscribe = 8,
    one_click = 16,
    has_send_at = 32,
    alignment_override = 64,
    has_breaker = 128,
};

/// Bits of the breaker's part: what is given, and one for the value of `enabled`.
enum breaker_bit : std::uint8_t
{
    gives_enabled = 1,
    is_enabled = 2,
    gives_bounce_rate = 4,
    gives_bounce_after = 8,
    gives_complaint_rate = 16,
    gives_complaint_after = 32,
};

template <class Number>
void put_given(std::string& out, std::uint8_t& bits, breaker_bit bit, std::optional<Number> n)
{
    if (n)
    {
        bits |= bit;
        put_varint(out, *n);
    }
}

void put_breaker(std::string& out, const breaker_override& b)
{
    std::uint8_t bits = b.enabled ? gives_enabled : 0;
    bits |= b.enabled.value_or(false) ? is_enabled : 0;
    std::string numbers;
    put_given(numbers, bits, gives_bounce_rate, b.bounce_rate);
    put_given(numbers, bits, gives_bounce_after, b.bounce_after);
    put_given(numbers, bits, gives_complaint_rate, b.complaint_rate);
    put_given(numbers, bits, gives_complaint_after, b.complaint_after);
    out.push_back(static_cast<char>(bits));
    out += numbers;
}

breaker_override get_breaker(byte_reader& in)
{
    const auto bits = in.u8();
    breaker_override b;
    b.enabled = (bits & gives_enabled) != 0 ? std::optional((bits & is_enabled) != 0)
                                            : std::optional<bool>{};
    const auto rate = [&](breaker_bit bit, std::optional<std::uint32_t>& to)
    { to = (bits & bit) != 0 ? std::optional(static_cast<std::uint32_t>(in.varint())) : to; };
    const auto count = [&](breaker_bit bit, std::optional<std::uint64_t>& to)
    { to = (bits & bit) != 0 ? std::optional(in.varint()) : to; };
    rate(gives_bounce_rate, b.bounce_rate);
    count(gives_bounce_after, b.bounce_after);
    rate(gives_complaint_rate, b.complaint_rate);
    count(gives_complaint_after, b.complaint_after);
    return b;
}

} // namespace

std::string encode(const definition& d)
{
    std::string out(1, static_cast<char>(format));
    std::uint8_t flags = 0;
    flags |= d.transactional ? transactional : 0;
    flags |= d.sandbox ? sandbox : 0;
    flags |= d.once_per_address ? once_per_address : 0;
    flags |= d.unsubscribe ? has_unsubscribe : 0;
    flags |= d.unsubscribe && d.unsubscribe->one_click ? one_click : 0;
    flags |= d.send_at ? has_send_at : 0;
    flags |= d.alignment_override ? alignment_override : 0;
    flags |= d.breaker ? has_breaker : 0;
    out.push_back(static_cast<char>(flags));
    for (const auto* text :
         {&d.name, &d.folder, &d.from_email, &d.from_name, &d.reply_to, &d.subject, &d.text,
          &d.html, &d.variables, &d.feedback_id, &d.topic, &d.pool})
    {
        put_string(out, *text);
    }
    out.push_back(static_cast<char>(d.audience.kind));
    put_string(out, d.audience.text);
    put_varint(out, d.audience.count);
    put_varint(out, d.audience.ordinals.size());
    std::uint32_t previous = 0;
    for (const auto o : d.audience.ordinals)
    {
        put_varint(out, o - previous);
        previous = o;
    }
    put_varint(out, d.headers.size());
    for (const auto& [name, value] : d.headers)
    {
        put_string(out, name);
        put_string(out, value);
    }
    if (d.unsubscribe)
    {
        put_string(out, d.unsubscribe->url);
        put_string(out, d.unsubscribe->mailto);
    }
    if (d.send_at)
    {
        put_varint(out, zigzag(to_unix_ms(*d.send_at)));
    }
    put_varint(out, static_cast<std::uint64_t>(d.expires_after.count()));
    if (d.breaker)
    {
        put_breaker(out, *d.breaker);
    }
    return out;
}

std::optional<definition> decode_definition(std::string_view bytes)
{
    byte_reader in(bytes);
    definition d;
    const auto version = in.u8();
    const auto flags = in.u8();
    for (auto* text : {&d.name, &d.folder, &d.from_email, &d.from_name, &d.reply_to, &d.subject,
                       &d.text, &d.html, &d.variables, &d.feedback_id, &d.topic, &d.pool})
    {
        *text = std::string(in.string());
    }
    d.audience.kind = static_cast<audience_kind>(in.u8());
    d.audience.text = std::string(in.string());
    d.audience.count = static_cast<std::uint32_t>(in.varint());
    const auto ordinals = in.varint();
    std::uint32_t previous = 0;
    for (std::uint64_t i = 0; i < ordinals && in.ok(); ++i)
    {
        previous += static_cast<std::uint32_t>(in.varint());
        d.audience.ordinals.push_back(previous);
    }
    const auto headers = in.varint();
    for (std::uint64_t i = 0; i < headers && in.ok(); ++i)
    {
        std::string name(in.string());
        d.headers.emplace_back(std::move(name), std::string(in.string()));
    }
    if ((flags & has_unsubscribe) != 0)
    {
        unsubscribe_offer offer;
        offer.url = std::string(in.string());
        offer.mailto = std::string(in.string());
        offer.one_click = (flags & one_click) != 0;
        d.unsubscribe = std::move(offer);
    }
    if ((flags & has_send_at) != 0)
    {
        d.send_at = from_unix_ms(unzigzag(in.varint()));
    }
    d.expires_after = milliseconds{static_cast<std::int64_t>(in.varint())};
    if ((flags & has_breaker) != 0)
    {
        d.breaker = get_breaker(in);
    }
    d.transactional = (flags & transactional) != 0;
    d.sandbox = (flags & sandbox) != 0;
    d.once_per_address = (flags & once_per_address) != 0;
    d.alignment_override = (flags & alignment_override) != 0;
    if (version != format || !in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return d;
}

} // namespace hikyaku::campaign
