#include <hikyaku/base/assert.h>
#include <hikyaku/base/random.h>

#include <cerrno>

#include <sys/random.h>

namespace hikyaku
{
namespace
{

class kernel_random final : public random_source
{
public:
    void fill(std::span<std::byte> out) noexcept override
    {
        while (!out.empty())
        {
            const ssize_t got = ::getrandom(out.data(), out.size(), 0);
            if (got > 0)
            {
                out = out.subspan(static_cast<std::size_t>(got));
            }
            else
            {
                // Only EINTR can happen: the pool is initialised and the pointer is valid.
                HK_ASSERT(got < 0 && errno == EINTR);
            }
        }
    }
};

} // namespace

random_source& system_random() noexcept
{
    static kernel_random instance;
    return instance;
}

} // namespace hikyaku
