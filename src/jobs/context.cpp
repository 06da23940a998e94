#include <hikyaku/jobs/context.h>

namespace hikyaku::jobs
{

context::context(job j, std::filesystem::path error_file, stop_predicate stop,
                 stop_predicate cancel_requested)
    : job_(std::move(j)), error_file_(std::move(error_file)), stop_(std::move(stop)),
      cancel_requested_(std::move(cancel_requested))
{
}

void context::save(checkpoint at, store::record& data)
{
    job_.state = job_state::running;
    job_.last = std::move(at);
    // The flag is set under the tenant's gate, which the caller holds: a request can't get lost
    // between this look and the commit.
    job_.cancel_requested =
        job_.cancel_requested || (cancel_requested_ != nullptr && cancel_requested_());
    data.put(store::space::data, job_key(job_.id), encode_job(job_));
}

} // namespace hikyaku::jobs
