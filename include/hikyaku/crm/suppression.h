#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/crm/change_stamps.h>
#include <hikyaku/crm/contacts.h>
#include <hikyaku/crm/problem.h>
#include <hikyaku/oplog/operation_log.h>

namespace hikyaku::crm
{

/// Why an address gets no mail. The numbers are on disk: never reused.
enum class suppression_reason : std::uint8_t
{
    unsubscribed = 1,
    complaint = 2,
    bounce = 3,
    manual = 4,
};
[[nodiscard]] std::string_view to_string(suppression_reason r) noexcept;
[[nodiscard]] std::optional<suppression_reason> parse_suppression_reason(std::string_view) noexcept;

inline constexpr std::size_t suppression_source_bytes_max = 512;

/// An address of a tenant that gets no mail.
struct suppression
{
    /// Normalized (mime::address::normalized).
    std::string address;
    suppression_reason reason = suppression_reason::manual;
    /// Where it came from: a campaign id, "api", the server's reply. UTF-8 without controls.
    std::string source;
    wall_time at;
    /// It counts until then; nullopt: for ever.
    std::optional<wall_time> expires;
    /// The event behind it, when that was mail: its campaign, and the class of the reply or the
    /// type of the complaint. {} and empty otherwise.
    campaign_id campaign;
    std::string cls;

    [[nodiscard]] bool active(wall_time now) const noexcept { return !expires || now < *expires; }
    friend bool operator==(const suppression&, const suppression&) = default;
};

struct suppression_page
{
    std::vector<suppression> entries;
    /// Pass as `after` for the next page; nullopt at the end.
    std::optional<std::string> next;
};

/// The suppression lists of all tenants. A change is durable, logged ("suppression.add",
/// "suppression.remove", "contact.unsubscribe") and has bumped the address's stamp when the call
/// returns: no mail to it begins or ends its DATA after that. Thread-safe; calls block on the disk.
class suppressions
{
public:
    static constexpr std::size_t page_max = 1'000;
    static constexpr std::size_t add_max = 10'000;
    static constexpr std::size_t look_max = 50'000;

    suppressions(store::database& db, oplog::operation_log& log, change_stamps& stamps,
                 const clock& clock);

    /// Adds or replaces. `s.address` is any form of the address; `s.at` is set to now. An entry
    /// that nothing but the caller ends is not shortened: an unsubscribed or complaint entry
    /// stays when a bounce or a manual entry comes. Returns what is stored then.
    /// @error invalid (address, source), not_found (tenant)
    [[nodiscard]] result<suppression, problem> add(tenant_id tenant, const oplog::actor& who,
                                                   suppression s,
                                                   const also<suppression>& with = {});
    /// Many in one commit, at most add_max; all or none. @error as add, limit
    [[nodiscard]] result<void, problem> add_many(tenant_id tenant, const oplog::actor& who,
                                                 std::vector<suppression> entries);
    /// `with` sees the entry as it was. @error not_found
    [[nodiscard]] result<void, problem> remove(tenant_id tenant, const oplog::actor& who,
                                               std::string_view address,
                                               const also<suppression>& with = {});
    /// Suppresses the address in the contact's email_field.
    /// @error not_found  no such contact, or it has no address;  invalid (source)
    [[nodiscard]] result<suppression, problem> unsubscribe(tenant_id tenant,
                                                           const oplog::actor& who, ordinal number,
                                                           std::string_view source,
                                                           const also<suppression>& with = {});
    /// By any form of the address; expired ones too.
    [[nodiscard]] result<std::optional<suppression>, problem> find(tenant_id tenant,
                                                                   std::string_view address) const;
    /// Whether the normalized address is suppressed now.
    [[nodiscard]] result<bool, problem> check(tenant_id tenant, std::string_view normalized,
                                              wall_time now) const;
    /// In the order of addresses, those > `after`; with `only`, of that reason. Looks at no more
    /// than look_max entries: a page may be short (even empty) while `next` is set.
    [[nodiscard]] result<suppression_page, problem>
    list(tenant_id tenant, std::string_view after, std::size_t limit,
         std::optional<suppression_reason> only = {}) const;
    /// For the send path: out[i] is the active entry of normalized[i]. @pre ascending
    [[nodiscard]] static result<void, problem>
    find_many(const store::reader& from, std::span<const std::string> normalized, wall_time now,
              std::vector<std::optional<suppression>>& out, const store::snapshot* at = nullptr);

private:
    store::database& db_;
    oplog::operation_log& log_;
    change_stamps& stamps_;
    const clock& clock_;
};

/// What is stored when mail came back (`fresh`) for an address that has `kept`: a person's own wish
/// (unsubscribed, complaint) gives way to another such only, and a bounce shortens no entry that
/// counts now. nullopt: `kept` stays as it is.
[[nodiscard]] std::optional<suppression> merge_suppression(const std::optional<suppression>& kept,
                                                           suppression fresh, wall_time now);
/// At most suppression_source_bytes_max bytes of valid UTF-8 without controls, whatever the text.
[[nodiscard]] std::string make_suppression_source(std::string_view text);

/// 's' + normalized address. Layout in src/crm/FORMAT.md.
[[nodiscard]] std::string suppression_key(std::string_view normalized);
[[nodiscard]] std::string encode_suppression(const suppression& s);
[[nodiscard]] std::optional<suppression> decode_suppression(std::string_view key,
                                                            std::string_view value);

} // namespace hikyaku::crm
