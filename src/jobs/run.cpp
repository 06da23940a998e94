#include "jobs_impl.h"

#include <hikyaku/base/log.h>

#include <exception>

namespace hikyaku::jobs
{
namespace
{

/// The kind's code is a root of its own: what it throws fails this job, not the program.
outcome run_guarded(const work& w, context& c)
{
    try
    {
        return w(c);
    }
    catch (const std::exception& e)
    {
        log::error("job_threw", {{"job", c.current().public_id()}, {"reason", e.what()}});
        return {verdict::failed, "An internal error ended the job; the log has the details.", {}};
    }
}

} // namespace

void jobs::impl::enqueue(tenant_id tenant, std::uint64_t id)
{
    auto a = std::make_shared<active_job>();
    a->tenant = tenant;
    a->id = id;
    {
        const std::lock_guard lock(mutex);
        active[id] = a;
        queue.push_back(std::move(a));
    }
    ready.notify_one();
}

bool jobs::impl::take_back(std::uint64_t id)
{
    const std::lock_guard lock(mutex);
    const auto found = active.find(id);
    if (found == active.end())
    {
        return true;
    }
    if (found->second->running)
    {
        return false;
    }
    std::erase(queue, found->second);
    active.erase(found);
    return true;
}

void jobs::impl::tell_to_stop(std::uint64_t id)
{
    const std::lock_guard lock(mutex);
    if (const auto found = active.find(id); found != active.end())
    {
        found->second->cancel = true;
    }
}

void jobs::impl::run_thread()
{
    std::unique_lock lock(mutex);
    while (true)
    {
        ready.wait(lock, [this] { return stopping || !queue.empty(); });
        if (stopping)
        {
            return;
        }
        const auto a = queue.front();
        queue.pop_front();
        a->running = true;
        lock.unlock();
        run_one(*a);
        lock.lock();
        active.erase(a->id);
    }
}

void jobs::impl::run_one(active_job& a)
{
    auto loaded = load(a.tenant, a.id);
    if (loaded.has_error() || is_final(loaded->state))
    {
        return;
    }
    job j = std::move(*loaded);
    if (j.cancel_requested)
    {
        a.cancel = true;
    }
    const auto kind = kinds.find(j.kind);
    if (kind == kinds.end())
    {
        log::warning("job_kind_unknown", {{"job", j.public_id()}, {"kind", j.kind}});
        return;
    }
    const auto cancelled = [&a] { return a.cancel.load(); };
    context c(
        std::move(j), file_of(a.tenant, a.id), [this, &a] { return stopping || a.cancel; },
        cancelled);
    const outcome how = a.cancel ? outcome{verdict::stopped, "", {}} : run_guarded(kind->second, c);
    if (how.how == verdict::stopped && stopping && !a.cancel)
    {
        return; // goes on after the restart
    }
    finish(c.current(), how, a);
}

void jobs::impl::finish(job j, const outcome& how, const active_job& a)
{
    if (db.find_tenant(j.tenant) == nullptr)
    {
        return;
    }
    auto change = log.begin(j.tenant, j.who, "job.finish");
    // Set under the tenant's gate, which is held now: a request since the last save is not lost.
    j.cancel_requested = j.cancel_requested || a.cancel;
    const bool cancelled = how.how == verdict::stopped && j.cancel_requested;
    j.finished = time.wall();
    switch (how.how)
    {
    case verdict::done:
        j.state = job_state::done;
        break;
    case verdict::failed:
        j.state = job_state::failed;
        j.failure_text = how.text;
        break;
    case verdict::stopped:
        j.state = cancelled ? job_state::cancelled : job_state::failed;
        j.failure_text = cancelled ? "" : "The job stopped before its end.";
        break;
    }
    if (!how.counts.empty())
    {
        j.last.counts = how.counts;
    }
    change.set_object(j.public_id());
    change.set_detail(j.kind + " " + std::string(to_string(j.state)));
    change.data().put(store::space::data, job_key(j.id), encode_job(j));
    change.commit();
}

void jobs::impl::resume_tenant(tenant_id tenant)
{
    const auto from = db.find_tenant(tenant);
    if (from == nullptr)
    {
        return;
    }
    auto it = from->scan_prefix("j");
    for (; it.valid(); it.next())
    {
        const auto j = decode_job(tenant, it.key(), it.value());
        if (!j)
        {
            log::error("job_row_damaged", {{"tenant", tenant.value}});
        }
        else if (!is_final(j->state))
        {
            enqueue(tenant, j->id);
        }
    }
    if (it.status().has_error())
    {
        log::error("jobs_not_resumed", {{"tenant", tenant.value}});
    }
}

} // namespace hikyaku::jobs
