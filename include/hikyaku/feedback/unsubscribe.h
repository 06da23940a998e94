#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/id.h>
#include <hikyaku/base/result.h>
#include <hikyaku/crm/services.h>
#include <hikyaku/store/database.h>

namespace hikyaku::feed
{
class outcome_index;
} // namespace hikyaku::feed

namespace hikyaku::feedback
{

/// How a recipient said so.
enum class unsubscribe_way : std::uint8_t
{
    /// The mail program posted the link of the header (RFC 8058).
    one_click,
    /// The button of our page.
    page,
    /// A mail to the address of the header.
    mail,
};
/// "one_click", "page", "mail". Lives for ever.
[[nodiscard]] std::string_view to_string(unsubscribe_way way) noexcept;

/// A wish to get no more mail, from whoever holds a token of ours.
struct unsubscribe_wish
{
    /// Of the token, whose signature was checked.
    tenant_id tenant;
    campaign_id campaign;
    ordinal who;
    unsubscribe_way way = unsubscribe_way::one_click;
    /// Where it came from: of one-click requests that is mostly the mailbox provider.
    std::string_view ip{};
    /// For the operation log; may be empty.
    std::string_view request_id{};
};

/// Takes recipients off: suppresses the address that the recipient has now, and the one that the
/// mail went to when that was another one. Thread-safe.
///
/// The reason is "unsubscribed", the source "one_click 192.0.2.1", beside the
/// campaign. A contact that is deleted,
/// or has another address since, is still the person who got the mail: that address is suppressed
/// as long as its delivery is remembered. Repeating a wish writes nothing; the first one's time and
/// source stay.
class unsubscriber
{
public:
    /// Whether recipients of the campaign are contacts; nullopt: the tenant has no such campaign.
    using has_contacts = std::function<std::optional<bool>(tenant_id, campaign_id)>;

    struct dependencies
    {
        store::database& db;
        crm::services& crm;
        /// Knows where mail went to.
        feed::outcome_index& outcomes;
        has_contacts contacts_of;
    };
    /// What is in `deps` outlives the object.
    explicit unsubscriber(dependencies deps) : deps_(std::move(deps)) {}

    /// Blocks until it is durable and in force: no mail to the recipient begins or ends its DATA
    /// after that. Not on an event loop thread.
    ///
    /// @returns false when there is nobody (any more) to take off: the tenant, the campaign, or
    /// both
    ///          the recipient and the address are gone
    /// @error   a row can't be read: nothing is certain, ask again
    /// @throws boost::system::system_error  the store can't be written
    [[nodiscard]] result<bool, failure> take_off(const unsubscribe_wish& wish) const;

private:
    [[nodiscard]] result<std::vector<std::string>, failure>
    find_addresses(const store::tenant_store& rows, const unsubscribe_wish& wish,
                   bool contacts) const;

    dependencies deps_;
};

} // namespace hikyaku::feedback
