#include "rows.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/identity/key_rotation.h>

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

constexpr std::uint8_t row_version = 1;
/// Version 1 of a tenant's row knew no quota.
constexpr std::uint8_t tenant_version = 2;

template <class U> std::string make_key(char kind, U id)
{
    std::string out(1, kind);
    put_be(out, id);
    return out;
}

void put_time(std::string& out, wall_time t)
{
    put_be(out, static_cast<std::uint64_t>(to_unix_ms(t)));
}
wall_time take_time(byte_reader& in)
{
    return from_unix_ms(static_cast<std::int64_t>(in.be<std::uint64_t>()));
}
/// 0 stands for "never": nothing of ours happened in 1970.
void put_time(std::string& out, const std::optional<wall_time>& t)
{
    put_be(out, t ? static_cast<std::uint64_t>(to_unix_ms(*t)) : std::uint64_t{0});
}
std::optional<wall_time> take_optional_time(byte_reader& in)
{
    const wall_time t = take_time(in);
    return to_unix_ms(t) == 0 ? std::nullopt : std::optional<wall_time>(t);
}

enum check_bit : std::uint8_t
{
    check_dkim = 1,
    check_spf = 2,
    check_return_path = 4,
    check_dmarc = 8,
};

/// Version 1 of a domain's row knew neither key states nor findings.
constexpr std::uint8_t domain_version = 2;
constexpr std::size_t findings_max = 4'096;

void put_finding(std::string& out, const check_finding& f)
{
    out.push_back(static_cast<char>(f.what));
    out.push_back(static_cast<char>(f.state));
    out.push_back(static_cast<char>(f.last));
    put_time(out, f.last_at);
    put_string(out, f.about);
    put_string(out, f.seen);
    put_string(out, f.expected);
    out.push_back(f.record ? 1 : 0);
    if (f.record)
    {
        put_string(out, f.record->type);
        put_string(out, f.record->name);
        put_string(out, f.record->value);
        put_string(out, f.record->purpose);
    }
}

bool is_state(std::uint8_t value)
{
    return value >= static_cast<std::uint8_t>(check_state::ok) &&
           value <= static_cast<std::uint8_t>(check_state::unknown);
}

std::optional<check_finding> take_finding(byte_reader& in)
{
    check_finding f;
    const auto what = in.u8();
    const auto state = in.u8();
    const auto last = in.u8();
    f.last_at = take_optional_time(in);
    f.about = in.string();
    f.seen = in.string();
    f.expected = in.string();
    const auto has_record = in.u8();
    if (has_record == 1)
    {
        f.record.emplace();
        for (auto* part : {&f.record->type, &f.record->name, &f.record->value, &f.record->purpose})
        {
            *part = in.string();
        }
    }
    if (!in.ok() || has_record > 1 || !is_state(state) || !is_state(last) ||
        what < static_cast<std::uint8_t>(check_kind::dkim) ||
        what > static_cast<std::uint8_t>(check_kind::envelope_spf))
    {
        return std::nullopt;
    }
    f.what = static_cast<check_kind>(what);
    f.state = static_cast<check_state>(state);
    f.last = static_cast<check_state>(last);
    return f;
}

void put_life(std::string& out, const dkim_key_row& key)
{
    out.push_back(static_cast<char>(key.state));
    put_time(out, key.since);
    put_time(out, key.seen);
    put_varint(out, static_cast<std::uint64_t>(key.ttl.count()));
}

