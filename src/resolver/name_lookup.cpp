#include "resolver_impl.h"

#include <utility>

#include <hikyaku/base/assert.h>

namespace hikyaku::resolver
{

struct resolver::impl::name_lookup
{
    name_lookup(asio::io_context& context, records_callback callback)
        : deadline(context), done(std::move(callback))
    {
    }
    asio::steady_timer deadline;
    /// Empty once called.
    records_callback done;
};

void resolver::impl::look_up(std::string name, dns::record_type type, mono_time deadline,
                             records_callback done)
{
    HK_ASSERT(!name.empty());
    const auto lookup = std::make_shared<name_lookup>(context_, std::move(done));
    lookup->deadline.expires_after(deadline - clock_.mono());
    dns::rrset late;
    late.name = name;
    late.reason =
        std::string("no answer in time for ") + dns::record_type_name(type) + " of " + name;
    lookup->deadline.async_wait(
        // The look-up is held weakly: it owns the timer. Both end with the resolver.
        [weak = weak_from_this(), weak_lookup = std::weak_ptr<name_lookup>(lookup),
         late = std::move(late)](const error_code& error)
        {
            const auto self = weak.lock();
            const auto expired = weak_lookup.lock();
            if (self && expired && !error)
            {
                ++self->counters_.deadline_passed;
                self->finish(*expired, late);
            }
        });
    queries_->ask(
        std::move(name), type, deadline,
        [weak = weak_from_this(), lookup](dns::rrset answer)
        {
            if (const auto self = weak.lock())
            {
                self->finish(*lookup, std::move(answer));
            }
        },
        true);
}

void resolver::impl::finish(name_lookup& lookup, dns::rrset answer)
{
    if (!lookup.done)
    {
        return;
    }
    lookup.deadline.cancel();
    const records_callback done = std::exchange(lookup.done, nullptr);
    done(std::move(answer));
}

} // namespace hikyaku::resolver
