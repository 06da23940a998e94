#include "notifier.h"

#include <ctime>

#include <systemd/sd-daemon.h>

namespace hikyaku::app
{

void notifier::ready(const std::string& status) const
{
    (void)sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}
void notifier::status(const std::string& text) const
{
    (void)sd_notify(0, ("STATUS=" + text).c_str());
}
void notifier::reloading() const
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const auto us = static_cast<long long>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
    (void)sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us)).c_str());
}
void notifier::stopping() const
{
    (void)sd_notify(0, "STOPPING=1");
}
void notifier::alive() const
{
    (void)sd_notify(0, "WATCHDOG=1");
}

std::chrono::microseconds notifier::interval() const
{
    std::uint64_t us = 0;
    return sd_watchdog_enabled(0, &us) > 0 ? std::chrono::microseconds{us / 2}
                                           : std::chrono::microseconds{0};
}

} // namespace hikyaku::app
