#include <hikyaku/base/assert.h>

#include <cstdio>
#include <cstdlib>

namespace hikyaku
{

// Standard error, not the log: the log may be what is broken.
void assert_failed(const char* expression, const char* file, int line) noexcept
{
    std::fprintf(stderr, "hikyaku: bug: assertion failed: %s at %s:%d\n", expression, file, line);
    std::abort();
}

} // namespace hikyaku
