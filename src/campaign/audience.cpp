#include "audience.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/crypto/sha256.h>
#include <hikyaku/mime/address.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

constexpr std::size_t upload_line_bytes_max = 64u << 10;

std::string short_hash(const std::string& normalized)
{
    return std::string(crypto::as_bytes(crypto::sha256(normalized)).substr(0, 16));
}

failure damaged()
{
    return {"stored data of the audience failed its checksum"};
}

} // namespace

audience_reader::audience_reader(dependencies deps, queue::campaign_ref campaign,
                                 const definition& d)
    : deps_(deps), campaign_(campaign), source_(d), store_(deps.db.find_tenant(campaign.tenant))
{
}

std::string audience_reader::encode_cursor() const
{
    std::string out;
    put_varint(out, at_);
    put_varint(out, end_);
    put_varint(out, file_at_);
    return out;
}

void audience_reader::advance(queue::expansion_state& state, bool complete)
{
    state.cursor = encode_cursor();
    state.complete = complete;
}

result<void, failure> audience_reader::open(const std::string& cursor, bool complete)
{
    if (complete)
    {
        return {};
    }
    if (store_ == nullptr)
    {
        return failure{"the tenant does not exist"};
    }
    const auto schema = deps_.crm.schemas.get(campaign_.tenant);
    if (schema.has_error())
    {
        return failure{schema.error().text};
    }
    schema_ = *schema;
    email_is_unique_ = schema_->find(crm::email_field)->update_key;
    if (!cursor.empty())
    {
        byte_reader in(cursor);
        at_ = in.varint();
        end_ = in.varint();
        file_at_ = in.varint();
        if (!in.ok())
        {
            return damaged();
        }
    }
    switch (source_.audience.kind)
    {
    case audience_kind::where:
    {
        const auto tree = parse_json(source_.audience.text);
        const auto names = schema_->names();
        auto compiled = tree.has_value()
                            ? segment::compile(*tree, schema_->finder(), {{}, true, names})
                            : result<segment::condition, std::vector<segment::condition_error>>(
                                  std::vector<segment::condition_error>{});
        if (compiled.has_error())
        {
            return failure{"the audience's condition does not fit the fields any more"};
        }
        condition_ = *compiled;
        if (cursor.empty())
        {
            const auto last = deps_.crm.contacts.last_ordinal(campaign_.tenant);
            if (last.has_error())
            {
                return failure{last.error().text};
            }
            end_ = static_cast<std::uint64_t>(last->value) + 1;
        }
        return {};
    }
    case audience_kind::contacts:
        end_ = source_.audience.ordinals.size() + 1;
        return {};
    case audience_kind::recipients:
        end_ = static_cast<std::uint64_t>(source_.audience.count) + 1;
        return recall_addresses(at_);
    case audience_kind::upload:
    {
        const auto upload = deps_.crm.uploads.find(campaign_.tenant, source_.audience.text);
        if (upload.has_error())
        {
            return failure{"the uploaded file is gone"};
        }
        file_.open(upload->file, std::ios::binary);
        file_.seekg(static_cast<std::streamoff>(file_at_));
        if (!file_)
        {
            return failure{"the uploaded file can't be read"};
        }
        return recall_addresses(at_);
    }
    }
    return failure{"unknown audience"};
}

/// After a restart: the addresses of the recipients before the cursor, so that none comes twice.
result<void, failure> audience_reader::recall_addresses(std::uint64_t upto)
{
    if (!source_.once_per_address || upto <= 1)
    {
        return {};
    }
    const std::string first = recipient_key(campaign_.campaign, ordinal{1});
    const std::string last =
        recipient_key(campaign_.campaign, ordinal{static_cast<std::uint32_t>(upto)});
    auto it = store_->scan(first, last, nullptr, false);
    for (; it.valid(); it.next())
    {
        const auto r = decode_recipient(it.value());
        const auto parsed =
            r ? mime::parse_address(r->email) : result<mime::address, failure>(damaged());
        if (parsed.has_value())
        {
            seen_.insert(short_hash(parsed->normalized()));
        }
    }
    return it.status().has_error() ? result<void, failure>(damaged()) : result<void, failure>();
}

