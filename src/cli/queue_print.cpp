#include "queue_print.h"

#include "figures.h"
#include "json_text.h"
#include "text_table.h"

namespace hikyaku::cli
{
namespace
{

const json::object& as_object(const json::value& v)
{
    static const json::object none;
    return v.is_object() ? v.get_object() : none;
}

std::string cut(std::string text, std::size_t columns)
{
    if (text.size() <= columns)
    {
        return text;
    }
    // Not inside a character.
    auto end = columns;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
    {
        --end;
    }
    return text.substr(0, end) + "…";
}

constexpr std::size_t reply_columns = 60;
constexpr std::size_t site_columns = 48;

std::string state_of(const json::object& site)
{
    const auto ms = number_of(site, "resumes_in_ms");
    const auto health = text_of(site, "health");
    return ms == 0 ? health
                   : health + " " + format_duration(milliseconds{static_cast<std::int64_t>(ms)});
}

void print_sites(command_context& ctx, const json::array& all)
{
    text_table t(
        {"SITE", "READY", "SCHEDULED", "IN FLIGHT", "CONNS", "STATE", "NEXT ACTION", "LAST REPLY"});
    for (const auto& v : all)
    {
        const auto& s = as_object(v);
        t.add({cut(text_of(s, "site"), site_columns), format_count(number_of(s, "ready")),
               format_count(number_of(s, "scheduled")), format_count(number_of(s, "in_flight")),
               text_of(s, "sessions") + "/" + text_of(s, "window"), state_of(s),
               text_of(s, "next_action"), cut(text_of(s, "last_reply"), reply_columns)});
    }
    t.print(ctx.out());
}

/// "mx.example from one", "tnt_… at mx.example", "cmp_…".
std::string subject_of(const json::object& e)
{
    std::string out;
    const std::pair<const char*, const char*> parts[] = {
        {"campaign", ""}, {"tenant", ""}, {"site", "at "}, {"source", "from "}};
    for (const auto& [name, word] : parts)
    {
        const auto text = raw_text_of(e, name);
        if (!text.empty())
        {
            out +=
                (out.empty() ? "" : " " + std::string(word)) + cut(text_of(e, name), site_columns);
        }
    }
    return out.empty() ? "-" : out;
}

std::string value_of(const json::object& e)
{
    const auto value = raw_text_of(e, "value");
    return value.empty() ? "-" : text_of(e, "value") + " of " + text_of(e, "configured");
}

void print_campaigns(command_context& ctx, const json::array& all)
{
    text_table t({"CAMPAIGN", "TENANT", "STATE", "RECIPIENTS", "PENDING", "IN FLIGHT", "DEFERRED",
                  "DELIVERED", "BOUNCED"});
    for (const auto& v : all)
    {
        const auto& o = as_object(v);
        const auto& counts = object_of(o, "counts");
        t.add({text_of(o, "id"), text_of(o, "tenant"), text_of(o, "state"),
               format_count(number_of(o, "recipients")), format_count(number_of(o, "pending")),
               format_count(number_of(o, "in_flight")),
               format_count(number_of(counts, "deferred_now")),
               format_count(number_of(counts, "delivered")),
               format_count(number_of(counts, "bounced"))});
    }
    t.print(ctx.out());
}

void print_tenants(command_context& ctx, const json::array& all)
{
    text_table t({"TENANT", "CAMPAIGNS", "PENDING", "IN FLIGHT"});
    for (const auto& v : all)
    {
        const auto& o = as_object(v);
        t.add({text_of(o, "id"), format_count(number_of(o, "campaigns")),
               format_count(number_of(o, "pending")), format_count(number_of(o, "in_flight"))});
    }
    t.print(ctx.out());
}

void print_heading(command_context& ctx, const json::object& q)
{
    if (flag_of(q, "held"))
    {
        ctx.out() << "Delivery is held: " << text_of(q, "held_because") << "\n\n";
    }
    ctx.out() << format_count(number_of(q, "sessions")) << " sessions, "
              << format_count(number_of(q, "in_flight")) << " recipients in flight\n";
    if (const auto damaged = number_of(q, "damaged_lanes"); damaged != 0)
    {
        ctx.out() << format_count(damaged) << " damaged lanes: see the operator's log\n";
    }
}

} // namespace

void print_adaptations(command_context& ctx, const json::array& all, bool with_phase)
{
    std::vector<std::string> heading{"WHAT", "WHOSE", "VALUE", "RULE", "BEGAN", "ENDS", "CAUSE"};
    if (with_phase)
    {
        heading.insert(heading.begin(), "EVENT");
    }
    text_table t(std::move(heading));
    for (const auto& v : all)
    {
        const auto& e = as_object(v);
        std::vector<std::string> row{text_of(e, "what"),
                                     subject_of(e),
                                     value_of(e),
                                     text_of(e, "rule"),
                                     text_of(e, "began"),
                                     text_of(e, "ends"),
                                     cut(text_of(e, "reply"), reply_columns)};
        if (with_phase)
        {
            row.insert(row.begin(), text_of(e, "phase"));
        }
        t.add(std::move(row));
    }
    t.print(ctx.out());
}

void print_queue(command_context& ctx, const json::object& q)
{
    print_heading(ctx, q);
    const auto& sites = array_of(q, "sites");
    ctx.out() << '\n';
    print_sites(ctx, sites);
    json::array lowered;
    for (const auto& v : sites)
    {
        for (const auto& p : array_of(as_object(v), "paths"))
        {
            const auto& its = array_of(as_object(p), "adaptations");
            lowered.insert(lowered.end(), its.begin(), its.end());
        }
    }
    if (!lowered.empty())
    {
        ctx.out() << "\nAdaptations\n";
        print_adaptations(ctx, lowered, false);
    }
    if (const auto& held = array_of(q, "suspensions"); !held.empty())
    {
        ctx.out() << "\nSuspensions\n";
        print_adaptations(ctx, held, false);
    }
    ctx.out() << '\n';
    print_tenants(ctx, array_of(q, "tenants"));
    ctx.out() << '\n';
    print_campaigns(ctx, array_of(q, "campaigns"));
}

} // namespace hikyaku::cli
