#include "workload.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/sha256.h>

#include <cstdio>
#include <map>
#include <stdexcept>

namespace hikyaku::store::fault
{
namespace
{

using rows = std::map<std::string, std::string>;

void require(bool holds, const std::string& what)
{
    if (!holds)
    {
        throw std::runtime_error(what);
    }
}

/// What a tenant's records add up to: rows of both families and the journal's head.
struct tenant_model
{
    rows data;
    rows queue;
    journal_head head;

    void apply(const record& r)
    {
        operation_reader in(r.bytes());
        operation op;
        while (in.next(op))
        {
            auto& target = op.where == space::queue ? queue : data;
            switch (op.kind)
            {
            case operation_kind::put:
                target[std::string(op.key)] = op.value;
                break;
            case operation_kind::erase:
                target.erase(std::string(op.key));
                break;
            case operation_kind::erase_range:
                target.erase(target.lower_bound(std::string(op.key)),
                             target.lower_bound(std::string(op.value)));
                break;
            case operation_kind::create_family:
            case operation_kind::drop_family:
                break;
            }
        }
        ++head.seq;
        std::string chained = head.hash;
        put_be(chained, head.epoch);
        put_be(chained, head.seq);
        crypto::sha256_stream hash;
        hash.update(chained);
        hash.update(r.bytes());
        head.hash = crypto::as_bytes(hash.finish());
    }
};

rows read_rows(const reader& from, std::string_view prefix)
{
    rows out;
    auto it = from.scan_prefix(prefix);
    for (; it.valid(); it.next())
    {
        out.emplace(it.key(), it.value());
    }
    require(it.status().has_value(), "a scan failed");
    out.erase("J");
    out.erase("M"); // the writer's mark behind a drop, of no record
    return out;
}

void compare(const database& db, tenant_id tenant, const tenant_model& want, const reader& data)
{
    const std::string who = "tenant " + std::to_string(tenant.value);
    const auto head = db.head(tenant);
    require(head.seq == want.head.seq && head.hash == want.head.hash, who + ": chain differs");
    const auto found = read_rows(data, "");
    std::string names;
    for (const auto& [key, value] : found)
    {
        names += want.data.contains(key) ? "" : " extra:" + key;
    }
    for (const auto& [key, value] : want.data)
    {
        names += found.contains(key) ? (found.at(key) == value ? "" : " other:" + key)
                                     : " missing:" + key;
    }
    require(found == want.data, who + ": rows differ from those of its records:" + names);
    std::string prefix = "L";
    put_be(prefix, tenant.value);
    require(read_rows(db.queue(), prefix) == want.queue, who + ": queue rows differ");
}

/// The writer's tenant must hold its first n records, all of them, for an n that was handed over
/// as a whole and not less than what was acknowledged. @returns n
std::uint32_t check_own(const stage& s, const database& db, std::size_t w)
{
    const std::uint32_t acked = s.acks->own_records[w].load();
    const auto store = db.find_tenant(own[w]);
    if (store == nullptr)
    {
        require(acked == 0, "a tenant with acknowledged records is gone");
        return 0;
    }
    const auto n = static_cast<std::uint32_t>(db.head(own[w]).seq);
    require(n >= acked, "acknowledged records are lost: " + std::to_string(acked - n));
    require(n % 5 != 1, "a hand-over of two records was cut in two");
    tenant_model want;
    for (std::uint32_t i = 0; i < n; ++i)
    {
        want.apply(own_record(w, i));
    }
    compare(db, own[w], want, *store);
    return n;
}

void check_common(const stage& s, const database& db)
{
    const auto store = db.find_tenant(common);
    if (store == nullptr)
    {
        require(s.acks->common_records[0].load() == 0, "the common tenant is gone");
        return;
    }
    std::size_t records = 0;
    for (std::size_t w = 0; w < writers; ++w)
    {
        const auto one = read_rows(*store, "a" + std::to_string(w));
        const auto two = read_rows(*store, "b" + std::to_string(w));
        require(one.size() == two.size(), "half a record of the common tenant");
        std::uint32_t last = 0;
        for (auto a = one.begin(), b = two.begin(); a != one.end(); ++a, ++b)
        {
            require(a->first.substr(1) == b->first.substr(1), "half a record of the common tenant");
            last = get_be<std::uint32_t>(std::string_view(a->first).substr(2));
        }
        require(last >= s.acks->common_records[w].load(), "a common record is lost");
        records += one.size();
    }
    require(db.head(common).seq == records, "the common journal's number is wrong");
}

/// Platform records that are there, the time mark not counted.
std::uint32_t platform_count(const database& db)
{
    const auto seq = static_cast<std::uint32_t>(db.head(platform_tenant).seq);
    return seq == 0 ? 0 : seq - 1;
}

std::uint32_t check_platform(const stage& s, const database& db)
{
    const auto n = platform_count(db);
    require(n >= s.acks->platform_records.load(), "an acknowledged platform record is lost");
    auto records = platform_records();
    require(n <= records.size(), "platform records nobody wrote");
    tenant_model want;
    if (db.head(platform_tenant).seq > 0)
    {
        want.apply(time_mark());
    }
    for (std::uint32_t i = 0; i < n; ++i)
    {
        want.apply(records[i]);
    }
    compare(db, platform_tenant, want, db.platform());
    const std::array<tenant_id, 4> stay{own[0], own[1], own[2], common};
    for (std::uint32_t i = 0; i < stay.size(); ++i)
    {
        require(i >= n || db.find_tenant(stay[i]) != nullptr, "a created tenant is gone");
    }
    require(n < 5 || (db.find_tenant(dropped) != nullptr) == (n == 5),
            "a dropped tenant came back, or one that was not dropped is gone");
    return n;
}

/// Goes on where the records end: missing tenants are created, each journal gets a record.
void go_on(stage& s, database& db)
{
    auto records = platform_records();
    for (auto n = platform_count(db); n < records.size(); ++n)
    {
        db.commit(std::move(records[n]), commit_class::control);
        s.acks->platform_records.store(n + 1);
    }
    for (std::size_t w = 0; w < writers; ++w)
    {
        auto n = static_cast<std::uint32_t>(db.head(own[w]).seq);
        std::vector<record> next;
        do
        {
            next.push_back(own_record(w, n++));
        } while (n % 5 == 1);
        db.commit(std::move(next), commit_class::outcome);
        s.acks->own_records[w].store(n);
    }
}

} // namespace

int check_store(stage& s)
{
    const auto env = s.make_env();
    try
    {
        for (const bool again : {false, true})
        {
            auto opened = database::open(s.make_options(*env));
            require(opened.has_value(), "it does not open");
            auto& db = **opened;
            require(!db.missing().has_value(), "acknowledged data is said to be missing");
            for (std::size_t w = 0; w < writers; ++w)
            {
                (void)check_own(s, db, w);
            }
            check_common(s, db);
            const auto n = check_platform(s, db);
            require(!again || n == platform_records().size(), "it did not go on");
            if (!again)
            {
                go_on(s, db);
            }
        }
    }
    catch (const std::exception& e)
    {
        std::fprintf(stderr, "check: %s\n", e.what());
        return s.disk->failed.load() ? exit_open_failed : exit_wrong;
    }
    return 0;
}

} // namespace hikyaku::store::fault
