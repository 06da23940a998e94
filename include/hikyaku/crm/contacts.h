#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/crm/change_stamps.h>
#include <hikyaku/crm/contact.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/oplog/operation_log.h>

namespace hikyaku::crm
{

/// A page of contacts, ascending by ordinal.
struct contact_page
{
    std::vector<contact> contacts;
    /// Pass as `after` for the next page; nullopt at the end.
    std::optional<ordinal> next;
};

struct upserted
{
    contact stored;
    bool created = false;
};

/// The contacts of all tenants. Every change is one durable commit with its operation log entry
/// ("contact.create", "contact.update", "contact.upsert", "contact.delete") and its indexes, and
/// bumps the stamps of the contact and of its addresses before it returns. Thread-safe; calls block
/// on the disk.
///
/// Errors of every call: not_found (no such tenant or contact), corrupt.
class contacts
{
public:
    static constexpr std::size_t page_max = 1'000;

    contacts(store::database& db, oplog::operation_log& log, const schemas& s,
             change_stamps& stamps, const clock& clock);

    /// none values are as good as absent; defaults are filled in.
    /// @error invalid (required field missing, row too large), duplicate (names the field), limit
    [[nodiscard]] result<contact, problem> create(tenant_id tenant, const oplog::actor& who,
                                                  values v, const also<contact>& with = {});
    [[nodiscard]] result<contact, problem> get(tenant_id tenant, ordinal number) const;
    /// Changes the given fields only; none erases. `if_revision`: the one the caller has seen.
    /// A change that changes nothing writes nothing but is still a success.
    /// @error stale, invalid, duplicate
    [[nodiscard]] result<contact, problem> update(tenant_id tenant, const oplog::actor& who,
                                                  ordinal number, values v,
                                                  std::optional<std::uint64_t> if_revision = {},
                                                  const also<contact>& with = {});
    /// `with` sees the contact as it was.
    /// @error stale
    [[nodiscard]] result<void, problem> remove(tenant_id tenant, const oplog::actor& who,
                                               ordinal number,
                                               std::optional<std::uint64_t> if_revision = {},
                                               const also<contact>& with = {});
    /// Updates the contact whose `key_field` is `key`, or creates it with that value.
    /// @error invalid (not an update key field; `v` has another value for it), duplicate
    [[nodiscard]] result<upserted, problem> upsert(tenant_id tenant, const oplog::actor& who,
                                                   std::uint16_t key_field, const value& key,
                                                   values v, const also<upserted>& with = {});
    /// The contact with this value in an update key field.
    [[nodiscard]] result<std::optional<ordinal>, problem>
    find(tenant_id tenant, std::uint16_t key_field, const value& key) const;
    /// Contacts that have the address in any email field, ascending, at most `limit`.
    [[nodiscard]] result<std::vector<ordinal>, problem>
    find_by_address(tenant_id tenant, std::string_view normalized, std::size_t limit = 1'000) const;
    /// Contacts with ordinals > `after`, at most min(limit, page_max).
    [[nodiscard]] result<contact_page, problem> list(tenant_id tenant, ordinal after,
                                                     std::size_t limit) const;
    /// Exact.
    [[nodiscard]] result<std::uint64_t, problem> count(tenant_id tenant) const;
    /// The greatest ordinal given so far; 0 when there is none.
    [[nodiscard]] result<ordinal, problem> last_ordinal(tenant_id tenant) const;

    /// Encoded rows for the send path and for conditions (contact_row_view reads them): rows[i]
    /// belongs to numbers[i], ascending ordinals are cheapest.
    [[nodiscard]] static result<void, problem>
    find_rows(const store::reader& from, std::span<const ordinal> numbers,
              std::vector<std::optional<std::string>>& rows, const store::snapshot* at = nullptr);

private:
    struct editor;

    store::database& db_;
    oplog::operation_log& log_;
    const schemas& schemas_;
    change_stamps& stamps_;
    const clock& clock_;
};

/// {"id":"con_…","created_at":…,"updated_at":…,"revision":…,"fields":{"email":…}}. Fields the
/// schema no longer has are left out; `hide_personal` leaves personal ones out as well.
[[nodiscard]] json::object to_json(tenant_id tenant, const schema& s, const contact& c,
                                   bool hide_personal = false,
                                   int offset_minutes = default_offset_minutes);

} // namespace hikyaku::crm