bool take_life(byte_reader& in, dkim_key_row& key)
{
    const auto state = in.u8();
    key.since = take_optional_time(in);
    key.seen = take_optional_time(in);
    const std::uint64_t ttl = in.varint();
    if (state < static_cast<std::uint8_t>(key_state::pending) ||
        state > static_cast<std::uint8_t>(key_state::gone) || ttl > 0x7FFF'FFFF)
    {
        return false;
    }
    key.state = static_cast<key_state>(state);
    key.ttl = seconds{static_cast<std::int64_t>(ttl)};
    return true;
}

/// 0 stands for "no limit": a limit is at least 1.
void put_quota(std::string& out, const std::optional<shaping::quota_limits>& quota)
{
    out.push_back(quota ? 1 : 0);
    if (quota)
    {
        put_varint(out, quota->per_day.value_or(0));
        put_varint(out, quota->per_month.value_or(0));
        put_varint(out, quota->ramp.size());
        for (const auto n : quota->ramp)
        {
            put_varint(out, n);
        }
    }
}

/// False: damaged.
bool take_quota(byte_reader& in, std::optional<shaping::quota_limits>& quota)
{
    const auto has_quota = in.u8();
    if (has_quota != 1)
    {
        return has_quota == 0;
    }
    quota.emplace();
    for (auto* limit : {&quota->per_day, &quota->per_month})
    {
        const std::uint64_t n = in.varint();
        *limit = n == 0 ? std::nullopt : std::optional<std::uint64_t>(n);
    }
    const std::uint64_t days = in.varint();
    if (days > shaping::quota_limits::ramp_days_max)
    {
        return false;
    }
    for (std::uint64_t i = 0; in.ok() && i < days; ++i)
    {
        quota->ramp.push_back(in.varint());
    }
    return in.ok() && shaping::check_quota(*quota).has_value();
}

/// Enum values of rows, apart from those of the code.
constexpr std::uint8_t stored_rsa = 1;
constexpr std::uint8_t stored_ed25519 = 2;

} // namespace

std::string tenant_row_key(tenant_id id)
{
    return make_key(tenant_kind, id.value);
}
std::string key_row_key(std::uint64_t id)
{
    return make_key(key_kind, id);
}
std::string tenant_key_prefix(tenant_id id)
{
    return make_key(tenant_key_kind, id.value);
}
std::string tenant_key_row_key(tenant_id tenant, std::uint64_t id)
{
    std::string out = tenant_key_prefix(tenant);
    put_be(out, id);
    return out;
}
std::string domain_row_key(std::uint64_t id)
{
    return make_key(domain_kind, id);
}

std::string encode(const tenant& t)
{
    std::string out(1, static_cast<char>(tenant_version));
    out.push_back(static_cast<char>(t.state));
    put_time(out, t.created);
    put_varint(out, zigzag(t.offset_minutes));
    put_string(out, t.time_zone);
    put_string(out, t.name);
    put_string(out, t.admin_email);
    put_quota(out, t.quota);
    return out;
}

std::optional<tenant> decode_tenant(std::string_view key, std::string_view value)
{
    byte_reader k(key);
    byte_reader in(value);
    tenant t;
    const bool kind_fits = k.u8() == static_cast<std::uint8_t>(tenant_kind);
    t.id = tenant_id{k.be<std::uint32_t>()};
    const auto version = in.u8();
    const auto state = in.u8();
    t.created = take_time(in);
    t.offset_minutes = static_cast<int>(unzigzag(in.varint()));
    t.time_zone = in.string();
    t.name = in.string();
    t.admin_email = in.string();
    const bool quota_fits = version == row_version || take_quota(in, t.quota);
    const bool state_fits = state >= static_cast<std::uint8_t>(tenant_state::active) &&
                            state <= static_cast<std::uint8_t>(tenant_state::closed);
    if (!kind_fits || !k.ok() || !k.at_end() || !in.ok() || !in.at_end() || version < row_version ||
        version > tenant_version || !state_fits || !quota_fits)
    {
        return std::nullopt;
    }
    t.state = static_cast<tenant_state>(state);
    return t;
}

std::string encode(const key_row& row)
{
    std::string out(1, static_cast<char>(row_version));
    put_be(out, row.key.tenant.value);
    put_be(out, row.key.scopes.bits());
    put_time(out, row.key.created);
    put_time(out, row.key.revoked);
    out += crypto::as_bytes(row.hash);
    put_string(out, row.key.name);
    return out;
}

