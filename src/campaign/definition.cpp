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
};

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
