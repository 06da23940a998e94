#include <hikyaku/feedback/dead_addresses.h>

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::feedback
{
namespace
{

constexpr std::uint8_t format = 1;
/// Platform family: 'g' 'd' + 16 bytes.
constexpr std::string_view prefix = "gd";
constexpr std::size_t hash_bytes = 16;
constexpr std::string_view key_purpose = "feedback/dead-addresses v1";
/// Entries erased by one commit.
constexpr std::size_t expire_batch = 10'000;

std::string encode(const dead_address& d)
{
    std::string out(1, static_cast<char>(format));
    put_varint(out, zigzag(to_unix_ms(d.first)));
    put_varint(out, zigzag((d.last - d.first).count()));
    put_string(out, d.cls);
    put_varint(out, d.tenants.size());
    for (const auto t : d.tenants)
    {
        put_be(out, t.value);
    }
    return out;
}

std::optional<dead_address> decode(std::string_view bytes)
{
    byte_reader in(bytes);
    dead_address d;
    const auto version = in.u8();
    d.first = from_unix_ms(unzigzag(in.varint()));
    d.last = d.first + milliseconds{unzigzag(in.varint())};
    d.cls = std::string(in.string());
    const auto tenants = in.varint();
    for (std::uint64_t i = 0; i < tenants && i < dead_addresses::tenants_kept; ++i)
    {
        d.tenants.push_back(tenant_id{in.be<std::uint32_t>()});
    }
    return version == format && in.ok() && in.at_end() ? std::optional(std::move(d)) : std::nullopt;
}

bool counts(const dead_address& d, const dead_address_options& o, wall_time now)
{
    return now < d.last + o.expires_after && d.tenants.size() >= o.tenants_min;
}

bool has(const std::vector<std::string>& keys, const std::string& key)
{
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

} // namespace

dead_addresses::dead_addresses(store::database& db, oplog::operation_log& log,
                               const crypto::master_key& master, const clock& clock_source,
                               dead_address_options options)
    : db_(db), log_(log), clock_(clock_source), key_(master.derive(key_purpose)), options_(options),
      enabled_(options.enabled)
{
    auto at = db_.platform().scan(prefix, store::prefix_end(prefix), nullptr, false);
    for (; at.valid(); at.next())
    {
        ++size_;
    }
    if (at.status().has_error())
    {
        log::error("dead_addresses_unreadable", {});
    }
}

void dead_addresses::set_options(dead_address_options options)
{
    const std::lock_guard lock(mutex_);
    options_ = options;
    enabled_ = options.enabled;
}

dead_address_options dead_addresses::options() const
{
    const std::lock_guard lock(mutex_);
    return options_;
}

std::string dead_addresses::key_of(std::string_view normalized) const
{
    const auto mac = crypto::hmac_sha256(crypto::as_bytes(key_), normalized);
    std::string key(prefix);
    key.append(crypto::as_bytes(mac).substr(0, hash_bytes));
    return key;
}

void dead_addresses::find_many(std::span<const std::string> normalized,
                               std::vector<bool>& out) const
{
    out.assign(normalized.size(), false);
    if (!enabled() || size() == 0)
    {
        return;
    }
    const auto now = clock_.wall();
    const auto o = options();
    std::vector<std::pair<std::string, std::size_t>> wanted;
    for (std::size_t i = 0; i < normalized.size(); ++i)
    {
        wanted.emplace_back(key_of(normalized[i]), i);
    }
    std::sort(wanted.begin(), wanted.end());
    std::vector<std::string> keys;
    for (const auto& [key, i] : wanted)
    {
        keys.push_back(key);
    }
    std::vector<std::optional<std::string>> rows;
    // Not reading an entry means sending: the receiver says again that nobody is there.
    static_cast<void>(db_.platform().find_many(keys, rows));
    for (std::size_t k = 0; k < rows.size(); ++k)
    {
        const auto d = rows[k] ? decode(*rows[k]) : std::nullopt;
        out[wanted[k].second] = d && counts(*d, o, now);
    }
}

void dead_addresses::note_failure(std::string_view normalized, std::string_view cls, tenant_id by,
                                  wall_time at, store::record& rows)
{
    if (!enabled())
    {
        return;
    }
    const auto key = key_of(normalized);
    const auto row = db_.platform().find(key);
    auto d = row.has_value() && *row ? decode(**row) : std::nullopt;
    const bool fresh = !d || has(removed_, key) || !(at < d->last + options().expires_after);
    if (fresh)
    {
        d = dead_address{at, at, {}, {}};
    }
    d->last = std::max(d->last, at);
    d->cls = cls;
    if (std::find(d->tenants.begin(), d->tenants.end(), by) == d->tenants.end() &&
        d->tenants.size() < tenants_kept)
    {
        d->tenants.push_back(by);
    }
    rows.put(store::space::data, key, encode(*d));
    if ((row.has_value() && !*row && !has(added_, key)) || has(removed_, key))
    {
        added_.push_back(key);
        std::erase(removed_, key);
    }
}

void dead_addresses::note_delivery(std::string_view normalized, store::record& rows)
{
    if (size() == 0 && added_.empty())
    {
        return;
    }
    const auto key = key_of(normalized);
    const auto row = db_.platform().find(key);
    if ((row.has_value() && *row && !has(removed_, key)) || has(added_, key))
    {
        rows.erase(store::space::data, key);
        removed_.push_back(key);
        std::erase(added_, key);
    }
}

void dead_addresses::settled(bool durable)
{
    size_ += durable ? added_.size() : 0;
    size_ -= durable ? std::min<std::uint64_t>(size_, removed_.size()) : 0;
    added_.clear();
    removed_.clear();
}

result<std::optional<dead_address>, failure> dead_addresses::find(std::string_view address) const
{
    const auto parsed = mime::parse_address(address);
    if (parsed.has_error())
    {
        return parsed.error();
    }
    const auto row = db_.platform().find(key_of(parsed->normalized()));
    if (row.has_error())
    {
        return failure{"the list can't be read"};
    }
    return *row ? decode(**row) : std::optional<dead_address>{};
}

result<bool, failure> dead_addresses::remove(const oplog::actor& who, std::string_view address)
{
    const auto parsed = mime::parse_address(address);
    if (parsed.has_error())
    {
        return parsed.error();
    }
    const auto key = key_of(parsed->normalized());
    auto change = log_.begin(platform_tenant, who, "dead_address.remove");
    const auto row = db_.platform().find(key);
    if (row.has_error())
    {
        return failure{"the list can't be read"};
    }
    if (!*row)
    {
        return false;
    }
    change.data().erase(store::space::data, key);
    change.commit([&] { size_ -= size_ > 0 ? 1 : 0; });
    return true;
}

std::uint64_t dead_addresses::expire(wall_time now)
{
    const auto o = options();
    std::uint64_t erased = 0;
    store::record rows(platform_tenant);
    auto at = db_.platform().scan(prefix, store::prefix_end(prefix), nullptr, false);
    for (; at.valid() && erased < expire_batch; at.next())
    {
        const auto d = decode(at.value());
        if (!d || !(now < d->last + o.expires_after))
        {
            rows.erase(store::space::data, at.key());
            ++erased;
        }
    }
    if (erased != 0)
    {
        db_.commit(std::move(rows), store::commit_class::bulk);
        size_ -= std::min<std::uint64_t>(size_, erased);
    }
    return erased;
}

} // namespace hikyaku::feedback
