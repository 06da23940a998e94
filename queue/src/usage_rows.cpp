#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/queue/keys.h>
#include <hikyaku/queue/usage_rows.h>

#include <functional>
#include <limits>

namespace hikyaku::queue
{
namespace
{

constexpr std::uint8_t format = 1;
constexpr std::size_t tenant_key_bytes = 1 + 4;

std::string key_of(row kind, tenant_id tenant)
{
    std::string key(1, static_cast<char>(kind));
    put_be(key, tenant.value);
    return key;
}

std::string platform_key(row kind)
{
    return key_of(kind, platform_tenant);
}

std::string warm_up_key(std::int32_t day)
{
    HK_ASSERT(day >= 0);
    std::string key = platform_key(row::warm_up);
    put_be(key, static_cast<std::uint32_t>(day));
    return key;
}

std::int32_t narrow(std::int64_t n, bool& fits)
{
    fits = fits && n >= std::numeric_limits<std::int32_t>::min() &&
           n <= std::numeric_limits<std::int32_t>::max();
    return static_cast<std::int32_t>(n);
}

std::optional<tenant_usage> decode_usage(std::string_view value)
{
    byte_reader in(value);
    bool fits = in.u8() == format;
    tenant_usage u;
    u.day = narrow(unzigzag(in.varint()), fits);
    u.today = in.varint();
    u.month = narrow(unzigzag(in.varint()), fits);
    u.this_month = in.varint();
    return fits && in.ok() && in.at_end() ? std::optional(u) : std::nullopt;
}

/// Reads rows of one kind of the platform; `read` says whether a row is sound.
result<void> read_rows(const store::reader& queue, row kind,
                       const std::function<bool(byte_reader&, std::string_view)>& read)
{
    const std::string prefix = platform_key(kind);
    std::uint64_t damaged = 0;
    auto it = queue.scan_prefix(prefix);
    for (; it.valid(); it.next())
    {
        byte_reader key(it.key().substr(prefix.size()));
        const bool sound = read(key, it.value());
        damaged += sound && key.ok() ? 0 : 1;
    }
    if (damaged > 0)
    {
        log::error("platform_rows_damaged",
                   {{"kind", std::string(1, static_cast<char>(kind))}, {"rows", damaged}});
    }
    return it.status();
}

bool read_warm_up(byte_reader& key, std::string_view value, std::vector<warm_up_usage>& out)
{
    warm_up_usage w;
    const auto day = key.be<std::uint32_t>();
    w.source = key.be<std::uint16_t>();
    w.site = std::string(key.rest());
    byte_reader in(value);
    const auto version = in.u8();
    w.used = in.varint();
    const bool sound = key.ok() && version == format && in.ok() && in.at_end() &&
                       day <= std::numeric_limits<std::int32_t>::max();
    if (sound)
    {
        w.day = static_cast<std::int32_t>(day);
        out.push_back(std::move(w));
    }
    return sound;
}

bool read_adaptation(byte_reader& key, std::string_view value, std::vector<adaptation_row>& out)
{
    const auto source = key.be<std::uint16_t>();
    const bool sound = key.ok() && !value.empty() && value.size() <= state_bytes_max;
    if (sound)
    {
        out.push_back({source, std::string(key.rest()), std::string(value)});
    }
    return sound;
}

bool read_source(byte_reader& key, std::string_view value, std::vector<source_row>& out)
{
    const auto number = key.be<std::uint16_t>();
    const bool sound = key.ok() && key.at_end() && number != 0 && !value.empty();
    if (sound)
    {
        out.push_back({number, std::string(value)});
    }
    return sound;
}

} // namespace

void put_usage(store::record& tenant, const tenant_usage& u)
{
    HK_ASSERT(tenant.tenant() != platform_tenant);
    std::string value(1, static_cast<char>(format));
    put_varint(value, zigzag(u.day));
    put_varint(value, u.today);
    put_varint(value, zigzag(u.month));
    put_varint(value, u.this_month);
    tenant.put(store::space::queue, key_of(row::usage, tenant.tenant()), value);
}

result<std::optional<tenant_usage>> find_usage(const store::reader& queue, tenant_id tenant)
{
    const auto value = queue.find(key_of(row::usage, tenant));
    if (value.has_error())
    {
        return value.error();
    }
    if (!*value)
    {
        return std::optional<tenant_usage>{};
    }
    const auto found = decode_usage(**value);
    if (!found)
    {
        log::error("usage_row_damaged", {{"tenant", format_id("ten", tenant.value)}});
    }
    return found;
}

result<void> erase_orphaned_usage(store::database& db)
{
    store::record rows(platform_tenant);
    auto it = db.queue().scan_prefix(std::string(1, static_cast<char>(row::usage)));
    for (; it.valid(); it.next())
    {
        const auto tenant = it.key().size() == tenant_key_bytes
                                ? tenant_id{get_be<std::uint32_t>(it.key().substr(1))}
                                : platform_tenant;
        if (tenant != platform_tenant && db.find_tenant(tenant) == nullptr)
        {
            rows.erase(store::space::queue, std::string(it.key()));
        }
    }
    if (const auto status = it.status(); status.has_error())
    {
        return status.error();
    }
    if (!rows.empty())
    {
        db.commit(std::move(rows), store::commit_class::control);
    }
    return {};
}

void put_warm_up(store::record& platform, const warm_up_usage& w)
{
    HK_ASSERT(platform.tenant() == platform_tenant && w.site.size() <= site_bytes_max);
    std::string key = warm_up_key(w.day);
    put_be(key, w.source);
    key += w.site;
    std::string value(1, static_cast<char>(format));
    put_varint(value, w.used);
    platform.put(store::space::queue, key, value);
}

void erase_warm_up_before(store::record& platform, std::int32_t day)
{
    HK_ASSERT(platform.tenant() == platform_tenant);
    if (day > 0)
    {
        platform.erase_range(store::space::queue, warm_up_key(0), warm_up_key(day));
    }
}

void put_adaptation(store::record& platform, const adaptation_row& a)
{
    HK_ASSERT(platform.tenant() == platform_tenant && a.site.size() <= site_bytes_max &&
              a.state.size() <= state_bytes_max);
    std::string key = platform_key(row::adaptation);
    put_be(key, a.source);
    key += a.site;
    if (a.state.empty())
    {
        platform.erase(store::space::queue, key);
        return;
    }
    platform.put(store::space::queue, key, a.state);
}

void put_suspensions(store::record& platform, std::string_view state)
{
    HK_ASSERT(platform.tenant() == platform_tenant && state.size() <= state_bytes_max);
    const std::string key = platform_key(row::suspensions);
    if (state.empty())
    {
        platform.erase(store::space::queue, key);
        return;
    }
    platform.put(store::space::queue, key, state);
}

void put_source(store::record& platform, const source_row& s)
{
    HK_ASSERT(platform.tenant() == platform_tenant && s.number != 0 && !s.name.empty());
    std::string key = platform_key(row::source);
    put_be(key, s.number);
    platform.put(store::space::queue, key, s.name);
}

result<platform_rows> load_platform_rows(const store::reader& queue)
{
    platform_rows out;
    const auto read = [&](row kind, auto reader, auto& rows)
    {
        return read_rows(queue, kind, [&](byte_reader& key, std::string_view value)
                         { return reader(key, value, rows); });
    };
    for (const auto& done : {read(row::warm_up, read_warm_up, out.warm_up),
                             read(row::adaptation, read_adaptation, out.adaptation),
                             read(row::source, read_source, out.sources)})
    {
        if (done.has_error())
        {
            return done.error();
        }
    }
    const auto suspensions = queue.find(platform_key(row::suspensions));
    if (suspensions.has_error())
    {
        return suspensions.error();
    }
    out.suspensions = suspensions->value_or("");
    return {boost::system::in_place_value, std::move(out)};
}

} // namespace hikyaku::queue
