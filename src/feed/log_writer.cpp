#include "log_writer.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>
#include <hikyaku/feed/log_line.h>
#include <hikyaku/feed/rates.h>
#include <hikyaku/queue/fact.h>

namespace hikyaku::feed
{
namespace
{

constexpr std::uint8_t cursor_format = 1;
constexpr char cursor_kind = 'L';
constexpr std::size_t fact_key_bytes = 9;

std::string encode_cursor(std::uint64_t seq)
{
    std::string value(1, static_cast<char>(cursor_format));
    put_be(value, seq);
    return value;
}

std::optional<std::uint64_t> decode_cursor(std::string_view value)
{
    byte_reader in(value);
    const auto format = in.u8();
    const auto seq = in.be<std::uint64_t>();
    return format == cursor_format && in.ok() && in.at_end() ? std::optional(seq) : std::nullopt;
}

std::optional<std::uint64_t> seq_of(std::string_view key)
{
    return key.size() == fact_key_bytes ? std::optional(get_be<std::uint64_t>(key.substr(1)))
                                        : std::nullopt;
}

/// The key behind the block's; there is none behind the last number.
std::string key_after(std::uint64_t seq)
{
    return seq == std::numeric_limits<std::uint64_t>::max()
               ? store::prefix_end(std::string(1, queue::fact_kind))
               : queue::fact_key(seq + 1);
}

} // namespace

std::string log_cursor_key(tenant_id tenant)
{
    std::string key(1, cursor_kind);
    put_be(key, tenant.value);
    return key;
}

log_writer::log_writer(store::database& db, const delivery_log_options& options)
    : db_(db), offset_minutes_(options.offset_minutes), counters_(options.counters),
      file_(options.path)
{
    const auto opened = file_.open();
    if (!opened)
    {
        throw std::runtime_error(options.path + ": " + opened.error().text);
    }
    for (const auto tenant : db_.tenants())
    {
        load(tenant);
    }
    // A corrected cursor must be on disk before its numbers are used again.
    save(true);
}

tenant_progress& log_writer::obtain(tenant_id tenant)
{
    auto& p = tenants_[tenant];
    if (p.text.empty())
    {
        p.text = format_id("tnt", tenant.value);
    }
    return p;
}

/// Before the first write of the process: what is in the store now is durable.
void log_writer::load(tenant_id tenant)
{
    auto& p = obtain(tenant);
    const auto row = db_.platform().find(log_cursor_key(tenant));
    if (!row)
    {
        throw std::runtime_error("the delivery log's cursors cannot be read: " +
                                 row.error().message());
    }
    const auto cursor = *row ? decode_cursor(**row) : std::optional<std::uint64_t>(0);
    if (!cursor)
    {
        throw std::runtime_error("the delivery log's cursor of " + p.text + " is damaged");
    }
    const auto rows = db_.find_tenant(tenant);
    const auto last = rows ? rows->last_key(std::string(1, queue::fact_kind))
                           : result<std::optional<std::string>>(std::nullopt);
    if (!last)
    {
        log::error("feed.last_fact_unreadable", {{"tenant", p.text}});
    }
    const auto found = last && *last ? seq_of(**last).value_or(0) : 0;
    if (*cursor > found && last)
    {
        // The store lost its end, and will use these numbers again for other facts.
        log::warning("feed.cursor_ahead",
                     {{"tenant", p.text}, {"cursor", *cursor}, {"found", found}});
    }
    p.saved = *cursor;
    p.synced = last ? std::min(*cursor, found) : *cursor;
    p.written = p.synced;
    p.durable = std::max(found, p.synced);
}

void log_writer::write(const waiting_blocks& taken, const std::atomic<bool>& hurry)
{
    for (const auto& [tenant, seq] : taken.only_numbers())
    {
        auto& p = obtain(tenant);
        p.durable = std::max(p.durable, seq);
    }
    for (const auto& block : taken.blocks())
    {
        auto& p = obtain(block.tenant);
        p.durable = std::max(p.durable, block.seq);
        while (!broken_ && !hurry && p.written + 1 < block.seq &&
               read_back(block.tenant, p, block.seq - 1))
        {
        }
        if (!broken_ && p.written + 1 == block.seq)
        {
            emit(block.tenant, p, block.seq, *block.bytes);
        }
    }
    write_out();
}

bool log_writer::catch_up()
{
    bool more = false;
    for (auto& [tenant, p] : tenants_)
    {
        if (!broken_ && p.written < p.durable)
        {
            more = read_back(tenant, p, p.durable) || more;
        }
    }
    write_out();
    return more && !broken_;
}

void log_writer::skip(tenant_id tenant, std::uint64_t seq, std::string_view why)
{
    ++blocks_skipped;
    log::error("feed.block_skipped",
               {{"tenant", format_id("tnt", tenant.value)}, {"block", seq}, {"reason", why}});
}

/// Writes blocks from the store up to `last`, a page of them. @returns true when some are left
bool log_writer::read_back(tenant_id tenant, tenant_progress& p, std::uint64_t last)
{
    const auto rows = db_.find_tenant(tenant);
    if (!rows)
    {
        p.written = std::max(p.written, last); // dropped, and its facts with it
        return false;
    }
    std::size_t bytes = 0;
    auto at = rows->scan(queue::fact_key(p.written + 1), key_after(last), nullptr, false);
    for (; at.valid() && bytes < read_back_bytes && !broken_; at.next())
    {
        const auto seq = seq_of(at.key());
        if (!seq)
        {
            continue;
        }
        // Numbers without a row: retention has taken them.
        blocks_skipped += *seq - p.written - 1;
        bytes += at.value().size();
        ++blocks_read_back;
        emit(tenant, p, *seq, at.value());
    }
    if (broken_ || at.valid())
    {
        return !broken_;
    }
    if (!at.status())
    {
        read_singly(tenant, p, *rows, last);
        return !broken_ && p.written < last;
    }
    blocks_skipped += last - std::min(last, p.written);
    p.written = std::max(p.written, last);
    dirty_ = true;
    return false;
}

/// Past a damaged table: block by block, leaving out those that cannot be read.
void log_writer::read_singly(tenant_id tenant, tenant_progress& p, const store::reader& rows,
                             std::uint64_t last)
{
    constexpr unsigned reads_max = 1'000;
    for (unsigned i = 0; i < reads_max && p.written < last && !broken_; ++i)
    {
        const auto seq = p.written + 1;
        const auto block = rows.find(queue::fact_key(seq));
        if (block && *block)
        {
            ++blocks_read_back;
            emit(tenant, p, seq, **block);
            continue;
        }
        skip(tenant, seq, block ? "gone" : "unreadable");
        p.written = seq;
    }
}

void log_writer::emit(tenant_id tenant, tenant_progress& p, std::uint64_t seq,
                      std::string_view block)
{
    p.written = seq;
    dirty_ = true;
    const auto facts = queue::decode_facts(block);
    if (!facts)
    {
        skip(tenant, seq, "damaged");
        return;
    }
    const int offset = offset_minutes_ ? offset_minutes_(tenant) : default_offset_minutes;
    for (std::size_t i = 0; i < facts->size(); ++i)
    {
        const auto& f = (*facts)[i];
        append_log_line(buffer_, p.text, {seq, i}, f, offset);
        if (counters_ != nullptr)
        {
            counters_->add(f.what, f.count, f.at);
        }
    }
    lines += facts->size();
    if (buffer_.size() >= write_bytes)
    {
        write_out();
    }
}

void log_writer::write_out()
{
    if (broken_ || buffer_.empty())
    {
        return;
    }
    const auto written = file_.append(buffer_);
    buffer_.clear();
    if (!written)
    {
        fail(written.error());
    }
}

void log_writer::fail(const failure& why)
{
    ++write_failures;
    log::error("feed.log_failed", {{"reason", why.text}});
    broken_ = true;
    buffer_.clear();
    for (auto& [tenant, p] : tenants_)
    {
        p.written = p.synced;
    }
}

bool log_writer::sync()
{
    write_out();
    if (broken_)
    {
        return false;
    }
    const auto synced = file_.sync();
    if (!synced)
    {
        fail(synced.error());
        return false;
    }
    for (auto& [tenant, p] : tenants_)
    {
        p.synced = p.written;
    }
    return true;
}

void log_writer::save(bool wait)
{
    if (!sync())
    {
        return;
    }
    store::record rows(platform_tenant);
    for (auto it = tenants_.begin(); it != tenants_.end();)
    {
        auto& [tenant, p] = *it;
        const bool gone = p.synced != p.saved && !db_.find_tenant(tenant);
        if (gone)
        {
            rows.erase(store::space::data, log_cursor_key(tenant));
            it = tenants_.erase(it);
            continue;
        }
        if (p.synced != p.saved)
        {
            rows.put(store::space::data, log_cursor_key(tenant), encode_cursor(p.synced));
            p.saved = p.synced;
        }
        ++it;
    }
    dirty_ = false;
    if (rows.empty())
    {
        return;
    }
    if (wait)
    {
        db_.commit(std::move(rows), store::commit_class::bulk);
    }
    else
    {
        db_.submit(std::move(rows), store::commit_class::bulk, {});
    }
}

void log_writer::reopen()
{
    if (!sync())
    {
        return; // repair() opens it
    }
    const auto opened = file_.open();
    if (!opened)
    {
        log::error("feed.reopen_failed", {{"reason", opened.error().text}});
    }
}

void log_writer::repair()
{
    const auto opened = file_.open();
    if (!opened)
    {
        ++write_failures;
        log::error("feed.log_failed", {{"reason", opened.error().text}});
        return;
    }
    broken_ = false;
}

} // namespace hikyaku::feed
