#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/base/time.h>
#include <hikyaku/store/database.h>

namespace hikyaku::api
{

/// An answer as it is replayed.
struct kept_answer
{
    unsigned status = 0;
    std::string content_type{};
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
};

/// Remembers requests with an Idempotency-Key for a day, per tenant, method and path (API.md
/// "HTTP conventions" 4). The operator's requests belong to platform_tenant. Thread-safe.
///
/// A row ('i' + SHA-256 of tenant, method, path and key, in the tenant's family or the platform's;
/// layout in src/api/FORMAT.md) appears in the same batch as the effect; the answer is added by a
/// second commit. A request that left no effect and was refused leaves no row. Which keys are still
/// running is known in memory only.
class idempotency
{
public:
    static constexpr std::size_t key_chars_max = 255;
    static constexpr std::size_t answer_bytes_max = 64u << 10;
    static constexpr std::chrono::hours kept{24};
    /// Rows looked at by one purge() of a tenant.
    static constexpr std::size_t purge_rows_max = 10'000;

    idempotency(store::database& db, const clock& clock) : db_(db), clock_(clock) {}
    idempotency(const idempotency&) = delete;
    idempotency& operator=(const idempotency&) = delete;

    /// The request, as far as it decides whether two are the same.
    struct request_identity
    {
        std::string_view method;
        std::string_view path;
        std::string_view key;
        /// SHA-256 over query, content type and body.
        std::string fingerprint;
    };

    using answer = kept_answer;

    /// A request under way: holds its key until it is destroyed.
    class ticket
    {
    public:
        ticket(ticket&&) noexcept = default;
        ticket& operator=(ticket&&) = delete;
        ~ticket();

        /// For oplog::actor::with_commit: puts the row into the first change that calls it; later
        /// changes get nothing, so that the row names what the request is about.
        [[nodiscard]] std::function<void(store::record&, std::string_view)> row_writer() const;
        /// Writes the answer and blocks until it is durable. One that is too long is not kept: a
        /// replay is then answered from the object.
        void keep(const answer& a);
        /// A change with the row was committed.
        [[nodiscard]] bool has_effect() const noexcept;

    private:
        friend class idempotency;
        struct effect;
        ticket(idempotency& owner, std::shared_ptr<effect> e);
        idempotency* owner_;
        // Shared: copies of the actor (a job's) outlive the request.
        std::shared_ptr<effect> effect_;
    };

    enum class verdict
    {
        /// Go ahead, with the ticket.
        fresh,
        /// Done before: give the answer.
        replay,
        /// Done before, but the answer was lost (or is not kept): tell of the object.
        replay_object,
        /// Another request had this key.
        reused,
        in_progress,
        /// The row can't be read.
        unavailable,
    };
    struct outcome
    {
        verdict what = verdict::fresh;
        std::optional<ticket> mine;
        std::optional<answer> before;
        std::string object;
    };
    /// @pre the tenant exists or is platform_tenant; the key is valid (see valid_key)
    [[nodiscard]] outcome begin(tenant_id tenant, const request_identity& r);

    /// 1 to key_chars_max printable ASCII characters.
    [[nodiscard]] static bool valid_key(std::string_view key) noexcept;

    /// Removes rows older than `kept`. Returns how many. @error errc::corrupt, errc::no_tenant
    [[nodiscard]] result<std::size_t> purge(tenant_id tenant, wall_time now);

private:
    /// nullptr when there is no such tenant.
    [[nodiscard]] std::shared_ptr<const store::reader> rows_of(tenant_id tenant) const;
    /// Keys of old rows, at most purge_rows_max rows on.
    [[nodiscard]] result<std::vector<std::string>> find_expired(const store::reader& rows,
                                                                tenant_id tenant, wall_time now);
    /// Marks keys as running; leaves out those that are already.
    [[nodiscard]] std::vector<std::string> hold(std::vector<std::string> keys);
    void release(const std::vector<std::string>& keys);

    store::database& db_;
    const clock& clock_;
    std::mutex mutex_;
    std::unordered_set<std::string> running_;
    /// Where the next purge of a tenant goes on.
    std::unordered_map<tenant_id, std::string> purge_from_;
};

} // namespace hikyaku::api
