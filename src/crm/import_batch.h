#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <hikyaku/crm/contact.h>
#include <hikyaku/crm/import.h>
#include <hikyaku/store/record.h>

#include "import_columns.h"
#include "import_source.h"

namespace hikyaku::crm
{

/// What an import has done so far.
struct import_counts
{
    std::uint64_t rows = 0;
    std::uint64_t created = 0;
    std::uint64_t updated = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t skipped = 0;
    std::uint64_t rejected = 0;
    friend bool operator==(const import_counts&, const import_counts&) = default;
};

/// A row with its cells read.
struct parsed_row
{
    values cells;
    /// Key bytes of the update key.
    std::string key;
    /// Why it is rejected; empty when it is good.
    std::string reason;
};

/// Reads the cells of a row; a mistake becomes the row's reason.
[[nodiscard]] parsed_row parse_row(const import_row& row, const import_columns& columns,
                                   char delimiter);

/// Applies rows of one batch, in file order, to contacts in memory, then writes what changed with
/// its indexes: sorted by key, each key once. Lives under the tenant's gate.
class import_batch
{
public:
    /// Bytes of stored contacts that the rows of a batch are for: it takes fewer rows then.
    static constexpr std::size_t loaded_bytes_max = 96u << 10;

    import_batch(const store::reader& from, const import_columns& columns, import_mode mode,
                 wall_time now)
        : from_(from), columns_(columns), mode_(mode), now_(now)
    {
    }

    /// Looks up every update key that the rows name, and the contacts they are for.
    /// @returns how many rows from the front can be applied: at least one. @error corrupt
    [[nodiscard]] result<std::size_t, problem> load(std::span<const parsed_row> rows);
    /// Applies one row. @returns why it is rejected, empty when it is not.
    /// @error limit  contact numbers are used up
    [[nodiscard]] result<std::string, problem> apply_row(const parsed_row& row,
                                                         import_counts& counts);
    /// Adds all changes to the record. Call once, last.
    void write(store::record& out);

    /// After write(): what the stamps need.
    [[nodiscard]] const std::vector<ordinal>& touched() const noexcept { return touched_; }
    [[nodiscard]] const std::vector<std::string>& touched_addresses() const noexcept
    {
        return touched_addresses_;
    }

private:
    struct entry
    {
        /// As stored; nullopt for one that this batch makes.
        std::optional<contact> before;
        contact now;
        bool changed = false;
    };

    [[nodiscard]] result<void, problem> load_keys(std::span<const parsed_row> rows);
    [[nodiscard]] result<std::size_t, problem> load_contacts(std::span<const parsed_row> rows);
    [[nodiscard]] result<std::map<std::uint32_t, std::size_t>, problem>
    load_slice(std::span<const parsed_row> slice);
    [[nodiscard]] std::optional<std::uint32_t> owner_of(const parsed_row& row) const;
    [[nodiscard]] std::string unique_key_of(std::uint16_t field, const value* v) const;
    [[nodiscard]] const field* find_taken_key(const contact& c) const;
    [[nodiscard]] std::string take(entry& e, contact next);
    [[nodiscard]] result<std::string, problem> create(const parsed_row& row, import_counts& counts);

    const store::reader& from_;
    const import_columns& columns_;
    import_mode mode_;
    wall_time now_;
    std::uint64_t last_ordinal_ = 0;
    std::uint64_t contacts_ = 0;
    std::uint64_t created_ = 0;
    /// Full keys ('u' + field + bytes) and who has them now; nobody is not in it.
    std::unordered_map<std::string, std::uint32_t> owners_;
    std::map<std::uint32_t, entry> entries_;
    std::vector<ordinal> touched_;
    std::vector<std::string> touched_addresses_;
};

} // namespace hikyaku::crm
