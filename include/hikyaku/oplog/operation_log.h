#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/time.h>
#include <hikyaku/store/database.h>

namespace hikyaku::oplog
{

/// Who does something: the seed's user name, permission group and source address, and how the
/// request can be found in the other logs.
struct actor
{
    /// A user's or key's name; "system" for the program itself.
    std::string name;
    std::string group;
    std::string ip;
    std::string request_id;
    /// Called inside each change this actor commits, with its record and the object it is about,
    /// and again with the platform's record: rows that must be durable with the effect
    /// (idempotency keys). record::tenant() tells which it is. May be empty.
    std::function<void(store::record& rows, std::string_view object)> with_commit = {};
};

/// The program acting by itself (expansion, expiry, jobs that go on after a restart).
[[nodiscard]] const actor& system_actor();

/// One line of the operation log: the five things the seed asks for, and which object it was.
struct entry
{
    std::uint64_t seq = 0;
    wall_time at;
    actor who;
    /// Stable verb such as "contact.create".
    std::string operation;
    /// Public id of the object, empty when there is none.
    std::string object;
    /// What a reader wants to know besides; never customer data.
    std::string detail;
    /// SHA-256 over the previous entry's hash and this entry: 32 bytes.
    std::string hash;
};

class operation_log;

/// A change that somebody makes: the record to fill, and the log entry that goes with it.
///
/// While it lives it holds the tenant's gate: changes of one tenant that read before they write
/// come one after the other. Without commit() nothing happens.
class change
{
public:
    change(change&&) noexcept = default;
    ~change() = default;

    /// The tenant's operations. @pre before commit()
    [[nodiscard]] store::record& data() noexcept { return data_; }
    /// Operations of the platform that belong to the same change (keys, tenants).
    [[nodiscard]] store::record& platform() noexcept { return platform_; }
    /// What the entry says beyond the verb; may be set until commit().
    void set_object(std::string id) { object_ = std::move(id); }
    void set_detail(std::string text) { detail_ = std::move(text); }

    /// Writes operations and entry in one durable step, then runs `after` still under the gate
    /// (to publish what readers in memory must see), and lets the next change in.
    /// Blocks until durable: not on an event loop thread. Work in the background commits as bulk,
    /// behind what somebody waits for; its records are small, since the gate is held meanwhile.
    /// @throws boost::system::system_error  store::errc::no_tenant: the tenant was dropped since;
    /// nothing was written and `after` did not run.
    void commit(const std::function<void()>& after = {},
                store::commit_class cls = store::commit_class::control);

private:
    friend class operation_log;
    struct gate;
    change(operation_log& log, std::shared_ptr<gate> g, actor who, std::string operation);

    operation_log* log_;
    std::shared_ptr<gate> gate_;
    std::unique_lock<std::mutex> lock_;
    actor who_;
    std::string operation_;
    std::string object_;
    std::string detail_;
    store::record data_;
    store::record platform_;
};

/// Operation logs of all tenants and of the platform (tenant 0): append-only, hash-chained, in the
/// tenant's own family, kept until the tenant ends. Thread-safe.
class operation_log
{
public:
    operation_log(store::database& db, const clock& clock);
    ~operation_log();
    operation_log(const operation_log&) = delete;
    operation_log& operator=(const operation_log&) = delete;

    /// Opens a change; waits for the tenant's gate.
    /// @throws boost::system::system_error  store::errc::no_tenant (it may have been dropped since
    /// the caller looked), tenant_damaged, or corrupt: the end of its log can't be read.
    [[nodiscard]] change begin(tenant_id tenant, const actor& who, std::string_view operation);
    /// The same for a tenant whose family this very change creates: its first entry.
    [[nodiscard]] change begin_new(tenant_id tenant, const actor& who, std::string_view operation);

    /// Records something that changes no data (a read of personal data, a refused login).
    void note(tenant_id tenant, const actor& who, std::string_view operation,
              std::string_view object, std::string_view detail);

    struct filter
    {
        std::optional<wall_time> from;
        std::optional<wall_time> until;
        std::string name;
        std::string ip;
        std::string operation;
    };
    /// Newest first, entries with seq < `before` (0: from the newest), at most `limit`.
    [[nodiscard]] result<std::vector<entry>> list(tenant_id tenant, const filter& f,
                                                  std::uint64_t before, std::size_t limit) const;
    /// Walks the whole chain. The seq of the first entry that does not fit, or nullopt.
    [[nodiscard]] result<std::optional<std::uint64_t>> find_break(tenant_id tenant) const;

private:
    friend class change;
    [[nodiscard]] std::shared_ptr<change::gate> gate_of(tenant_id tenant);

    store::database& db_;
    const clock& clock_;
    mutable std::mutex mutex_;
    std::vector<std::pair<tenant_id, std::shared_ptr<change::gate>>> gates_;
};

} // namespace hikyaku::oplog
