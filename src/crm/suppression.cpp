#include "failures.h"
#include "keys.h"
#include "row_codec.h"

#include <hikyaku/crm/suppression.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

result<std::string, problem> normalize(std::string_view address)
{
    const auto parsed = mime::parse_address(address);
    if (parsed.has_error())
    {
        return invalid("address", parsed.error().text);
    }
    return parsed->normalized();
}

problem not_suppressed()
{
    return {errc::not_found, "", "The address is not suppressed."};
}

/// Valid UTF-8 without control characters, and not too long.
result<void, problem> check_source(std::string_view source)
{
    const bool plain = std::none_of(source.begin(), source.end(), [](char c)
                                    { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
    if (source.size() > suppression_source_bytes_max || !plain || !text::is_valid_utf8(source))
    {
        return invalid("source", "The source is at most 512 bytes of text without controls.");
    }
    return {};
}

/// @error corrupt  a row that can't be read must not look like an address that gets mail
result<std::optional<suppression>, problem> read_entry(const store::reader& from,
                                                       std::string_view normalized)
{
    const auto key = suppression_key(normalized);
    const auto row = from.find(key);
    if (row.has_error())
    {
        return damaged();
    }
    if (!row->has_value())
    {
        return std::optional<suppression>{};
    }
    auto s = decode_suppression(key, **row);
    if (!s)
    {
        return damaged();
    }
    return s;
}

bool is_own_wish(suppression_reason r)
{
    return r == suppression_reason::unsubscribed || r == suppression_reason::complaint;
}

bool outranks(const suppression& kept, const suppression& fresh)
{
    return is_own_wish(kept.reason) && !is_own_wish(fresh.reason);
}

bool lasts_longer(const suppression& kept, const suppression& fresh)
{
    return fresh.expires && (!kept.expires || *kept.expires > *fresh.expires);
}

} // namespace

std::optional<suppression> merge_suppression(const std::optional<suppression>& kept,
                                             suppression fresh, wall_time now)
{
    const bool counts = kept && kept->active(now);
    const bool stays =
        counts && (outranks(*kept, fresh) ||
                   (fresh.reason == suppression_reason::bounce && lasts_longer(*kept, fresh)));
    return stays ? std::nullopt : std::optional(std::move(fresh));
}

std::string make_suppression_source(std::string_view text)
{
    std::string out;
    while (!text.empty() && out.size() < suppression_source_bytes_max)
    {
        // Character by character: a cut or a broken one must not make the rest invalid.
        std::size_t bytes = 1;
        while (bytes < text.size() && bytes < 4 && !text::is_valid_utf8(text.substr(0, bytes)))
        {
            ++bytes;
        }
        const auto one = text.substr(0, bytes);
        const bool control = static_cast<unsigned char>(one[0]) < 0x20 || one[0] == 0x7F;
        const bool valid = text::is_valid_utf8(one) && !control;
        if (valid && out.size() + bytes > suppression_source_bytes_max)
        {
            break;
        }
        out += valid ? one : std::string_view(control ? " " : "?");
        text.remove_prefix(valid ? bytes : 1);
    }
    return out;
}

std::string_view to_string(suppression_reason r) noexcept
{
    switch (r)
    {
    case suppression_reason::unsubscribed:
        return "unsubscribed";
    case suppression_reason::complaint:
        return "complaint";
    case suppression_reason::bounce:
        return "bounce";
    case suppression_reason::manual:
        return "manual";
    }
    return "manual";
}

std::optional<suppression_reason> parse_suppression_reason(std::string_view text) noexcept
{
    for (const auto r : {suppression_reason::unsubscribed, suppression_reason::complaint,
                         suppression_reason::bounce, suppression_reason::manual})
    {
        if (to_string(r) == text)
        {
            return r;
        }
    }
    return std::nullopt;
}

std::string suppression_key(std::string_view normalized)
{
    std::string key(1, suppression_kind);
    key += normalized;
    return key;
}

std::string encode_suppression(const suppression& s)
{
    std::string out(1, static_cast<char>(row_version));
    out.push_back(static_cast<char>(s.reason));
    put_varint(out, zigzag(to_unix_ms(s.at)));
    out.push_back(s.expires ? 1 : 0);
    if (s.expires)
    {
        put_varint(out, zigzag(to_unix_ms(*s.expires)));
    }
    put_string(out, s.source);
    if (s.campaign != campaign_id{} || !s.cls.empty())
    {
        put_be(out, s.campaign.value);
        put_string(out, s.cls);
    }
    return out;
}

std::optional<suppression> decode_suppression(std::string_view key, std::string_view value)
{
    byte_reader in(value);
    suppression s;
    const auto version = in.u8();
    s.reason = static_cast<suppression_reason>(in.u8());
    s.at = from_unix_ms(unzigzag(in.varint()));
    if (in.u8() != 0)
    {
        s.expires = from_unix_ms(unzigzag(in.varint()));
    }
    s.source = std::string(in.string());
    if (in.ok() && !in.at_end())
    {
        s.campaign = campaign_id{in.be<std::uint64_t>()};
        s.cls = std::string(in.string());
    }
    if (key.size() < 2 || key[0] != suppression_kind || version != row_version || !in.ok() ||
        !in.at_end() || s.reason < suppression_reason::unsubscribed ||
        s.reason > suppression_reason::manual)
    {
        return std::nullopt;
    }
    s.address = std::string(key.substr(1));
    return s;
}

suppressions::suppressions(store::database& db, oplog::operation_log& log, change_stamps& stamps,
                           const clock& clock)
    : db_(db), log_(log), stamps_(stamps), clock_(clock)
{
}

result<suppression, problem> suppressions::add(tenant_id tenant, const oplog::actor& who,
                                               suppression s, const also<suppression>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    auto address = normalize(s.address);
    if (address.has_error())
    {
        return address.error();
    }
    if (const auto source = check_source(s.source); source.has_error())
    {
        return source.error();
    }
    s.address = *address;
    s.at = clock_.wall();
    auto change = log_.begin(tenant, who, "suppression.add");
    const auto kept = read_entry(*store, s.address);
    if (kept.has_error())
    {
        return kept.error();
    }
    if (*kept && (*kept)->active(s.at) && outranks(**kept, s))
    {
        s = **kept;
    }
    change.data().put(store::space::data, suppression_key(s.address), encode_suppression(s));
    // Not the address: the log is kept longer than a person may want to be known.
    change.set_detail(std::string(to_string(s.reason)));
    if (with)
    {
        with(s, change.data());
    }
    change.commit([&] { stamps_.bump_address(tenant, s.address); });
    return s;
}

result<void, problem> suppressions::add_many(tenant_id tenant, const oplog::actor& who,
                                             std::vector<suppression> entries)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    if (entries.size() > add_max)
    {
        return problem{errc::limit, "", "At most 10,000 addresses at once."};
    }
    const auto now = clock_.wall();
    for (auto& s : entries)
    {
        auto address = normalize(s.address);
        if (address.has_error())
        {
            return address.error();
        }
        if (const auto source = check_source(s.source); source.has_error())
        {
            return source.error();
        }
        s.address = *address;
        s.at = now;
    }
    auto change = log_.begin(tenant, who, "suppression.add");
    for (auto& s : entries)
    {
        const auto kept = read_entry(*store, s.address);
        if (kept.has_error())
        {
            return kept.error();
        }
        if (!*kept || !(*kept)->active(now) || !outranks(**kept, s))
        {
            change.data().put(store::space::data, suppression_key(s.address),
                              encode_suppression(s));
        }
    }
    change.set_detail(std::to_string(entries.size()) + " addresses");
    change.commit(
        [&]
        {
            for (const auto& s : entries)
            {
                stamps_.bump_address(tenant, s.address);
            }
        });
    return {};
}

