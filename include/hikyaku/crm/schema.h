#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/json.h>
#include <hikyaku/crm/problem.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/segment/condition.h>

namespace hikyaku::crm
{

/// The types are those of the condition language: text integer decimal date datetime boolean email
/// select multi_select tags.
using segment::field_type;
[[nodiscard]] std::optional<field_type> parse_field_type(std::string_view name) noexcept;

inline constexpr std::size_t fields_max = 500;
inline constexpr std::size_t field_name_bytes_max = 64;
inline constexpr std::size_t field_label_bytes_max = 255;
inline constexpr std::size_t field_memo_bytes_max = 4'096;
inline constexpr std::size_t field_options_max = 1'000;
inline constexpr std::size_t field_option_bytes_max = 255;
inline constexpr std::size_t field_default_bytes_max = 1'024;

/// The address that mail is sent to: every tenant has this field, and it can't be deleted.
inline constexpr std::uint16_t email_field = 1;
/// Of the default fields.
inline constexpr std::uint16_t name_field = 2;
inline constexpr std::uint16_t kana_field = 3;
/// When the contact last opened, clicked or answered: a datetime that every tenant has, set like
/// any other field. A source in warm-up writes first to those who engaged most recently. A tenant
/// that made a field of this name before keeps its own instead.
inline constexpr std::uint16_t engaged_field = 65'535;
inline constexpr std::string_view engaged_name = "engaged_at";

/// A typed, labelled column of a contact.
struct field
{
    /// 1 to 65,535, never reused; also the slot in conditions.
    std::uint16_t id = 0;
    /// ASCII: a lower-case letter, then lower-case letters, digits and '_'. Unique.
    std::string name;
    /// What people call it, any Unicode without control characters. Unique, and no other's name.
    std::string label;
    /// Fixed once created.
    field_type type = field_type::text;
    /// What a select or multi_select may hold, in the order shown. Other types have none.
    std::vector<std::string> options;
    /// Personal information: shown only to those who may see it.
    bool personal = false;
    /// A contact can't be written without it.
    bool required = false;
    /// No two contacts share a value: contacts can be found and updated by it. Not for boolean,
    /// multi_select and tags.
    bool update_key = false;
    /// 管理用メモ
    std::string memo;
    /// Given to new contacts that come without a value; in the form parse_value reads.
    std::string default_value;
    friend bool operator==(const field&, const field&) = default;
};

/// A tenant's fields at one moment. Immutable; any thread.
class schema
{
public:
    schema(std::uint64_t version, std::vector<field> fields);

    /// Counts up with every change.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }
    /// Ascending by id.
    [[nodiscard]] std::span<const field> fields() const noexcept { return fields_; }
    /// nullptr when there is none.
    [[nodiscard]] const field* find(std::uint16_t id) const noexcept;
    /// By name, else by label, exactly.
    [[nodiscard]] const field* find(std::string_view name_or_label) const;
    /// Ids of the update key fields, ascending.
    [[nodiscard]] std::span<const std::uint16_t> update_keys() const noexcept { return keys_; }
    /// For segment::compile: slot = field id. Valid as long as the schema.
    [[nodiscard]] segment::field_finder finder() const;
    /// Names of all fields: suggestions for a misspelt one.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::uint64_t version_;
    std::vector<field> fields_;
    std::vector<std::uint16_t> keys_;
    std::unordered_map<std::string_view, std::size_t> by_name_;
    std::unordered_map<std::string_view, std::size_t> by_label_;
};

using schema_ptr = std::shared_ptr<const schema>; // shared: jobs and campaigns keep theirs

/// The schemas of all tenants: cached, changed through the operation log ("field.create", …).
/// Thread-safe; changes block until durable.
class schemas
{
public:
    /// A change that must read existing contacts (making a field an update key, deleting an email
    /// field) is refused above this number of contacts.
    static constexpr std::uint64_t rebuild_contacts_max = 100'000;

    schemas(store::database& db, oplog::operation_log& log);

    /// The tenant's fields; the default ones (email, name, kana, engaged_at) until it changes any.
    /// @error not_found  no such tenant;  corrupt
    [[nodiscard]] result<schema_ptr, problem> get(tenant_id tenant) const;

    /// `f.id` is ignored. Returns the field with its id.
    /// @error invalid, duplicate (name or label), limit
    [[nodiscard]] result<field, problem> create(tenant_id tenant, const oplog::actor& who, field f,
                                                const also<field>& with = {});
    /// Replaces the definition but its id and type. Options may go while contacts still have them.
    /// @error not_found, invalid (also another type), duplicate (also: contacts share a value of
    ///        what is to become an update key), limit
    [[nodiscard]] result<field, problem> update(tenant_id tenant, const oplog::actor& who, field f,
                                                const also<field>& with = {});
    /// The values of contacts are no longer shown; they leave the disk when the contact is written.
    /// @error not_found, invalid (email_field, engaged_field), limit
    [[nodiscard]] result<void, problem> remove(tenant_id tenant, const oplog::actor& who,
                                               std::uint16_t id, const also<field>& with = {});
    /// Forgets a tenant that was dropped.
    void forget(tenant_id tenant);

private:
    [[nodiscard]] result<schema_ptr, problem> load(tenant_id tenant) const;
    void publish(tenant_id tenant, schema_ptr s) const;

    store::database& db_;
    oplog::operation_log& log_;
    mutable std::mutex mutex_;
    mutable std::unordered_map<tenant_id, schema_ptr> cache_;
};

/// The fields a new tenant starts with.
[[nodiscard]] std::vector<field> default_fields();
/// engaged_field, for tenants whose fields were written before it existed.
[[nodiscard]] field make_engaged_field();

} // namespace hikyaku::crm
