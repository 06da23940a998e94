#include "customers.h"

#include <hikyaku/base/bytes.h>
#include <hikyaku/queue/keys.h>

#include <algorithm>

namespace hikyaku::sim
{
namespace
{

bool sends(queue::campaign_state s)
{
    return s == queue::campaign_state::sending || s == queue::campaign_state::expanding;
}

std::string suppression_key(const queue::campaign_ref& c, ordinal who)
{
    std::string key = "~suppressed";
    put_be(key, c.campaign.value);
    put_be(key, who.value);
    return key;
}

} // namespace

person* campaign_model::find(ordinal who)
{
    return who.value == 0 || who.value > people.size() ? nullptr : &people[who.value - 1];
}

void customers::write(store::record r, std::function<void()> done)
{
    db_->submit(std::move(r), store::commit_class::control,
                [this, life = life_, done = std::move(done)]
                {
                    if (powered_ && life == life_)
                    {
                        done();
                    }
                });
}

void customers::attach(store::database& db, queue::domain_table& domains)
{
    db_ = &db;
    domains_ = &domains;
    powered_ = true;
    ++life_;
    for (auto& m : campaigns_)
    {
        reload_one(m);
    }
}

/// Memory is gone: what counts is what was written.
void customers::reload_one(campaign_model& m)
{
    const auto row = db_->queue().find(queue::campaign_key(queue::row::lifecycle, m.ref));
    if (row.has_error() || !*row)
    {
        failed_("a campaign's row is gone after a restart");
        return;
    }
    const auto life = queue::decode_lifecycle(**row);
    const bool was_silent = !m.silent.empty() && m.silent.back().second == mono_time::max();
    if (was_silent && sends(life->state))
    {
        failed_("an acknowledged pause or cancel is gone after a restart");
    }
    m.life = *life;
    m.generation = life->generation;
    m.may_send = sends(life->state) && !life->closed;
    m.finished = life->closed;
    if (!m.may_send && !was_silent)
    {
        m.silent.emplace_back(time_.mono(), mono_time::max());
    }
    const auto store = db_->find_tenant(m.ref.tenant);
    for (auto& p : m.people)
    {
        const auto found = store->find(suppression_key(m.ref, p.who));
        const bool there = found.has_value() && found->has_value();
        if (p.suppressed_at != mono_time::max() && !there)
        {
            failed_("an acknowledged suppression is gone after a restart");
        }
        p.suppressed = there;
        p.suppressed_at = there ? std::min(p.suppressed_at, time_.mono()) : mono_time::max();
    }
}

void customers::begin(tenant_id tenant, const std::vector<std::pair<std::string, unsigned>>& counts,
                      milliseconds expires_in, const std::string& pool, bool transactional)
{
    if (tenants_.insert(tenant).second)
    {
        store::record family(platform_tenant);
        family.create_family(tenant);
        db_->commit(std::move(family), store::commit_class::control);
    }
    campaign_model m;
    m.ref = {tenant, campaign_id{campaigns_.size() + 1}};
    m.life.state = queue::campaign_state::sending;
    m.life.generation = 1;
    m.life.transactional = transactional;
    m.pool = pool;
    m.generation = 1;
    m.life.expires_at = time_.wall() + expires_in;
    m.begun = time_.mono();
    m.began_wall = time_.wall();
    m.may_send = true;
    std::vector<queue::chunk_entry> page;
    store::record platform(platform_tenant);
    for (const auto& [domain, count] : counts)
    {
        for (unsigned i = 0; i < count; ++i)
        {
            person p;
            p.who = ordinal{static_cast<std::uint32_t>(m.people.size() + 1)};
            p.domain = domains_->obtain(domain, platform);
            p.address = "r" + std::to_string(p.who.value) + ".c" +
                        std::to_string(m.ref.campaign.value) + "@" + domain;
            page.push_back({p.who, p.domain});
            m.people.push_back(std::move(p));
        }
    }
    m.expansion.recipients = page.size();
    m.expansion.complete = true;
    queue::expander expander(db_->queue(), m.ref);
    store::record rows(tenant);
    rows.put(store::space::queue, queue::campaign_key(queue::row::lifecycle, m.ref),
             queue::encode(m.life));
    auto grown = expander.add_page(page, m.expansion, rows);
    std::vector<store::record> both;
    if (!platform.empty())
    {
        both.push_back(std::move(platform));
    }
    both.push_back(std::move(rows));
    db_->commit(std::move(both), store::commit_class::bulk);
    trace_.add("campaign " + std::to_string(m.ref.campaign.value) + " of tenant " +
               std::to_string(tenant.value) + ": " + std::to_string(page.size()) + " recipients");
    engine_->open_campaign(m.ref, m.life, {});
    engine_->grow(m.ref, m.expansion, *grown);
    campaigns_.push_back(std::move(m));
}

void customers::suppress(std::size_t campaign, std::size_t person_)
{
    auto& m = campaigns_.at(campaign);
    auto& p = m.people.at(person_);
    if (p.suppressed)
    {
        return;
    }
    store::record r(m.ref.tenant);
    r.put(store::space::data, suppression_key(m.ref, p.who), "1");
    write(std::move(r),
          [this, campaign, person_]
          {
              auto& now = campaigns_.at(campaign).people.at(person_);
              now.suppressed = true;
              now.suppressed_at = time_.mono();
              trace_.add("suppressed " + now.address);
          });
}

void customers::set_state(std::size_t campaign, queue::campaign_state state)
{
    auto& m = campaigns_.at(campaign);
    if (m.finished || m.life.closed || m.life.state == queue::campaign_state::cancelled ||
        m.life.state == state)
    {
        return;
    }
    auto life = m.life;
    life.state = state;
    ++life.generation;
    store::record r(m.ref.tenant);
    r.put(store::space::queue, queue::campaign_key(queue::row::lifecycle, m.ref),
          queue::encode(life));
    m.life = life;
    write(std::move(r), [this, campaign, life] { publish(campaigns_.at(campaign), life); });
}

void customers::publish(campaign_model& m, const queue::lifecycle& life)
{
    trace_.add("campaign " + std::to_string(m.ref.campaign.value) + " is " +
               std::string(queue::to_string(life.state)));
    const bool was = m.may_send;
    m.may_send = sends(life.state);
    m.generation = life.generation;
    if (was && !m.may_send)
    {
        m.silent.emplace_back(time_.mono(), mono_time::max());
    }
    else if (!was && m.may_send)
    {
        m.silent.back().second = time_.mono();
    }
    engine_->set_lifecycle(m.ref, life);
    if (life.state == queue::campaign_state::cancelled)
    {
        engine_->close_campaign(m.ref, queue::disposition::cancelled);
    }
}

void customers::move(std::size_t campaign, std::size_t person_, const std::string& domain)
{
    store::record platform(platform_tenant);
    campaigns_.at(campaign).people.at(person_).domain = domains_->obtain(domain, platform);
    if (!platform.empty())
    {
        db_->commit(std::move(platform), store::commit_class::control);
    }
}

void customers::hurry(std::size_t campaign)
{
    if (!campaigns_.at(campaign).finished)
    {
        engine_->hurry(campaigns_.at(campaign).ref);
    }
}

campaign_model& customers::find(const queue::campaign_ref& c)
{
    return campaigns_.at(c.campaign.value - 1);
}

mono_time customers::lease_time(const std::string& address) const
{
    // r<who>.c<campaign>@<domain>
    const auto who = std::stoul(address.substr(1));
    const auto campaign = std::stoul(address.substr(address.find(".c") + 2));
    return campaigns_.at(campaign - 1).people.at(who - 1).leased;
}

bool customers::all_finished() const
{
    return std::all_of(campaigns_.begin(), campaigns_.end(),
                       [](const campaign_model& m) { return m.finished; });
}

} // namespace hikyaku::sim
