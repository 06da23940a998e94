#include "dns_questions.h"

#include <boost/asio/io_context.hpp>

#include <hikyaku/base/log.h>
#include <hikyaku/resolver/resolver.h>

#include <algorithm>
#include <memory>

namespace hikyaku::app
{
namespace
{

using identity::dns_access;

/// How long a stop may go unnoticed.
constexpr milliseconds stop_poll{100};
/// One try of one question: a server that is down must leave time for the next one.
constexpr milliseconds try_timeout{1'000};

/// What callbacks write to; they may come after the caller has gone only while the resolver lives,
/// and that ends before this does.
struct round
{
    dns_access::answers answers;
    std::size_t open = 0;
};

void ask(resolver::resolver& of, const dns_access::questions& questions, milliseconds timeout,
         round& into)
{
    const auto deadline = system_clock().mono() + timeout;
    into.answers.resize(questions.size());
    into.open = questions.size();
    for (std::size_t i = 0; i < questions.size(); ++i)
    {
        into.answers[i].name = questions[i].name;
        into.answers[i].reason = "no answer from the DNS in time";
        if (questions[i].name.empty())
        {
            into.answers[i].reason = "the root has no such records";
            --into.open;
            continue;
        }
        of.look_up(questions[i].name, questions[i].type, deadline,
                   [&into, i](dns::rrset answer)
                   {
                       into.answers[i] = std::move(answer);
                       --into.open;
                   });
    }
}

} // namespace

dns_access::answers ask_all(const std::vector<std::string>& servers,
                            const dns_access::questions& questions, milliseconds timeout,
                            const dns_access::stop_predicate& stop)
{
    round all;
    resolver::resolver_options options;
    options.servers = servers;
    options.lookup_timeout = timeout;
    options.try_timeout = std::min(try_timeout, timeout);
    boost::asio::io_context context;
    try
    {
        resolver::resolver resolver(context, options, system_clock(), system_random());
        ask(resolver, questions, timeout, all);
        while (all.open > 0 && !stop())
        {
            context.restart();
            context.run_one_for(stop_poll);
        }
    }
    catch (const std::runtime_error& e)
    {
        // c-ares can't be set up, or there are no descriptors left.
        log::warning("dns_check_failed", {{"reason", e.what()}});
        dns::rrset nothing;
        nothing.reason = e.what();
        return dns_access::answers(questions.size(), nothing);
    }
    return std::move(all.answers);
}

std::vector<dns_access::answers> ask_each(const std::vector<std::string>& servers,
                                          const dns_access::questions& questions,
                                          milliseconds timeout,
                                          const dns_access::stop_predicate& stop)
{
    std::vector<dns_access::answers> out;
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    for (const auto& server : servers)
    {
        const auto left =
            std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
        out.push_back(ask_all({server}, questions, std::max(left, milliseconds{1}), stop));
    }
    return out;
}

} // namespace hikyaku::app
