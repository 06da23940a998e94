#include "audience.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/mime/address.h>

#include <algorithm>
#include <unordered_map>

namespace hikyaku::campaign
{
namespace
{

/// Members of the audience held in memory at a time.
constexpr std::size_t page_members = 1'024;
constexpr milliseconds progress_every{5'000};

/// Numbers for domains that nobody keeps.
class local_domains
{
public:
    domain_id number_of(const std::string& name)
    {
        const auto [at, is_new] =
            numbers_.try_emplace(name, static_cast<std::uint32_t>(names_.size()));
        if (is_new)
        {
            names_.push_back(name);
            counts_.push_back(0);
        }
        return domain_id{at->second};
    }
    void count(domain_id d) { ++counts_[d.value]; }
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> counted() const
    {
        std::vector<std::pair<std::string, std::uint64_t>> out;
        for (std::size_t i = 0; i < names_.size(); ++i)
        {
            if (counts_[i] != 0)
            {
                out.emplace_back(names_[i], counts_[i]);
            }
        }
        return out;
    }

private:
    std::unordered_map<std::string, std::uint32_t> numbers_;
    std::vector<std::string> names_;
    std::vector<std::uint64_t> counts_;
};

/// Renders pages of recipients and counts what comes of it. One thread.
class rehearsal
{
public:
    using find_dead =
        std::function<void(tenant_id, std::span<const std::string>, std::vector<bool>&)>;

    /// @param dead  as campaigns::dependencies has it; outlives the object
    rehearsal(const store::tenant_store& rows, const content& compiled, wall_time now,
              const find_dead& dead)
        : rows_(rows), compiled_(compiled), unsigned_(compiled), now_(now), find_dead_(dead)
    {
        unsigned_.identities = nullptr; // signing is the same for all, and what takes the time
    }

    local_domains domains;
    dry_run_report report;

    /// @param uploaded  rows that only the file has, by ordinal
    [[nodiscard]] result<void, failure>
    add_page(std::vector<queue::chunk_entry> page,
             const std::unordered_map<std::uint32_t, std::string>& uploaded)
    {
        std::sort(page.begin(), page.end(),
                  [](const queue::chunk_entry& a, const queue::chunk_entry& b)
                  { return a.who < b.who; });
        std::vector<std::string> keys;
        for (const auto& e : page)
        {
            keys.push_back(compiled_.by_contact ? crm::contact_key(e.who)
                                                : recipient_key(compiled_.campaign, e.who));
        }
        std::vector<std::optional<std::string>> found;
        if (rows_.find_many(keys, found).has_error())
        {
            return failure{"stored data of the audience failed its checksum"};
        }
        std::vector<prepared> ready;
        for (std::size_t i = 0; i < page.size(); ++i)
        {
            const auto given = uploaded.find(page[i].who.value);
            const auto* row = given != uploaded.end() ? &given->second
                              : found[i]              ? &*found[i]
                                                      : nullptr;
            // Gone since the page was read: it would not be sent.
            if (row == nullptr || !prepare(page[i], *row, ready))
            {
                --report.recipients;
                ++report.no_address;
            }
        }
        return render(ready);
    }

    /// Signs the largest, for its true size.
    void finish()
    {
        if (report.largest_bytes == 0)
        {
            return;
        }
        if (maker_.make(compiled_, largest_, now_, made_).has_value())
        {
            report.largest_bytes = made_.bytes.size();
        }
    }

private:
    struct prepared
    {
        recipient_data data;
        std::string normalized;
        domain_id domain;
    };

    bool prepare(const queue::chunk_entry& e, const std::string& row, std::vector<prepared>& ready)
    {
        prepared p;
        p.data.who = e.who;
        p.data.date = now_;
        p.domain = e.domain;
        std::string email;
        if (compiled_.by_contact)
        {
            if (!view_.load(row))
            {
                return false;
            }
            const auto cell = view_.value(crm::email_field);
            const auto* text = std::get_if<std::string_view>(&cell);
            email = text != nullptr ? std::string(*text) : std::string();
            p.data.row = row;
        }
        else
        {
            const auto given = decode_recipient(row);
            if (!given)
            {
                return false;
            }
            email = given->email;
            p.data.name = given->name;
            p.data.row = given->variables;
        }
        const auto parsed = mime::parse_address(email);
        if (parsed.has_error())
        {
            return false;
        }
        p.data.path = parsed->smtp_path();
        p.normalized = parsed->normalized();
        ready.push_back(std::move(p));
        return true;
    }

    [[nodiscard]] result<void, failure> render(std::vector<prepared>& ready)
    {
        std::sort(ready.begin(), ready.end(),
                  [](const prepared& a, const prepared& b) { return a.normalized < b.normalized; });
        std::vector<std::string> addresses;
        for (const auto& p : ready)
        {
            addresses.push_back(p.normalized);
        }
        std::vector<std::optional<crm::suppression>> suppressed;
        if (crm::suppressions::find_many(rows_, addresses, now_, suppressed).has_error())
        {
            return failure{"the suppression list can't be read"};
        }
        std::vector<bool> dead(addresses.size(), false);
        if (find_dead_)
        {
            find_dead_(rows_.id(), addresses, dead);
        }
        std::vector<std::size_t> order;
        for (std::size_t i = 0; i < ready.size(); ++i)
        {
            if (suppressed[i] || dead[i])
            {
                ++report.suppressed;
                continue;
            }
            order.push_back(i);
        }
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b)
                  { return ready[a].data.who < ready[b].data.who; });
        for (const auto i : order)
        {
            render_one(ready[i]);
        }
        return {};
    }

