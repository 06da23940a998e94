#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <hikyaku/base/duration_histogram.h>
#include <hikyaku/campaign/content.h>
#include <hikyaku/campaign/definition.h>
#include <hikyaku/campaign/dry_run.h>
#include <hikyaku/campaign/message.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/delivery/engine.h>
#include <hikyaku/identity/domain_watch.h>
#include <hikyaku/identity/sender_domains.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/jobs/context.h>
#include <hikyaku/oplog/operation_log.h>
#include <hikyaku/queue/domain_table.h>
#include <hikyaku/queue/rows.h>

namespace hikyaku::campaign
{

/// Why a call did nothing.
struct campaign_error
{
    enum class kind : std::uint8_t
    {
        not_found,
        /// The definition is wrong: see `errors`.
        invalid,
        /// Not possible in this state.
        conflict,
        /// A damaged row, or a key that does not sign.
        unavailable,
        /// Records of the sender domain fail: `errors` names each with what to publish.
        not_aligned,
    };
    kind code{};
    std::string text;
    std::vector<content_error> errors;
};
[[noreturn]] inline void throw_exception_from_error(const campaign_error& e,
                                                    const boost::source_location&)
{
    throw std::runtime_error(e.text);
}

/// A recipient given with the campaign or in an upload.
struct given_recipient
{
    std::string email;
    std::string name;
    /// JSON object.
    std::string variables = "{}";
};

/// Exact numbers of a campaign:
/// recipients = delivered + bounced + unknown + expired + cancelled + suppressed + failed + pending
struct report
{
    queue::campaign_state state{};
    std::uint64_t audience = 0;
    std::uint64_t recipients = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t no_address = 0;
    std::uint64_t invalid_address = 0;
    bool expansion_complete = false;
    std::uint64_t pending = 0;
    std::uint64_t in_flight = 0;
    queue::counters counts;
    /// What came back after the message had been accepted: counted beside, never in the sum.
    campaign::returns came_back{};
};

struct campaign_row
{
    campaign_id id;
    definition source;
    queue::lifecycle life;
    wall_time created;
    /// Of start(): records of the sender domain that fail and did not refuse it.
    std::vector<content_error> warnings{};
    /// What came back so far, and why the campaign paused itself.
    campaign::returns came_back{};
};

/// A campaign that is alive: what sessions ask at the last look.
struct live_campaign;

/// Campaigns of all tenants: their definitions, lifecycle, expansion, late checks and reports.
/// Drives the engine through its hooks. Thread-safe; calls that change something block until
/// durable.
class campaigns
{
public:
    static constexpr std::size_t recipients_inline_max = 100'000;
    static constexpr std::size_t page_recipients = 32'768;

    struct dependencies
    {
        store::database& db;
        oplog::operation_log& log;
        const clock& clock_source;
        id_source& ids;
        crm::services& crm;
        identity::tenants& tenants;
        identity::sender_domains& domains;
        queue::domain_table& routing;
        const crypto::master_key& master;
        std::size_t shards = 1;
        /// Clears the sender domains of broadcasts; nullptr: all start.
        identity::domain_watch* watch = nullptr;
        /// Whether a source of the pool is in warm-up today: then recipients are ranked by how
        /// recently they engaged. Empty: none is. Any thread.
        std::function<bool(const std::string& pool)> is_warming{};
        /// Which of the addresses (normalized, ascending) are proven not to exist, for a tenant
        /// that wants to know: out[i] belongs to addresses[i]. Empty: none is. Any thread.
        std::function<void(tenant_id, std::span<const std::string> addresses,
                           std::vector<bool>& out)>
            find_dead{};
        /// What broadcasts offer by themselves; by_mail: we take mail for return paths.
        unsubscribe_ways unsubscribe{};
    };
    explicit campaigns(dependencies deps);
    ~campaigns();
    campaigns(const campaigns&) = delete;
    campaigns& operator=(const campaigns&) = delete;

