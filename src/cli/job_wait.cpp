#include "job_wait.h"

#include "interruption.h"
#include "json_text.h"
#include "live_line.h"

namespace hikyaku::cli
{
namespace
{

constexpr milliseconds poll_interval{500};

bool is_final(const std::string& state)
{
    return state == "done" || state == "failed" || state == "cancelled";
}

} // namespace

result<std::optional<json::object>, call_failure>
await_job(command_context& ctx, client_session& session, const std::string& id,
          const std::function<std::string(const json::object&)>& line_of)
{
    poll_pause pause(ctx);
    live_line line(ctx.where);
    while (true)
    {
        auto job = session.get("/v1/jobs/" + encode_segment(id));
        if (job.has_error())
        {
            return job.error();
        }
        if (!job->is_object())
        {
            return call_failure{exit_unreachable, "The answer is not a job."};
        }
        if (!ctx.json)
        {
            line.show(line_of(job->get_object()));
        }
        if (is_final(raw_text_of(job->get_object(), "state")))
        {
            return std::optional(std::move(job->get_object()));
        }
        if (pause.wait(poll_interval))
        {
            return std::optional<json::object>();
        }
    }
}

} // namespace hikyaku::cli