/// Another contact with the same address was written later (or has the higher number).
bool audience_reader::is_older_twin(ordinal who, const std::string& normalized) const
{
    const auto twins = deps_.crm.contacts.find_by_address(campaign_.tenant, normalized);
    if (twins.has_error() || twins->size() < 2)
    {
        return false;
    }
    std::vector<std::optional<std::string>> rows;
    if (crm::contacts::find_rows(*store_, *twins, rows).has_error())
    {
        return false;
    }
    crm::contact_row_view view;
    std::pair<wall_time, ordinal> mine;
    std::pair<wall_time, ordinal> newest;
    for (std::size_t i = 0; i < twins->size(); ++i)
    {
        if (!rows[i] || !view.load(*rows[i]))
        {
            continue;
        }
        const auto* address = std::get_if<std::string_view>(
            &static_cast<const segment::cell&>(view.value(crm::email_field)));
        const auto parsed = mime::parse_address(address != nullptr ? *address : "");
        // Only contacts that would be mailed at this address compete, and only those in the
        // audience's range.
        if (parsed.has_error() || parsed->normalized() != normalized || (*twins)[i].value >= end_ ||
            (source_.audience.kind == audience_kind::where &&
             !segment::matches(condition_, view, deps_.clock_source.wall(), offset_minutes_)))
        {
            continue;
        }
        const std::pair candidate{view.updated(), (*twins)[i]};
        newest = std::max(newest, candidate);
        if ((*twins)[i] == who)
        {
            mine = candidate;
        }
    }
    return mine < newest;
}

void audience_reader::add(ordinal who, std::string_view email, bool check_twins, page& out,
                          queue::expansion_state& state, store::record& platform)
{
    state.audience += 1;
    if (email.empty())
    {
        state.no_address += 1;
        return;
    }
    const auto parsed = mime::parse_address(email);
    if (parsed.has_error())
    {
        state.invalid_address += 1;
        return;
    }
    if (source_.once_per_address)
    {
        const std::string normalized = parsed->normalized();
        const bool twin = check_twins ? is_older_twin(who, normalized)
                                      : !seen_.insert(short_hash(normalized)).second;
        if (twin)
        {
            state.duplicates += 1;
            return;
        }
    }
    out.push_back({who, deps_.number_of ? deps_.number_of(parsed->domain_ascii)
                                        : deps_.routing.obtain(parsed->domain_ascii, platform)});
    state.recipients += 1;
}

result<audience_reader::page, failure> audience_reader::next(std::size_t limit,
                                                             queue::expansion_state& state,
                                                             store::record& platform,
                                                             store::record& rows)
{
    switch (source_.audience.kind)
    {
    case audience_kind::where:
    case audience_kind::contacts:
        return next_contacts(limit, state, platform);
    case audience_kind::recipients:
        return next_given(limit, state, platform);
    case audience_kind::upload:
        return next_uploaded(limit, state, platform, rows);
    }
    return failure{"unknown audience"};
}

