#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/shaping/adaptation_event.h>

namespace hikyaku::shaping
{

/// One suspension in force.
struct suspension_entry
{
    suspension_kind kind = suspension_kind::site;
    adaptation_subject subject;
    bool by_operator = false;
    adaptation_cause cause;
    wall_time began{};
    mono_time until{};
    /// `until` as the last event told it.
    mono_time told_until{};
};

/// Who is suspended: sites, a tenant's mail to a site, campaigns, tenants; by rules and by the
/// operator, separately: one does not end the other's. (A source at a site: path_adaptation.)
///
/// Pure, not thread-safe. Invariant: at most entries_max entries. When it is full a new suspension
/// takes the place of the one by a rule that ends first, if that ends before it.
class suspension_table
{
public:
    static constexpr std::size_t entries_max = 10'000;
    static constexpr std::size_t id_bytes_max = 512;
    /// A rule's suspension that is extended by less than this, reply after reply, makes no event.
    static constexpr milliseconds told_step = std::chrono::minutes{1};
    static constexpr milliseconds operator_duration_max = std::chrono::hours{24 * 366};

    /// Suspends `subject` at least until now + duration, a longer one stays. Only the members that
    /// `kind` names count.
    /// @pre kind is not source_site; duration > 0
    /// @error the table is full of later ones, or a name is empty or too long
    [[nodiscard]] result<void, failure> suspend(suspension_kind kind,
                                                const adaptation_subject& subject,
                                                milliseconds duration, bool by_operator,
                                                const adaptation_cause& cause, instant now,
                                                std::vector<adaptation_event>& out);
    /// Ends the suspensions of `subject`: all, or only the operator's.
    /// @returns whether there was one
    bool resume(suspension_kind kind, const adaptation_subject& subject, bool operators_only,
                instant now, std::vector<adaptation_event>& out);

    /// The one of `id` that ends last; nullptr: not suspended at `now`. `id`: the site, campaign or
    /// tenant; of tenant_site see the other one. Valid until the next call that changes. No
    /// allocation.
    [[nodiscard]] const suspension_entry* find(suspension_kind kind, std::string_view id,
                                               mono_time now) const;
    /// The tenant's mail to the site.
    [[nodiscard]] const suspension_entry*
    find_tenant_site(std::string_view tenant, std::string_view site, mono_time now) const;
    /// Nothing is suspended: callers may skip all look-ups.
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

    /// Takes out what has run out.
    void step(instant now, std::vector<adaptation_event>& out);
    /// When the first one ends; nullopt: none.
    [[nodiscard]] std::optional<mono_time> next_step() const noexcept;
    /// All, as events of the phase `changed`.
    [[nodiscard]] std::vector<adaptation_event> active(instant now) const;

    [[nodiscard]] std::string encode(instant now) const;
    /// As path_adaptation::decode. Replaces what is there.
    [[nodiscard]] result<void, failure> decode(std::string_view bytes, instant now);

private:
    struct key_view
    {
        suspension_kind kind;
        // tenant_site: the tenant; others: all of the id.
        std::string_view first;
        // tenant_site: the site.
        std::string_view second;
        bool by_operator;
    };
    struct key
    {
        suspension_kind kind;
        std::string first;
        std::string second;
        bool by_operator;
    };
    struct key_less
    {
        using is_transparent = void;
        template <class A, class B> bool operator()(const A& a, const B& b) const noexcept
        {
            if (a.kind != b.kind)
            {
                return a.kind < b.kind;
            }
            const int first = std::string_view{a.first}.compare(b.first);
            const int second = first != 0 ? first : std::string_view{a.second}.compare(b.second);
            return second != 0 ? second < 0 : a.by_operator < b.by_operator;
        }
    };
    [[nodiscard]] static key_view view_of(suspension_kind kind, const adaptation_subject& subject,
                                          bool by_operator) noexcept;
    [[nodiscard]] const suspension_entry* find_any(suspension_kind kind, std::string_view first,
                                                   std::string_view second, mono_time now) const;
    [[nodiscard]] bool make_room(mono_time until, instant now, std::vector<adaptation_event>& out);

    std::map<key, suspension_entry, key_less> entries_;
};

} // namespace hikyaku::shaping
