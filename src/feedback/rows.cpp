#include "rows.h"

#include <hikyaku/base/bytes.h>

namespace hikyaku::feedback
{
namespace
{

constexpr std::uint8_t format = 1;
constexpr char module_kind = 'g';

enum class row : char
{
    counter = 'c',
    folded = 'm',
    reported = 'o',
    settings = 's',
};

std::string key_of(row kind)
{
    return {module_kind, static_cast<char>(kind)};
}

std::string start()
{
    return std::string(1, static_cast<char>(format));
}

template <class T> std::optional<T> checked(byte_reader& in, std::uint8_t version, T value)
{
    return version == format && in.ok() && in.at_end() ? std::optional<T>(std::move(value))
                                                       : std::nullopt;
}

/// 0: for ever.
std::uint64_t length_of(const std::optional<milliseconds>& d)
{
    return d ? static_cast<std::uint64_t>(d->count()) : 0;
}
std::optional<milliseconds> read_length(byte_reader& in)
{
    const auto n = in.varint();
    return n == 0 ? std::nullopt : std::optional(milliseconds{static_cast<std::int64_t>(n)});
}

} // namespace

std::string counter_prefix()
{
    return key_of(row::counter);
}

std::string counter_key(std::string_view normalized)
{
    std::string key = key_of(row::counter);
    key += normalized;
    return key;
}

std::string encode(const error_counter& c)
{
    std::string out = start();
    put_varint(out, c.score);
    put_varint(out, c.score_before);
    put_be(out, c.delivered_in.value);
    out.push_back(c.suppressed ? 1 : 0);
    put_varint(out, zigzag(to_unix_ms(c.at)));
    put_be(out, c.campaign.value);
    put_string(out, c.cls);
    return out;
}

std::optional<error_counter> decode_counter(std::string_view value)
{
    byte_reader in(value);
    error_counter c;
    const auto version = in.u8();
    c.score = static_cast<std::uint32_t>(in.varint());
    c.score_before = static_cast<std::uint32_t>(in.varint());
    c.delivered_in = campaign_id{in.be<std::uint64_t>()};
    c.suppressed = in.u8() != 0;
    c.at = from_unix_ms(unzigzag(in.varint()));
    c.campaign = campaign_id{in.be<std::uint64_t>()};
    c.cls = std::string(in.string());
    return checked(in, version, std::move(c));
}

std::string folded_key()
{
    return key_of(row::folded);
}

std::string encode_folded(std::uint64_t block)
{
    std::string out = start();
    put_varint(out, block);
    return out;
}

std::optional<std::uint64_t> decode_folded(std::string_view value)
{
    byte_reader in(value);
    const auto version = in.u8();
    const auto block = in.varint();
    return checked(in, version, block);
}

std::string reported_key(campaign_id campaign, ordinal who)
{
    std::string key = key_of(row::reported);
    put_be(key, campaign.value);
    put_be(key, who.value);
    return key;
}

std::string encode(const reported& r)
{
    std::string out = start();
    out.push_back(static_cast<char>((r.bounce ? 1 : 0) | (r.complaint ? 2 : 0)));
    return out;
}

std::optional<reported> decode_reported(std::string_view value)
{
    byte_reader in(value);
    const auto version = in.u8();
    const auto flags = in.u8();
    return checked(in, version, reported{(flags & 1) != 0, (flags & 2) != 0});
}

std::string settings_key()
{
    return key_of(row::settings);
}

std::string encode(const tenant_settings& s)
{
    std::string out = start();
    const auto& b = s.breaker;
    out.push_back(static_cast<char>((s.use_dead_addresses ? 1 : 0) | (b.enabled ? 2 : 0)));
    for (const std::uint64_t n :
         {std::uint64_t{s.bounce_threshold}, length_of(s.certain_expires_after),
          length_of(s.other_expires_after), std::uint64_t{b.bounce_rate}, b.bounce_after,
          std::uint64_t{b.complaint_rate}, b.complaint_after})
    {
        put_varint(out, n);
    }
    return out;
}

std::optional<tenant_settings> decode_settings(std::string_view value)
{
    byte_reader in(value);
    tenant_settings s;
    const auto version = in.u8();
    const auto flags = in.u8();
    s.use_dead_addresses = (flags & 1) != 0;
    s.breaker.enabled = (flags & 2) != 0;
    s.bounce_threshold = static_cast<std::uint32_t>(in.varint());
    s.certain_expires_after = read_length(in);
    s.other_expires_after = read_length(in);
    s.breaker.bounce_rate = static_cast<std::uint32_t>(in.varint());
    s.breaker.bounce_after = in.varint();
    s.breaker.complaint_rate = static_cast<std::uint32_t>(in.varint());
    s.breaker.complaint_after = in.varint();
    return checked(in, version, std::move(s));
}

} // namespace hikyaku::feedback