result<audience_reader::page, failure> audience_reader::next_contacts(std::size_t limit,
                                                                      queue::expansion_state& state,
                                                                      store::record& platform)
{
    page out;
    crm::contact_row_view view;
    const bool twins = source_.once_per_address &&
                       (!email_is_unique_ || source_.audience.kind == audience_kind::contacts);
    const auto take = [&](ordinal who, std::string_view row)
    {
        if (!view.load(row))
        {
            state.audience += 1;
            state.invalid_address += 1;
            return;
        }
        if (source_.audience.kind == audience_kind::where &&
            !segment::matches(condition_, view, deps_.clock_source.wall(), offset_minutes_))
        {
            return;
        }
        const auto cell = view.value(crm::email_field);
        const auto* email = std::get_if<std::string_view>(&cell);
        add(who, email != nullptr ? *email : std::string_view(), twins && !email_is_unique_, out,
            state, platform);
    };
    if (source_.audience.kind == audience_kind::contacts)
    {
        std::vector<ordinal> numbers;
        for (; at_ < end_ && numbers.size() < limit; ++at_)
        {
            numbers.push_back(ordinal{source_.audience.ordinals[at_ - 1]});
        }
        std::vector<std::optional<std::string>> rows;
        if (crm::contacts::find_rows(*store_, numbers, rows).has_error())
        {
            return damaged();
        }
        for (std::size_t i = 0; i < numbers.size(); ++i)
        {
            if (rows[i])
            {
                take(numbers[i], *rows[i]);
            }
        }
        advance(state, at_ >= end_);
        return out;
    }
    const std::string first = crm::contact_key(ordinal{static_cast<std::uint32_t>(at_)});
    const std::string last = crm::contact_key(ordinal{static_cast<std::uint32_t>(end_)});
    auto it = store_->scan(first, last, nullptr, false);
    std::size_t walked = 0;
    for (; it.valid() && walked < limit; it.next(), ++walked)
    {
        const ordinal who{get_be<std::uint32_t>(it.key().substr(1))};
        take(who, it.value());
        at_ = static_cast<std::uint64_t>(who.value) + 1;
    }
    if (it.status().has_error())
    {
        return damaged();
    }
    advance(state, !it.valid());
    return out;
}

result<audience_reader::page, failure> audience_reader::next_given(std::size_t limit,
                                                                   queue::expansion_state& state,
                                                                   store::record& platform)
{
    page out;
    auto it =
        store_->scan(recipient_key(campaign_.campaign, ordinal{static_cast<std::uint32_t>(at_)}),
                     recipient_key(campaign_.campaign, ordinal{static_cast<std::uint32_t>(end_)}));
    std::size_t walked = 0;
    for (; it.valid() && walked < limit; it.next(), ++walked)
    {
        const auto r = decode_recipient(it.value());
        const ordinal who{get_be<std::uint32_t>(it.key().substr(9))};
        add(who, r ? r->email : std::string(), false, out, state, platform);
        at_ = static_cast<std::uint64_t>(who.value) + 1;
    }
    if (it.status().has_error())
    {
        return damaged();
    }
    advance(state, !it.valid());
    return out;
}

result<audience_reader::page, failure> audience_reader::next_uploaded(std::size_t limit,
                                                                      queue::expansion_state& state,
                                                                      store::record& platform,
                                                                      store::record& rows)
{
    page out;
    std::string line;
    std::size_t walked = 0;
    while (walked < limit && std::getline(file_, line))
    {
        file_at_ += line.size() + 1;
        if (line.empty() || line == "\r")
        {
            continue;
        }
        ++walked;
        const auto parsed = line.size() <= upload_line_bytes_max
                                ? parse_json(line)
                                : result<json::value, json_error>(json_error{"line too long", 0});
        const auto* object = parsed.has_value() ? parsed->if_object() : nullptr;
        const auto text_of = [object](const char* key)
        {
            const auto* v = object != nullptr ? object->if_contains(key) : nullptr;
            return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
        };
        given_recipient r{text_of("email"), text_of("name"), "{}"};
        const auto* variables = object != nullptr ? object->if_contains("variables") : nullptr;
        if (variables != nullptr && variables->is_object())
        {
            r.variables = to_json_text(*variables);
        }
        if (object == nullptr)
        {
            state.audience += 1;
            state.invalid_address += 1;
            continue;
        }
        const ordinal who{static_cast<std::uint32_t>(at_++)};
        const auto before = out.size();
        add(who, r.email, false, out, state, platform);
        if (out.size() > before)
        {
            rows.put(store::space::data, recipient_key(campaign_.campaign, who), encode(r));
        }
    }
    end_ = at_;
    advance(state, !file_);
    return out;
}

} // namespace hikyaku::campaign