    void render_one(prepared& p)
    {
        const auto done = maker_.make(unsigned_, p.data, now_, made_);
        if (done.has_error())
        {
            ++report.render_errors;
            if (report.problems.size() < dry_run_report::problems_max)
            {
                auto problem = parse_problem(done.error().text);
                problem.who = p.data.who;
                problem.address = p.data.path;
                report.problems.push_back(std::move(problem));
            }
            return;
        }
        ++report.would_send;
        domains.count(p.domain);
        if (made_.bytes.size() > report.largest_bytes)
        {
            report.largest_bytes = made_.bytes.size();
            report.largest = p.data.who;
            largest_ = std::move(p.data);
        }
    }

    const store::tenant_store& rows_;
    const content& compiled_;
    content unsigned_;
    wall_time now_;
    const find_dead& find_dead_;
    message_maker maker_;
    message made_;
    crm::contact_row_view view_;
    recipient_data largest_;
};

campaign_error unavailable(std::string text)
{
    return {campaign_error::kind::unavailable, std::move(text), {}};
}

/// Rows of uploaded recipients, out of the record that nobody commits.
std::unordered_map<std::uint32_t, std::string> rows_in(const store::record& record)
{
    std::unordered_map<std::uint32_t, std::string> out;
    store::operation_reader in(record.bytes());
    store::operation op;
    while (in.next(op))
    {
        if (op.kind == store::operation_kind::put && op.key.size() > 4)
        {
            out.emplace(get_be<std::uint32_t>(op.key.substr(op.key.size() - 4)), op.value);
        }
    }
    return out;
}

} // namespace

result<dry_run_report, campaign_error> campaigns::dry_run(tenant_id tenant, const oplog::actor& who,
                                                          campaign_id id,
                                                          const dry_run_watch& watch) const
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const auto compiled = compile(tenant, id, row->source);
    if (compiled.has_error())
    {
        return compiled.error();
    }
    const auto store = deps_.db.find_tenant(tenant);
    rehearsal all(*store, **compiled, deps_.clock_source.wall(), deps_.find_dead);
    all.report.by_contact = (*compiled)->by_contact;
    audience_reader audience({deps_.db, deps_.crm, deps_.routing, deps_.clock_source,
                              [&all](const std::string& name)
                              { return all.domains.number_of(name); }},
                             {tenant, id}, row->source);
    const auto opened = audience.open({}, false);
    if (opened.has_error())
    {
        return unavailable(opened.error().text);
    }
    queue::expansion_state state;
    while (!state.complete)
    {
        if (watch.should_stop && watch.should_stop())
        {
            return campaign_error{campaign_error::kind::conflict, "the dry run was stopped", {}};
        }
        store::record platform(platform_tenant);
        store::record rows(tenant);
        auto page = audience.next(page_members, state, platform, rows);
        if (page.has_error())
        {
            return unavailable(page.error().text);
        }
        auto& r = all.report;
        r.recipients += page->size();
        const auto added = all.add_page(std::move(*page), rows_in(rows));
        if (added.has_error())
        {
            return unavailable(added.error().text);
        }
        r.audience = state.audience;
        r.duplicates = state.duplicates;
        r.invalid_address = state.invalid_address;
        r.no_address = state.audience - r.recipients - r.duplicates - r.invalid_address;
        if (watch.progress)
        {
            watch.progress(r);
        }
    }
    all.finish();
    auto report = std::move(all.report);
    forecast(report, all.domains.counted(), row->source.pool);
    return judge(std::move(report), tenant, who, row->source, (*compiled)->from_domain);
}

