#include "interruption.h"

namespace hikyaku::cli
{

interruption::interruption()
{
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

interruption::~interruption()
{
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool interruption::wait(milliseconds length) const
{
    const auto s = std::chrono::duration_cast<seconds>(length);
    timespec limit{};
    limit.tv_sec = static_cast<time_t>(s.count());
    limit.tv_nsec = static_cast<long>((length - s).count() * 1'000'000);
    return sigtimedwait(&signals_, nullptr, &limit) > 0;
}

poll_pause::poll_pause(command_context& ctx) : ctx_(ctx)
{
    if (!ctx.where.wait)
    {
        real_.emplace();
    }
}

bool poll_pause::wait(milliseconds length)
{
    return real_ ? real_->wait(length) : ctx_.where.wait(length);
}

} // namespace hikyaku::cli
