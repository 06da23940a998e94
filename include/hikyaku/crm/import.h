#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/crm/change_stamps.h>
#include <hikyaku/crm/contacts.h>
#include <hikyaku/crm/schema.h>
#include <hikyaku/crm/uploads.h>
#include <hikyaku/jobs/jobs.h>

namespace hikyaku::crm
{

/// Kind of the job and verb in the operation log.
inline constexpr std::string_view import_kind = "contact.import";

enum class import_mode : std::uint8_t
{
    /// Rows whose key exists are skipped.
    new_only,
    /// Rows whose key does not exist are skipped.
    update_only,
    both,
};

/// What an empty cell of a mapped column does to a contact that exists.
enum class empty_cell : std::uint8_t
{
    clear,
    keep,
};

/// The parameters of an import job.
struct import_options
{
    /// Public id of the upload.
    std::string upload_id;
    import_mode mode = import_mode::both;
    /// Name or label of the update key field; a column must have it.
    std::string key = "email";
    /// Column header → field name or label; "" leaves the column out. Columns not in it are matched
    /// by name, then by label.
    std::map<std::string, std::string, std::less<>> mapping;
    /// Columns that match no field end the import instead of being left out with a warning.
    bool strict = false;
    empty_cell empty = empty_cell::clear;
};

/// {"upload":"upl_…","mode":"both","key":"email","mapping":{…},"strict":false,"empty":"clear"}.
/// Unknown keys and bad values are an error; all but upload may be left out.
[[nodiscard]] result<import_options, problem> parse_import_options(const json::object& o);
[[nodiscard]] json::object to_json(const import_options& o);

/// Reads a CSV upload (UTF-8) into contacts: in batches, each one commit with its operation log
/// entry and the job's checkpoint, so it goes on after a restart where it was.
///
/// Rows count from 1 after the header. A row that can't be read, breaks a rule or takes another
/// contact's key goes to the error file: row number, reason, and the row as it was, as CSV; the
/// rest goes on. Rows of one file with the same key are applied in order. The job's counts:
/// {"rows","created","updated","unchanged","skipped","rejected","warnings":[…]}.
class importer
{
public:
    /// A batch commits in class bulk and holds the tenant's gate while it waits: its record, rows
    /// and indexes together, must fit into a commit group beside what goes first
    /// (store::options::group_bytes_max), or it would wait for a moment when nobody else writes.
    static constexpr std::size_t batch_rows_max = 500;
    /// Raw bytes of the rows of a batch: closes one early.
    static constexpr std::size_t batch_bytes_max = 96u << 10;
    static constexpr std::size_t chunk_bytes = 256u << 10;
    static constexpr std::size_t warnings_max = 100;

    importer(store::database& db, oplog::operation_log& log, const schemas& s,
             change_stamps& stamps, const uploads& files, const clock& clock);

    /// Looks at the header: what a start can refuse at once.
    /// @error not_found (upload), invalid (empty file, no key column, a column twice, strict), io
    [[nodiscard]] result<void, problem> check(tenant_id tenant, const import_options& o) const;
    /// The work of import_kind.
    [[nodiscard]] jobs::outcome run(jobs::context& context) const;

private:
    struct session;

    store::database& db_;
    oplog::operation_log& log_;
    const schemas& schemas_;
    change_stamps& stamps_;
    const uploads& uploads_;
    const clock& clock_;
};

} // namespace hikyaku::crm
