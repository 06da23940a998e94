#include <hikyaku/resolver/resolver.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

#include "resolver_impl.h"

namespace hikyaku::resolver
{

namespace
{

/// Hands the answer to the coroutine on the coroutine's executor. Shared because the callbacks
/// must be copyable and a completion handler is not; called once.
template <class Handler> struct resume_with_answer
{
    std::shared_ptr<Handler> handler;

    template <class Answer> void operator()(Answer answer) const
    {
        const auto executor = asio::get_associated_executor(*handler);
        asio::dispatch(executor, [h = handler, a = std::move(answer)]() mutable
                       { std::move (*h)(std::move(a)); });
    }
};

struct start_lookup
{
    resolver* on;

    template <class Handler> void operator()(Handler&& handler, std::string domain) const
    {
        using handler_type = std::decay_t<Handler>;
        on->resolve_mx(std::string_view(domain),
                       resume_with_answer<handler_type>{
                           std::make_shared<handler_type>(std::forward<Handler>(handler))});
    }
};

struct start_name_lookup
{
    resolver* on;

    template <class Handler>
    void operator()(Handler&& handler, std::string name, dns::record_type type,
                    mono_time deadline) const
    {
        using handler_type = std::decay_t<Handler>;
        on->look_up(std::move(name), type, deadline,
                    resume_with_answer<handler_type>{
                        std::make_shared<handler_type>(std::forward<Handler>(handler))});
    }
};

} // namespace

resolver::resolver(asio::io_context& context, resolver_options options, const clock& clock,
                   random_source& random)
    : impl_(std::make_shared<impl>(context, std::move(options), clock, random))
{
}

resolver::~resolver() = default;

void resolver::resolve_mx(std::string_view domain_ascii, mx_callback done)
{
    impl_->resolve(domain_ascii, std::move(done));
}

asio::awaitable<dns::mx_answer> resolver::resolve_mx(std::string domain_ascii)
{
    const start_lookup start{this};
    const answer_ptr answer =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(answer_ptr)>(
            start, asio::use_awaitable, std::move(domain_ascii));
    co_return *answer;
}

void resolver::look_up(std::string name, dns::record_type type, mono_time deadline,
                       records_callback done)
{
    impl_->look_up(std::move(name), type, deadline, std::move(done));
}

asio::awaitable<dns::rrset> resolver::look_up(std::string name, dns::record_type type,
                                              mono_time deadline)
{
    const start_name_lookup start{this};
    dns::rrset answer =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(dns::rrset)>(
            start, asio::use_awaitable, std::move(name), type, deadline);
    co_return answer;
}

answer_ptr resolver::cached_mx(std::string_view domain) const
{
    return impl_->cached(domain);
}

result<void, failure> resolver::reload(std::vector<std::string> servers)
{
    return impl_->reload(std::move(servers));
}

void resolver::clear_cache()
{
    impl_->clear();
}

resolver_stats resolver::stats() const
{
    return impl_->stats();
}

} // namespace hikyaku::resolver
