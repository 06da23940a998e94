#pragma once

namespace hikyaku
{

/// Logs the failed expression and aborts. Never returns. Any thread.
[[noreturn]] void assert_failed(const char* expression, const char* file, int line) noexcept;

} // namespace hikyaku

/// A bug check, on in every build: a violated invariant ends the process, systemd restarts it,
/// and the queue survives by design.
#define HK_ASSERT(expression)                                                                      \
    ((expression) ? static_cast<void>(0)                                                           \
                  : ::hikyaku::assert_failed(#expression, __FILE__, __LINE__))
