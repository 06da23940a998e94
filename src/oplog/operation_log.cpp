#include "entry_codec.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>

#include <algorithm>

#include <boost/system/system_error.hpp>

namespace hikyaku::oplog
{

/// One per tenant: the lock that orders its changes, and the end of its chain.
struct change::gate
{
    std::mutex mutex;
    bool loaded = false;
    std::uint64_t seq = 0;
    std::string hash = std::string(hash_bytes, '\0');

    /// A chain whose end can't be read must not be continued as if it were whole.
    [[noreturn]] static void refuse()
    {
        throw boost::system::system_error(store::make_error_code(store::errc::corrupt));
    }

    /// Reads the end of the chain once. @pre mutex is held
    void load(const store::reader& from)
    {
        if (loaded)
        {
            return;
        }
        const auto last = from.last_key(std::string_view(&entry_kind, 1));
        if (last.has_value() && last->has_value())
        {
            const auto value = from.find(**last);
            const auto e = value.has_value() && value->has_value() ? decode_entry(**last, **value)
                                                                   : std::nullopt;
            if (!e)
            {
                refuse();
            }
            seq = e->seq;
            hash = e->hash;
        }
        if (last.has_error())
        {
            refuse();
        }
        loaded = true;
    }
};

const actor& system_actor()
{
    static const actor system{"system", "", "", "", {}};
    return system;
}

change::change(operation_log& log, std::shared_ptr<gate> g, actor who, std::string operation)
    : log_(&log), gate_(std::move(g)), lock_(gate_->mutex), who_(std::move(who)),
      operation_(std::move(operation)), data_(platform_tenant), platform_(platform_tenant)
{
}

void change::commit(const std::function<void()>& after, store::commit_class cls)
{
    HK_ASSERT(lock_.owns_lock());
    entry e;
    e.seq = gate_->seq + 1;
    e.at = log_->clock_.wall();
    e.who = who_;
    e.operation = operation_;
    e.object = object_;
    e.detail = detail_;
    if (who_.with_commit)
    {
        who_.with_commit(data_, object_);
        who_.with_commit(platform_, object_);
    }
    const std::string body = encode_body(e);
    const std::string hash = chain_hash(gate_->hash, body);
    data_.put(store::space::data, entry_key(e.seq), body + hash);
    std::vector<store::record> records;
    if (!platform_.empty())
    {
        records.push_back(std::move(platform_));
    }
    records.push_back(std::move(data_));
    log_->db_.commit(std::move(records), cls);
    gate_->seq = e.seq;
    gate_->hash = hash;
    if (after)
    {
        after();
    }
    lock_.unlock();
}

operation_log::operation_log(store::database& db, const clock& clock) : db_(db), clock_(clock) {}
operation_log::~operation_log() = default;

std::shared_ptr<change::gate> operation_log::gate_of(tenant_id tenant)
{
    const std::lock_guard lock(mutex_);
    const auto found = std::lower_bound(gates_.begin(), gates_.end(), tenant,
                                        [](const auto& g, tenant_id id) { return g.first < id; });
    if (found != gates_.end() && found->first == tenant)
    {
        return found->second;
    }
    return gates_.emplace(found, tenant, std::make_shared<change::gate>())->second;
}

change operation_log::begin(tenant_id tenant, const actor& who, std::string_view operation)
{
    change c(*this, gate_of(tenant), who, std::string(operation));
    c.data_ = store::record(tenant);
    if (tenant == platform_tenant)
    {
        c.gate_->load(db_.platform());
    }
    else
    {
        // Throws what is wrong with it: dropped meanwhile, or damaged.
        const auto store = db_.require_tenant(tenant).value();
        c.gate_->load(*store);
    }
    return c;
}

change operation_log::begin_new(tenant_id tenant, const actor& who, std::string_view operation)
{
    change c(*this, gate_of(tenant), who, std::string(operation));
    c.data_ = store::record(tenant);
    c.platform_.create_family(tenant);
    c.gate_->loaded = true;
    return c;
}

void operation_log::note(tenant_id tenant, const actor& who, std::string_view operation,
                         std::string_view object, std::string_view detail)
{
    auto c = begin(tenant, who, operation);
    c.set_object(std::string(object));
    c.set_detail(std::string(detail));
    c.commit();
}

namespace
{

bool passes(const entry& e, const operation_log::filter& f)
{
    return (!f.from || e.at >= *f.from) && (!f.until || e.at < *f.until) &&
           (f.name.empty() || e.who.name == f.name) && (f.ip.empty() || e.who.ip == f.ip) &&
           (f.operation.empty() || e.operation.starts_with(f.operation));
}

/// Entries are read downwards in pages: the store's cursor only goes up.
constexpr std::uint64_t page = 256;

} // namespace

result<std::vector<entry>> operation_log::list(tenant_id tenant, const filter& f,
                                               std::uint64_t before, std::size_t limit) const
{
    const auto tenant_store = db_.find_tenant(tenant);
    if (tenant != platform_tenant && tenant_store == nullptr)
    {
        return store::make_error_code(store::errc::no_tenant);
    }
    const store::reader& from = tenant == platform_tenant
                                    ? db_.platform()
                                    : static_cast<const store::reader&>(*tenant_store);
    const auto last = from.last_key(std::string_view(&entry_kind, 1));
    if (last.has_error())
    {
        return last.error();
    }
    std::vector<entry> out;
    std::uint64_t end = *last ? get_be<std::uint64_t>(std::string_view(**last).substr(1)) + 1 : 1;
    end = before != 0 ? std::min(before, end) : end;
    while (end > 1 && out.size() < limit)
    {
        const std::uint64_t first = end > page ? end - page : 1;
        std::vector<entry> found;
        auto it = from.scan(entry_key(first), entry_key(end));
        for (; it.valid(); it.next())
        {
            auto e = decode_entry(it.key(), it.value());
            if (e && passes(*e, f))
            {
                found.push_back(std::move(*e));
            }
        }
        const auto status = it.status();
        if (status.has_error())
        {
            return status.error();
        }
        while (!found.empty() && out.size() < limit)
        {
            out.push_back(std::move(found.back()));
            found.pop_back();
        }
        end = first;
    }
    return out;
}

result<std::optional<std::uint64_t>> operation_log::find_break(tenant_id tenant) const
{
    const auto tenant_store = db_.find_tenant(tenant);
    if (tenant != platform_tenant && tenant_store == nullptr)
    {
        return store::make_error_code(store::errc::no_tenant);
    }
    const store::reader& from = tenant == platform_tenant
                                    ? db_.platform()
                                    : static_cast<const store::reader&>(*tenant_store);
    std::uint64_t expected = 1;
    std::string previous(hash_bytes, '\0');
    auto it = from.scan_prefix(std::string_view(&entry_kind, 1));
    for (; it.valid(); it.next(), ++expected)
    {
        const auto e = decode_entry(it.key(), it.value());
        if (!e || e->seq != expected || e->hash != chain_hash(previous, encode_body(*e)))
        {
            return std::optional<std::uint64_t>{expected};
        }
        previous = e->hash;
    }
    const auto status = it.status();
    if (status.has_error())
    {
        return status.error();
    }
    return std::optional<std::uint64_t>{};
}

} // namespace hikyaku::oplog
