#include <hikyaku/base/thread.h>

#include <pthread.h>
#include <sched.h>

namespace hikyaku
{
namespace
{

constexpr std::size_t name_bytes_max = 15;

} // namespace

void name_this_thread(const std::string& name) noexcept
{
    (void)::pthread_setname_np(::pthread_self(), name.substr(0, name_bytes_max).c_str());
}

void let_others_finish() noexcept
{
    const sched_param none{};
    (void)::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &none);
}

} // namespace hikyaku
