#include <hikyaku/crm/import.h>

#include "failures.h"
#include "import_batch.h"
#include "import_checkpoint.h"
#include "import_columns.h"
#include "import_rejects.h"
#include "import_source.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

jobs::outcome fail(const problem& p)
{
    return {jobs::verdict::failed, p.field.empty() ? p.text : p.field + ": " + p.text, {}};
}

std::string describe_batch(const import_counts& before, const import_counts& after)
{
    return "rows " + std::to_string(before.rows + 1) + " to " + std::to_string(after.rows) +
           ": created " + std::to_string(after.created - before.created) + ", updated " +
           std::to_string(after.updated - before.updated) + ", rejected " +
           std::to_string(after.rejected - before.rejected);
}

} // namespace

/// One run of one import job: from its last checkpoint to the end of the file.
struct importer::session
{
    const importer& owner;
    jobs::context& context;
    const import_options& options;
    import_source& source;
    import_columns columns;
    import_rejects rejects;
    import_checkpoint reached;

    jobs::outcome run();
    result<std::size_t, problem> commit(std::span<const import_row> rows);
    result<void, problem> apply(import_batch& batch, std::span<const import_row> rows,
                                std::span<const parsed_row> parsed, import_counts& counts);
    result<void, problem> follow_schema();
    void parse(std::span<const import_row> rows);
    void save(oplog::change& change, const import_checkpoint& at);

    std::vector<parsed_row> parsed{};
};

importer::importer(store::database& db, oplog::operation_log& log, const schemas& s,
                   change_stamps& stamps, const uploads& files, const clock& clock)
    : db_(db), log_(log), schemas_(s), stamps_(stamps), uploads_(files), clock_(clock)
{
}

result<void, problem> importer::check(tenant_id tenant, const import_options& o) const
{
    const auto file = uploads_.find(tenant, o.upload_id);
    if (file.has_error())
    {
        return file.error();
    }
    const auto source = import_source::open(file->file);
    if (source.has_error())
    {
        return source.error();
    }
    const auto fields = schemas_.get(tenant);
    if (fields.has_error())
    {
        return fields.error();
    }
    const auto columns = import_columns::match(*fields, source->header(), o);
    return columns.has_error() ? result<void, problem>(columns.error()) : result<void, problem>();
}

jobs::outcome importer::run(jobs::context& context) const
{
    const auto& job = context.current();
    const auto options = parse_import_options(job.parameters);
    if (options.has_error())
    {
        return fail(options.error());
    }
    const auto file = uploads_.find(job.tenant, options->upload_id);
    if (file.has_error())
    {
        return fail(file.error());
    }
    auto source = import_source::open(file->file);
    if (source.has_error())
    {
        return fail(source.error());
    }
    const auto fields = schemas_.get(job.tenant);
    if (fields.has_error())
    {
        return fail(fields.error());
    }
    auto columns = import_columns::match(*fields, source->header(), *options);
    if (columns.has_error())
    {
        return fail(columns.error());
    }
    import_checkpoint from;
    if (!job.last.resume.empty())
    {
        const auto saved = decode_checkpoint(job.last.resume);
        if (!saved || saved->at.offset > source->size())
        {
            return fail(damaged());
        }
        from = *saved;
        const auto moved = source->seek(from.at);
        if (moved.has_error())
        {
            return fail(moved.error());
        }
    }
    session s{*this,
              context,
              *options,
              *source,
              std::move(*columns),
              import_rejects(*source, context.error_file(), from.reject_bytes),
              from};
    return s.run();
}

jobs::outcome importer::session::run()
{
    std::vector<import_row> rows;
    while (!context.should_stop())
    {
        const auto read = source.read(batch_rows_max, batch_bytes_max, rows);
        if (read.has_error())
        {
            return fail(read.error());
        }
        if (rows.empty())
        {
            return {jobs::verdict::done, "", to_json(reached.counts, columns.warnings())};
        }
        parse(rows);
        std::span<const import_row> rest = rows;
        while (!rest.empty())
        {
            const auto taken = commit(rest);
            if (taken.has_error())
            {
                return fail(taken.error());
            }
            rest = rest.subspan(*taken);
        }
    }
    return {jobs::verdict::stopped, "", {}};
}

void importer::session::parse(std::span<const import_row> rows)
{
    parsed.clear();
    for (const import_row& row : rows)
    {
        parsed.push_back(parse_row(row, columns, source.delimiter()));
    }
}

/// Fields may change between batches: what was matched and parsed is then done again.
/// @pre the tenant's gate is held
result<void, problem> importer::session::follow_schema()
{
    const auto now = owner.schemas_.get(context.tenant());
    if (now.has_error())
    {
        return now.error();
    }
    if (now->get() == &columns.fields())
    {
        return {};
    }
    auto matched = import_columns::match(*now, source.header(), options);
    if (matched.has_error())
    {
        return matched.error();
    }
    columns = std::move(*matched);
    parsed.clear();
    return {};
}

/// One commit with rows from the front. @returns how many
result<std::size_t, problem> importer::session::commit(std::span<const import_row> rows)
{
    const auto tenant = context.tenant();
    const auto store = owner.db_.find_tenant(tenant);
    if (store == nullptr)
    {
        return no_tenant();
    }
    auto change = owner.log_.begin(tenant, context.current().who, import_kind);
    const auto followed = follow_schema();
    if (followed.has_error())
    {
        return followed.error();
    }
    if (parsed.size() < rows.size())
    {
        parse(rows);
    }
    // parsed ends with the rows that are left.
    const auto cells = std::span<const parsed_row>(parsed).last(rows.size());
    import_batch batch(*store, columns, options.mode, owner.clock_.wall());
    const auto loaded = batch.load(cells);
    if (loaded.has_error())
    {
        return loaded.error();
    }
    import_checkpoint next = reached;
    const auto applied = apply(batch, rows.first(*loaded), cells.first(*loaded), next.counts);
    if (applied.has_error())
    {
        return applied.error();
    }
    next.at = rows[*loaded - 1].after;
    next.reject_bytes = rejects.bytes();
    batch.write(change.data());
    change.set_object(context.current().public_id());
    change.set_detail(describe_batch(reached.counts, next.counts));
    save(change, next);
    change.commit(
        [&]
        {
            for (const ordinal number : batch.touched())
            {
                owner.stamps_.bump(tenant, number);
            }
            for (const auto& address : batch.touched_addresses())
            {
                owner.stamps_.bump_address(tenant, address);
            }
        },
        store::commit_class::bulk);
    reached = next;
    return *loaded;
}

/// Applies the rows and makes the rejected ones durable: before the commit that counts them.
result<void, problem> importer::session::apply(import_batch& batch,
                                               std::span<const import_row> rows,
                                               std::span<const parsed_row> cells,
                                               import_counts& counts)
{
    for (std::size_t i = 0; i < rows.size(); ++i)
    {
        const auto reason = batch.apply_row(cells[i], counts);
        if (reason.has_error())
        {
            return reason.error();
        }
        if (!reason->empty())
        {
            rejects.add(rows[i], *reason);
        }
    }
    return rejects.flush();
}

void importer::session::save(oplog::change& change, const import_checkpoint& at)
{
    if (at.reject_bytes != 0)
    {
        context.set_has_errors();
    }
    context.save({{at.at.offset, source.size()},
                  to_json(at.counts, columns.warnings()),
                  encode_checkpoint(at)},
                 change.data());
}

} // namespace hikyaku::crm
