#pragma once

#include <chrono>
#include <string>

namespace hikyaku::app
{

/// Tells systemd what the daemon does (sd_notify). Does nothing where there is no systemd.
class notifier
{
public:
    void ready(const std::string& status) const;
    void status(const std::string& text) const;
    void reloading() const;
    void stopping() const;
    /// "I am alive": at least every interval() while the watchdog is on.
    void alive() const;
    /// Half of the watchdog's time; zero when there is none.
    [[nodiscard]] std::chrono::microseconds interval() const;
};

} // namespace hikyaku::app