result<void, problem> suppressions::remove(tenant_id tenant, const oplog::actor& who,
                                           std::string_view address, const also<suppression>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    const auto normalized = normalize(address);
    if (normalized.has_error())
    {
        return not_suppressed();
    }
    auto change = log_.begin(tenant, who, "suppression.remove");
    const auto was = read_entry(*store, *normalized);
    if (was.has_error())
    {
        return was.error();
    }
    if (!*was)
    {
        return not_suppressed();
    }
    change.data().erase(store::space::data, suppression_key(*normalized));
    if (with)
    {
        with(**was, change.data());
    }
    change.commit([&] { stamps_.bump_address(tenant, *normalized); });
    return {};
}

result<suppression, problem> suppressions::unsubscribe(tenant_id tenant, const oplog::actor& who,
                                                       ordinal number, std::string_view source,
                                                       const also<suppression>& with)
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    if (const auto plain = check_source(source); plain.has_error())
    {
        return plain.error();
    }
    auto change = log_.begin(tenant, who, "contact.unsubscribe");
    const auto row = store->find(contact_key(number));
    if (row.has_error())
    {
        return damaged();
    }
    const auto c = row->has_value() ? decode_contact(number, **row) : std::nullopt;
    if (row->has_value() && !c)
    {
        return damaged();
    }
    const auto* email = c ? c->find(email_field) : nullptr;
    const auto* typed = email != nullptr ? std::get_if<std::string>(email) : nullptr;
    const auto address =
        typed != nullptr ? normalize(*typed) : result<std::string, problem>(not_suppressed());
    if (address.has_error())
    {
        return problem{errc::not_found, "", "There is no such contact, or it has no address."};
    }
    suppression s;
    s.address = *address;
    s.reason = suppression_reason::unsubscribed;
    s.source = source;
    s.at = clock_.wall();
    change.data().put(store::space::data, suppression_key(s.address), encode_suppression(s));
    change.set_object(contact_public_id(tenant, number));
    if (with)
    {
        with(s, change.data());
    }
    change.commit(
        [&]
        {
            stamps_.bump_address(tenant, s.address);
            stamps_.bump(tenant, number);
        });
    return s;
}