/// When it would be done.
void campaigns::forecast(dry_run_report& r,
                         const std::vector<std::pair<std::string, std::uint64_t>>& by_domain,
                         const std::string& pool) const
{
    if (engine_ == nullptr)
    {
        return;
    }
    r.sites = engine_->forecast(by_domain, pool == "default" ? std::string() : pool);
    for (const auto& s : r.sites)
    {
        r.seconds = std::max(r.seconds, s.seconds_behind_queue);
    }
    if (r.sites.size() > dry_run_report::sites_max)
    {
        r.sites_left_out = r.sites.size() - dry_run_report::sites_max;
        r.sites.resize(dry_run_report::sites_max);
    }
}

/// What is known of the sender domain's records.
result<dry_run_report, campaign_error> campaigns::judge(dry_run_report r, tenant_id tenant,
                                                        const oplog::actor& who,
                                                        const definition& d,
                                                        const std::string& domain) const
{
    auto looking = d;
    looking.sandbox = true; // asks nobody, refuses nothing
    auto failing = check_sender(tenant, who, looking, domain);
    if (failing.has_error())
    {
        return failing.error();
    }
    r.alignment = std::move(*failing);
    r.alignment_refuses = !r.alignment.empty() && !d.transactional && !d.sandbox &&
                          !d.alignment_override && deps_.watch != nullptr &&
                          deps_.watch->enforces();
    return r;
}

result<std::uint64_t, campaign_error> campaigns::dry_run_size(tenant_id tenant,
                                                              campaign_id id) const
{
    const auto row = find(tenant, id);
    if (row.has_error())
    {
        return row.error();
    }
    const auto& a = row->source.audience;
    switch (a.kind)
    {
    case audience_kind::where:
    {
        const auto last = deps_.crm.contacts.last_ordinal(tenant);
        return last ? result<std::uint64_t, campaign_error>(std::uint64_t{last->value})
                    : unavailable(last.error().text);
    }
    case audience_kind::contacts:
        return std::uint64_t{a.ordinals.size()};
    case audience_kind::recipients:
        return std::uint64_t{a.count};
    case audience_kind::upload:
    {
        const auto upload = deps_.crm.uploads.find(tenant, a.text);
        return upload ? result<std::uint64_t, campaign_error>(upload->bytes)
                      : unavailable("the uploaded file is gone");
    }
    }
    return unavailable("unknown audience");
}

jobs::outcome campaigns::run_dry(jobs::context& job) const
{
    const auto& current = job.current();
    const auto* text = current.parameters.if_contains("campaign");
    const auto id = text != nullptr && text->is_string()
                        ? parse_campaign_id(std::string_view(text->get_string()))
                        : std::nullopt;
    if (!id)
    {
        return {jobs::verdict::failed, "the job names no campaign", {}};
    }
    const auto size = dry_run_size(job.tenant(), *id);
    const auto kind = find(job.tenant(), *id);
    // Members are what is counted; of a file nobody knows how many it has.
    const bool countable =
        kind.has_value() && kind->source.audience.kind != audience_kind::upload && size.has_value();
    dry_run_watch watch;
    watch.should_stop = [&job] { return job.should_stop(); };
    auto saved = std::chrono::steady_clock::now();
    watch.progress = [&](const dry_run_report& r)
    {
        const auto now = std::chrono::steady_clock::now();
        if (now - saved < progress_every)
        {
            return;
        }
        saved = now;
        auto change = deps_.log.begin(job.tenant(), job.current().who, "campaign.dry_run");
        change.set_object(job.current().public_id());
        job.save({{r.audience, countable ? std::max(*size, r.audience) : 0},
                  json::object{{"recipients", r.recipients},
                               {"suppressed", r.suppressed},
                               {"render_errors", r.render_errors}},
                  {}},
                 change.data());
        change.commit();
    };
    const auto report = dry_run(job.tenant(), current.who, *id, watch);
    if (report.has_error())
    {
        return report.error().code == campaign_error::kind::conflict
                   ? jobs::outcome{jobs::verdict::stopped, {}, {}}
                   : jobs::outcome{jobs::verdict::failed, report.error().text, {}};
    }
    const auto tenant = job.tenant();
    const bool contacts = report->by_contact;
    return {jobs::verdict::done,
            {},
            to_json(*report,
                    [tenant, contacts](ordinal who)
                    {
                        return contacts ? crm::contact_public_id(tenant, who)
                                        : std::to_string(who.value);
                    })};
}

} // namespace hikyaku::campaign