    /// What the engine needs of us. The engine must stop before this object ends.
    [[nodiscard]] delivery::hooks make_hooks(std::function<void(const queue::settlement&)> settled);
    /// Loads the live campaigns and goes on with unfinished expansions. Before engine.start().
    [[nodiscard]] result<void> load(delivery::engine& engine);
    /// Starts the expansion thread. After engine.start().
    void run();
    /// Stops it at a page border. Before engine.stop().
    void stop();

    /// @error invalid
    [[nodiscard]] result<campaign_row, campaign_error>
    create(tenant_id tenant, const oplog::actor& who, definition d,
           const std::vector<given_recipient>& recipients);
    [[nodiscard]] result<campaign_row, campaign_error> find(tenant_id tenant, campaign_id id) const;
    /// Whether recipients are contacts (else they were given); nullopt when there is no such
    /// campaign.
    [[nodiscard]] std::optional<bool> has_contacts(tenant_id tenant, campaign_id id) const;
    /// Newest first, ids < before (0: from the newest).
    [[nodiscard]] std::vector<campaign_row> list(tenant_id tenant, std::uint64_t before,
                                                 std::size_t limit) const;
    /// draft → scheduled (send_at lies ahead) or expanding. The records of a broadcast's sender
    /// domain are checked first (identity::domain_watch); it takes a few seconds at most.
    /// @error not_aligned  they fail, and the campaign has no alignment_override
    [[nodiscard]] result<campaign_row, campaign_error>
    start(tenant_id tenant, const oplog::actor& who, campaign_id id);
    [[nodiscard]] result<campaign_row, campaign_error>
    pause(tenant_id tenant, const oplog::actor& who, campaign_id id);
    /// Pauses a campaign whose breaker has tripped, in the program's own name. The row says so
    /// already: repeating it after a crash does no harm.
    /// @error conflict  it does not send any more
    [[nodiscard]] result<campaign_row, campaign_error>
    pause_itself(tenant_id tenant, campaign_id id, const returns& why);
    [[nodiscard]] result<campaign_row, campaign_error>
    resume(tenant_id tenant, const oplog::actor& who, campaign_id id);
    [[nodiscard]] result<campaign_row, campaign_error>
    cancel(tenant_id tenant, const oplog::actor& who, campaign_id id);
    [[nodiscard]] result<campaign::report, campaign_error> report_of(tenant_id tenant,
                                                                     campaign_id id) const;
    /// Renders for one contact, or for the sample recipient when there is none. Sends nothing.
    [[nodiscard]] result<message_maker::parts, campaign_error>
    preview(tenant_id tenant, campaign_id id, std::optional<ordinal> contact) const;
    /// Renders every recipient as it would be sent now, sends nothing and changes nothing. Memory
    /// is bounded; it takes as long as rendering does.
    /// @param who  for the check of the sender domain, which asks nothing
    /// @error not_found, invalid, unavailable; conflict: `watch` stopped it
    [[nodiscard]] result<dry_run_report, campaign_error>
    dry_run(tenant_id tenant, const oplog::actor& who, campaign_id id,
            const dry_run_watch& watch = {}) const;
    /// Members of the audience a dry run looks at, at most: contacts, or recipients given; of an
    /// upload its bytes. @error not_found, unavailable
    [[nodiscard]] result<std::uint64_t, campaign_error> dry_run_size(tenant_id tenant,
                                                                     campaign_id id) const;
    /// A dry run as a job of dry_run_kind: progress, cancel; the report is its final counts.
    [[nodiscard]] jobs::outcome run_dry(jobs::context& job) const;
    /// How long signing took, per message.
    [[nodiscard]] const duration_histogram& sign_durations() const noexcept { return signing_; }
    /// Messages that are rendered from now on are signed with the keys that the domain has now.
    void use_new_keys(tenant_id tenant, const std::string& domain);
    /// Stops all mail of a suspended tenant, and lets it go on.
    void hold_tenant(tenant_id tenant, bool held);

private:
    using live_ptr = std::shared_ptr<live_campaign>; // shared: work in flight refers to it

