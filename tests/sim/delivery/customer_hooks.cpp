#include "customers.h"

#include <hikyaku/queue/keys.h>

namespace hikyaku::sim
{
namespace
{

struct loaded
{
    std::uint32_t generation = 0;
};

} // namespace

delivery::hooks customers::make_hooks()
{
    delivery::hooks h;
    h.load = [this](std::span<delivery::work> batch) { load(batch); };
    h.render = [this](const delivery::work& w, std::size_t,
                      delivery::rendered& out) -> result<void, failure>
    {
        out.mail_from = "c" + std::to_string(w.l.campaign.campaign.value) + "@sender.example";
        // Never the same twice: a retry that must be identical can't come from rendering.
        out.message = w.kept_bytes.empty() ? "Subject: " + std::to_string(++renders_) +
                                                 "\r\n\r\nTo " + w.recipient + "\r\n"
                                           : w.kept_bytes;
        out.id_domain = "sender.example";
        return {};
    };
    h.still_valid = [this](const delivery::work& w)
    {
        const auto& m = find(w.l.campaign);
        const auto& seen = *static_cast<const loaded*>(w.payload.get());
        return powered_ && m.may_send && m.generation == seen.generation &&
               !m.people.at(w.l.who.value - 1).suppressed;
    };
    h.pool_of = [this](const queue::campaign_ref& c) { return find(c).pool; };
    h.terms_of = [this](tenant_id t)
    { return terms_.contains(t) ? terms_.at(t) : delivery::tenant_terms{}; };
    h.settled = [](const queue::settlement&) {};
    h.drained = [this](const queue::campaign_ref& c) { on_drained(c); };
    return h;
}

void customers::load(std::span<delivery::work> batch)
{
    for (auto& w : batch)
    {
        load_one(w);
    }
}

void customers::load_one(delivery::work& w)
{
    auto& m = find(w.l.campaign);
    auto* p = m.find(w.l.who);
    if (p == nullptr)
    {
        failed_("a recipient that nobody added was leased");
        w.what = delivery::fate::release;
        return;
    }
    w.recipient = p->address;
    p->leased = time_.mono();
    w.payload = std::make_shared<const loaded>(loaded{m.generation});
    if (!m.may_send || !powered_)
    {
        w.what = delivery::fate::release;
    }
    else if (p->suppressed)
    {
        w.what = delivery::fate::skip;
        w.skip_as = queue::disposition::suppressed;
        w.skip_class = "unsubscribed";
    }
    else if (p->domain != w.l.domain)
    {
        w.what = delivery::fate::moved;
        w.domain_now = p->domain;
    }
    else if (w.l.state.was_unknown)
    {
        const auto kept =
            db_->find_tenant(m.ref.tenant)->find(queue::kept_bytes_key(m.ref, w.l.who));
        w.kept_bytes = kept.has_value() && kept->has_value() ? **kept : "";
        if (w.kept_bytes.empty())
        {
            failed_("the bytes of an unknown message are gone: " + w.recipient);
        }
    }
}

void customers::on_drained(const queue::campaign_ref& c)
{
    trace_.add("drained " + std::to_string(c.campaign.value));
    time_.after(milliseconds{1},
                [this, c, life = life_]
                {
                    if (powered_ && life == life_)
                    {
                        finish(c);
                    }
                });
}

void customers::finish(const queue::campaign_ref& c)
{
    auto& m = find(c);
    const auto view = engine_->view_campaign(c);
    if (!view || view->pending != 0 || view->in_flight != 0 ||
        view->counts.settled() != m.people.size())
    {
        failed_("a drained campaign's report does not add up");
        return;
    }
    m.counts = view->counts;
    auto life = m.life;
    if (life.state != queue::campaign_state::cancelled)
    {
        life.state = queue::campaign_state::finished;
    }
    ++life.generation;
    life.closed = true;
    m.life = life;
    store::record r(c.tenant);
    r.put(store::space::queue, queue::campaign_key(queue::row::lifecycle, c), queue::encode(life));
    queue::erase_lanes(c, r);
    write(std::move(r),
          [this, c]
          {
              auto& done = find(c);
              done.finished = true;
              done.may_send = false;
              engine_->forget(c);
          });
}

void customers::check_reports()
{
    for (const auto& m : campaigns_)
    {
        const auto view = engine_->view_campaign(m.ref);
        if (!view)
        {
            if (!m.finished && !m.life.closed)
            {
                failed_("the engine does not know an open campaign");
            }
            continue;
        }
        if (view->recipients != view->counts.settled() + view->pending ||
            view->recipients != m.people.size())
        {
            failed_("campaign " + std::to_string(m.ref.campaign.value) + ": " +
                    std::to_string(view->recipients) + " recipients, " +
                    std::to_string(view->counts.settled()) + " ended, " +
                    std::to_string(view->pending) + " pending");
        }
    }
}

} // namespace hikyaku::sim
