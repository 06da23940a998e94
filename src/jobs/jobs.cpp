#include "jobs_impl.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::jobs
{
namespace
{

using kind = job_error::kind;

job_error not_found()
{
    return {kind::not_found, "There is no such job."};
}

} // namespace

jobs::jobs(store::database& db, oplog::operation_log& log, const clock& clock, jobs_options options)
    : impl_(std::make_unique<impl>(db, log, clock, std::move(options)))
{
}

jobs::~jobs()
{
    stop();
}

void jobs::register_kind(std::string name, work w)
{
    HK_ASSERT(!impl_->started);
    const bool fresh = impl_->kinds.emplace(std::move(name), std::move(w)).second;
    HK_ASSERT(fresh);
}

void jobs::run()
{
    HK_ASSERT(!impl_->started);
    impl_->started = true;
    for (const tenant_id tenant : impl_->db.tenants())
    {
        impl_->resume_tenant(tenant);
    }
    for (std::size_t i = 0; i < impl_->options.threads; ++i)
    {
        impl_->threads.emplace_back([this] { impl_->run_thread(); });
    }
}

void jobs::stop()
{
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->ready.notify_all();
    for (auto& t : impl_->threads)
    {
        t.join();
    }
    impl_->threads.clear();
}

result<job, job_error> jobs::start(tenant_id tenant, const oplog::actor& who, std::string_view name,
                                   json::object parameters, const also& with)
{
    if (!impl_->kinds.contains(name))
    {
        return job_error{kind::unknown_kind, "There is no such kind of job."};
    }
    if (impl_->db.find_tenant(tenant) == nullptr)
    {
        return not_found();
    }
    {
        const std::lock_guard lock(impl_->mutex);
        if (impl_->stopping || impl_->queue.size() >= impl_->options.queue_max)
        {
            return job_error{kind::full, "Too many jobs are waiting; try again later."};
        }
    }
    job j;
    j.id = impl_->ids.next();
    j.tenant = tenant;
    j.kind = name;
    j.parameters = std::move(parameters);
    j.who = who;
    j.created = impl_->time.wall();
    auto change = impl_->log.begin(tenant, who, "job.start");
    change.set_object(j.public_id());
    change.set_detail(j.kind);
    change.data().put(store::space::data, job_key(j.id), encode_job(j));
    if (with)
    {
        with(j, change.data());
    }
    change.commit([&] { impl_->enqueue(tenant, j.id); });
    return j;
}

result<job, job_error> jobs::impl::load(tenant_id tenant, std::uint64_t id) const
{
    const auto from = db.find_tenant(tenant);
    if (from == nullptr)
    {
        return not_found();
    }
    const std::string key = job_key(id);
    const auto row = from->find(key);
    if (row.has_error())
    {
        return job_error{kind::corrupt, "The job can't be read."};
    }
    if (!*row)
    {
        return not_found();
    }
    auto j = decode_job(tenant, key, **row);
    if (!j)
    {
        return job_error{kind::corrupt, "The job can't be read."};
    }
    return std::move(*j);
}

void jobs::impl::show_running(job& j) const
{
    const std::lock_guard lock(mutex);
    const auto found = active.find(j.id);
    if (!is_final(j.state) && found != active.end() && found->second->running)
    {
        j.state = job_state::running;
    }
}

result<job, job_error> jobs::find(tenant_id tenant, std::string_view id) const
{
    const auto number = parse_id("job", id);
    if (!number)
    {
        return not_found();
    }
    auto j = impl_->load(tenant, *number);
    if (j.has_value())
    {
        impl_->show_running(*j);
    }
    return j;
}

result<std::vector<job>, job_error> jobs::list(tenant_id tenant, std::uint64_t before,
                                               std::size_t limit, std::string_view only) const
{
    const auto from = impl_->db.find_tenant(tenant);
    if (from == nullptr)
    {
        return not_found();
    }
    // Kept for a month and started by people: few enough to walk; the cursor only goes up.
    std::deque<job> newest;
    auto it = from->scan(job_key(0), before != 0 ? job_key(before) : store::prefix_end("j"));
    for (; it.valid(); it.next())
    {
        auto j = decode_job(tenant, it.key(), it.value());
        if (!j)
        {
            return job_error{kind::corrupt, "A job can't be read."};
        }
        if (only.empty() || j->kind == only)
        {
            newest.push_back(std::move(*j));
        }
        if (newest.size() > limit)
        {
            newest.pop_front();
        }
    }
    if (it.status().has_error())
    {
        return job_error{kind::corrupt, "The jobs can't be read."};
    }
    std::vector<job> out(std::make_move_iterator(newest.rbegin()),
                         std::make_move_iterator(newest.rend()));
    for (job& j : out)
    {
        impl_->show_running(j);
    }
    return out;
}

result<job, job_error> jobs::cancel(tenant_id tenant, const oplog::actor& who, std::string_view id,
                                    const also& with)
{
    const auto number = parse_id("job", id);
    if (!number || impl_->db.find_tenant(tenant) == nullptr)
    {
        return not_found();
    }
    auto change = impl_->log.begin(tenant, who, "job.cancel");
    auto loaded = impl_->load(tenant, *number);
    if (loaded.has_error())
    {
        return loaded.error();
    }
    job& j = *loaded;
    if (is_final(j.state))
    {
        return job_error{kind::finished, "The job has ended."};
    }
    j.cancel_requested = true;
    const bool ended = impl_->take_back(j.id);
    if (ended)
    {
        j.state = job_state::cancelled;
        j.finished = impl_->time.wall();
    }
    change.set_object(j.public_id());
    change.data().put(store::space::data, job_key(j.id), encode_job(j));
    if (with)
    {
        with(j, change.data());
    }
    change.commit([&] { impl_->tell_to_stop(j.id); });
    impl_->show_running(j);
    return j;
}

std::filesystem::path jobs::impl::file_of(tenant_id tenant, std::uint64_t id) const
{
    return options.dir / std::to_string(tenant.value) / (format_id("job", id) + ".csv");
}

std::filesystem::path jobs::error_file(const job& j) const
{
    return impl_->file_of(j.tenant, j.id);
}

std::size_t jobs::expire(tenant_id tenant, wall_time now)
{
    const auto from = impl_->db.find_tenant(tenant);
    if (from == nullptr)
    {
        return 0;
    }
    std::vector<std::uint64_t> old;
    for (auto it = from->scan_prefix("j"); it.valid(); it.next())
    {
        const auto j = decode_job(tenant, it.key(), it.value());
        if (j && j->finished && *j->finished < now - impl_->options.keep)
        {
            old.push_back(j->id);
        }
    }
    if (old.empty())
    {
        return 0;
    }
    auto change = impl_->log.begin(tenant, oplog::system_actor(), "job.expire");
    for (const auto id : old)
    {
        change.data().erase(store::space::data, job_key(id));
    }
    change.set_detail(std::to_string(old.size()) + " jobs");
    change.commit();
    for (const auto id : old)
    {
        std::error_code gone;
        if (!std::filesystem::remove(impl_->file_of(tenant, id), gone) && gone)
        {
            log::warning("job_file_not_removed", {{"reason", gone.message()}});
        }
    }
    return old.size();
}

std::size_t jobs::active() const
{
    const std::lock_guard lock(impl_->mutex);
    return impl_->active.size();
}

} // namespace hikyaku::jobs
