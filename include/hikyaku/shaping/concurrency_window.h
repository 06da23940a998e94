#pragma once

namespace hikyaku::shaping
{

/// How many connections to a site are allowed, found by trying.
struct window_policy
{
    unsigned initial = 5;
    unsigned max = 10;
};

/// A congestion window over connections: one more after as many successes as the window is wide
/// (a cohort), half after as many failures without a success between them, or at once when the
/// site says that it is too much. The climb back is therefore gradual.
///
/// Success: a transaction completed, whatever the verdict. Failure: the site did not get as far as
/// a transaction (connect, banner, EHLO, TLS, time-out). Pure, not thread-safe. Invariant: 1 <=
/// size() <= policy.max.
class concurrency_window
{
public:
    /// @pre policy.max > 0; initial is clamped to 1..max
    explicit concurrency_window(window_policy policy);

    /// Connections allowed at the same time.
    [[nodiscard]] unsigned size() const noexcept { return size_; }

    void on_success();
    void on_failure();
    /// The site asked for less ("too many connections", 421 at the banner). Halves once; further
    /// ones count only after a cohort of the smaller window has finished, since the ones in flight
    /// say the same.
    void on_throttled();

    /// New limits (reload). Keeps what was learned, within the new maximum. @pre policy.max > 0
    void set_policy(window_policy policy);

private:
    void halve();

    window_policy policy_;
    unsigned size_;
    unsigned successes_ = 0;
    unsigned failures_ = 0;
    // Finished connections before on_throttled counts again.
    unsigned deaf_ = 0;
};

} // namespace hikyaku::shaping
