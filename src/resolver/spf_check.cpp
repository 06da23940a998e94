#include <hikyaku/resolver/spf_check.h>

#include <utility>

namespace hikyaku::resolver
{

asio::awaitable<dns::spf_verdict> check_spf(resolver& from, const clock& time,
                                            dns::spf_request request, milliseconds timeout)
{
    const mono_time deadline = time.mono() + timeout;
    request.now = time.wall();
    dns::spf_check check(std::move(request));
    while (const dns::spf_question* question = check.next())
    {
        std::string name = question->name;
        const dns::rrset answer = co_await from.look_up(std::move(name), question->type, deadline);
        check.take(answer);
    }
    co_return check.verdict();
}

} // namespace hikyaku::resolver