result<std::optional<suppression>, problem> suppressions::find(tenant_id tenant,
                                                               std::string_view address) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    const auto normalized = normalize(address);
    if (normalized.has_error())
    {
        return std::optional<suppression>{};
    }
    return read_entry(*store, *normalized);
}

result<bool, problem> suppressions::check(tenant_id tenant, std::string_view normalized,
                                          wall_time now) const
{
    const auto found = find(tenant, normalized);
    if (found.has_error())
    {
        return found.error();
    }
    return found->has_value() && (*found)->active(now);
}

result<suppression_page, problem> suppressions::list(tenant_id tenant, std::string_view after,
                                                     std::size_t limit,
                                                     std::optional<suppression_reason> only) const
{
    const auto store = db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    suppression_page page;
    limit = std::min(limit, page_max);
    const std::string first = suppression_key(after) + (after.empty() ? "" : std::string(1, '\0'));
    auto it = store->scan(first, store::prefix_end(std::string_view(&suppression_kind, 1)));
    std::string last;
    for (std::size_t looked = 0; it.valid() && page.entries.size() < limit && looked < look_max;
         it.next(), ++looked)
    {
        auto s = decode_suppression(it.key(), it.value());
        if (!s)
        {
            return damaged();
        }
        last = s->address;
        if (!only || s->reason == *only)
        {
            page.entries.push_back(std::move(*s));
        }
    }
    if (it.status().has_error())
    {
        return damaged();
    }
    if (it.valid() && !last.empty())
    {
        page.next = std::move(last);
    }
    return page;
}

result<void, problem> suppressions::find_many(const store::reader& from,
                                              std::span<const std::string> normalized,
                                              wall_time now,
                                              std::vector<std::optional<suppression>>& out,
                                              const store::snapshot* at)
{
    out.assign(normalized.size(), std::nullopt);
    std::vector<std::string> keys;
    keys.reserve(normalized.size());
    for (const auto& address : normalized)
    {
        keys.push_back(suppression_key(address));
    }
    std::vector<std::optional<std::string>> rows;
    if (from.find_many(keys, rows, at).has_error())
    {
        return damaged();
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
    {
        if (!rows[i])
        {
            continue;
        }
        auto s = decode_suppression(keys[i], *rows[i]);
        if (!s)
        {
            return damaged();
        }
        if (s->active(now))
        {
            out[i] = std::move(s);
        }
    }
    return {};
}

} // namespace hikyaku::crm