std::optional<key_row> decode_key(std::string_view key, std::string_view value)
{
    byte_reader k(key);
    byte_reader in(value);
    key_row row;
    const bool kind_fits = k.u8() == static_cast<std::uint8_t>(key_kind);
    row.key.id = k.be<std::uint64_t>();
    const auto version = in.u8();
    row.key.tenant = tenant_id{in.be<std::uint32_t>()};
    row.key.scopes = scope_set::from_bits(in.be<std::uint32_t>());
    row.key.created = take_time(in);
    row.key.revoked = take_optional_time(in);
    const auto hash = in.take(row.hash.size());
    row.key.name = in.string();
    if (!kind_fits || !k.ok() || !k.at_end() || !in.ok() || !in.at_end() || version != row_version)
    {
        return std::nullopt;
    }
    std::transform(hash.begin(), hash.end(), row.hash.begin(),
                   [](char c) { return static_cast<std::uint8_t>(c); });
    return row;
}

std::string encode(const sender_domain& d)
{
    std::string out(1, static_cast<char>(domain_version));
    const unsigned checks = (d.checks.dkim ? check_dkim : 0U) | (d.checks.spf ? check_spf : 0U) |
                            (d.checks.return_path ? check_return_path : 0U) |
                            (d.checks.dmarc ? check_dmarc : 0U);
    out.push_back(static_cast<char>(checks));
    put_time(out, d.created);
    put_time(out, d.checks.checked);
    put_string(out, d.domain);
    put_string(out, d.return_path_domain);
    put_varint(out, d.keys.size());
    for (const auto& key : d.keys)
    {
        const bool is_rsa = key.kind == dkim::algorithm::rsa_sha256;
        out.push_back(static_cast<char>(is_rsa ? stored_rsa : stored_ed25519));
        put_string(out, key.selector);
        put_string(out, key.dns_text);
        put_string(out, key.sealed_private_key);
        put_life(out, key);
    }
    put_varint(out, d.checks.findings.size());
    for (const auto& f : d.checks.findings)
    {
        put_finding(out, f);
    }
    return out;
}

std::optional<sender_domain> decode_domain(tenant_id tenant, std::string_view key,
                                           std::string_view value)
{
    byte_reader k(key);
    byte_reader in(value);
    sender_domain d;
    d.tenant = tenant;
    bool fits = k.u8() == static_cast<std::uint8_t>(domain_kind);
    d.id = k.be<std::uint64_t>();
    const auto version = in.u8();
    fits = fits && version >= row_version && version <= domain_version;
    const unsigned checks = in.u8();
    d.created = take_time(in);
    d.checks = {
        (checks & check_dkim) != 0,  (checks & check_spf) != 0, (checks & check_return_path) != 0,
        (checks & check_dmarc) != 0, take_optional_time(in),    {}};
    d.domain = in.string();
    d.return_path_domain = in.string();
    const std::uint64_t count = in.varint();
    fits = fits && count <= keys_per_domain_max;
    for (std::uint64_t i = 0; fits && in.ok() && i < count; ++i)
    {
        dkim_key_row row;
        const auto kind = in.u8();
        fits = kind == stored_rsa || kind == stored_ed25519;
        row.kind =
            kind == stored_rsa ? dkim::algorithm::rsa_sha256 : dkim::algorithm::ed25519_sha256;
        row.selector = in.string();
        row.dns_text = in.string();
        row.sealed_private_key = in.string();
        row.since = d.created;
        fits = fits && (version == row_version || take_life(in, row));
        d.keys.push_back(std::move(row));
    }
    const std::uint64_t findings = fits && version > row_version ? in.varint() : 0;
    fits = fits && findings <= findings_max;
    for (std::uint64_t i = 0; fits && in.ok() && i < findings; ++i)
    {
        auto finding = take_finding(in);
        fits = finding.has_value();
        if (finding)
        {
            d.checks.findings.push_back(std::move(*finding));
        }
    }
    if (!fits || !k.ok() || !k.at_end() || !in.ok() || !in.at_end())
    {
        return std::nullopt;
    }
    return d;
}

} // namespace hikyaku::identity
