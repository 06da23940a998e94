#pragma once

#include <string>
#include <vector>

#include <hikyaku/crm/contact.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/store/record.h>

namespace hikyaku::crm
{

/// Puts contacts with everything that is derived from them: the row, the address index and the
/// update keys. The one place that knows which rows belong together.
class contact_writer
{
public:
    contact_writer(const schema& s, store::record& rows) : schema_(s), rows_(rows) {}

    /// `before` is the contact as stored, nullptr for a new one.
    void put(const contact* before, const contact& after);
    void erase(const contact& before);
    /// Normalized addresses that a contact gained or lost, for the stamps.
    [[nodiscard]] const std::vector<std::string>& touched_addresses() const noexcept
    {
        return touched_;
    }

private:
    void move_addresses(const contact* before, const contact* after);
    void move_keys(const contact* before, const contact* after);

    const schema& schema_;
    store::record& rows_;
    std::vector<std::string> touched_;
};

/// Normalized addresses in the contact's email fields, ascending, each once.
[[nodiscard]] std::vector<std::string> addresses_of(const schema& s, const contact& c);
/// 'e' + normalized + NUL + ordinal.
[[nodiscard]] std::string address_key(std::string_view normalized, ordinal number);

/// What a caller wants to write: fields the schema has, each once, with values of their types.
/// @error invalid
[[nodiscard]] result<void, problem> check_changes(const schema& s, const values& changes);
/// Takes out the values of fields that were deleted.
void drop_unknown(const schema& s, values& fields);
/// Sets `changes` (none erases) over `c`'s fields. @returns whether anything changed
[[nodiscard]] bool apply_changes(values& fields, const values& changes);
/// Fills in defaults of fields without a value.
void apply_defaults(const schema& s, values& fields);
/// @error invalid  a required field is missing, or the row is too large
[[nodiscard]] result<void, problem> check_contact(const schema& s, const contact& c);

} // namespace hikyaku::crm