    [[nodiscard]] result<campaign_row, campaign_error>
    pause_as(tenant_id tenant, const oplog::actor& who, campaign_id id, std::string detail);
    [[nodiscard]] result<campaign_row, campaign_error> change_state(
        tenant_id tenant, const oplog::actor& who, campaign_id id, std::string_view operation,
        const std::function<std::optional<std::string>(queue::lifecycle&, const definition&)>&
            decide,
        const std::function<void(const campaign_row&)>& after, std::string detail = {},
        const std::function<void(campaign_row&, store::record&)>& with = {});
    /// What start() has to know of the sender domain: empty, or what fails. @param who  of the
    /// start
    [[nodiscard]] result<std::vector<content_error>, campaign_error>
    check_sender(tenant_id tenant, const oplog::actor& who, const definition& d,
                 const std::string& domain) const;
    [[nodiscard]] result<std::shared_ptr<const content>, campaign_error>
    compile(tenant_id tenant, campaign_id id, const definition& d) const;
    void forecast(dry_run_report& r,
                  const std::vector<std::pair<std::string, std::uint64_t>>& by_domain,
                  const std::string& pool) const;
    [[nodiscard]] result<dry_run_report, campaign_error> judge(dry_run_report r, tenant_id tenant,
                                                               const oplog::actor& who,
                                                               const definition& d,
                                                               const std::string& domain) const;
    /// Other keys may have become active between compiling and being live.
    void take_switched_keys(tenant_id tenant, const content& compiled);
    [[nodiscard]] live_ptr find_live(const queue::campaign_ref& c) const;
    [[nodiscard]] live_ptr obtain_live(const queue::campaign_ref& c, const definition& d,
                                       const queue::lifecycle& l);
    void publish(const queue::campaign_ref& c, const queue::lifecycle& l);

    void load_batch(std::span<delivery::work> batch);
    void load_group(const live_ptr& live, std::span<delivery::work*> group);
    [[nodiscard]] result<void, failure> render(const delivery::work& w, std::size_t shard,
                                               delivery::rendered& out);
    [[nodiscard]] bool still_valid(const delivery::work& w) const;
    void on_drained(const queue::campaign_ref& c);

    struct worker;
    void run_worker(bool transactional);
    [[nodiscard]] worker& worker_of(const queue::campaign_ref& c);
    void expand(const queue::campaign_ref& c);
    void finish(const queue::campaign_ref& c);
    void end_expansion(const queue::campaign_ref& c);

    [[nodiscard]] result<std::vector<std::uint8_t>, failure>
    rank_page(const queue::campaign_ref& c, const definition& d,
              const std::vector<queue::chunk_entry>& page) const;

    dependencies deps_;
    const std::string feedback_sender_;
    delivery::engine* engine_ = nullptr;
    mutable std::shared_mutex live_mutex_;
    std::map<queue::campaign_ref, live_ptr> live_;
    std::vector<std::unique_ptr<message_maker>> makers_; // by shard
    duration_histogram signing_;

    mutable std::mutex work_mutex_;
    /// One worker for transactional campaigns, one for the others: a password mail does not wait
    /// until a long audience is at its end.
    struct worker
    {
        std::condition_variable ready;
        std::vector<queue::campaign_ref> to_finish;
        /// Something began or changed since the worker looked last.
        bool waits = false;
        std::thread thread;
    };
    worker broadcast_worker_;
    worker transactional_worker_;
    /// Held from the numbering of a page's new domains until they are durable: the other worker's
    /// pages may name them only then.
    std::mutex page_mutex_;
    std::atomic<bool> stopping_{false};
};

/// 'm' + campaign: the definition. 'r' + campaign + ordinal: a given recipient.
[[nodiscard]] std::string definition_key(campaign_id c);
[[nodiscard]] std::string recipient_key(campaign_id c, ordinal who);
[[nodiscard]] std::string encode(const given_recipient& r);
[[nodiscard]] std::optional<given_recipient> decode_recipient(std::string_view bytes);
[[nodiscard]] std::string public_id(campaign_id c);
[[nodiscard]] std::optional<campaign_id> parse_campaign_id(std::string_view text);

} // namespace hikyaku::campaign
