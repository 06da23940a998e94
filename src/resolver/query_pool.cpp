#include "query_pool.h"

#include <boost/asio/post.hpp>

#include <stdexcept>
#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/base/log.h>
#include <hikyaku/dns/message.h>

namespace hikyaku::resolver
{

struct query_pool::task
{
    dns::alias_walk walk;
    dns::question question;
    mono_time deadline;
    done_callback done;
};

namespace
{

std::vector<server_address> servers_or_throw(const std::vector<std::string>& texts)
{
    auto servers = parse_servers(texts);
    if (servers.has_error())
    {
        throw std::runtime_error(servers.error().text);
    }
    return std::move(*servers);
}

dns::rrset failed(const dns::alias_walk& walk, const std::string& what)
{
    dns::rrset out;
    out.status = dns::rrset_status::failed;
    out.name = walk.name();
    out.reason = what + " for " + dns::record_type_name(walk.type()) + " of " + walk.name();
    return out;
}

/// What a person should read when no server gave a usable answer.
const char* status_text(int status)
{
    switch (status)
    {
    case ARES_ETIMEOUT:
        return "no answer from the DNS servers";
    case ARES_ECONNREFUSED:
        return "every DNS server failed (SERVFAIL, REFUSED or unreachable)";
    default:
        return ares_strerror(status);
    }
}

} // namespace

query_pool::query_pool(asio::io_context& context, const resolver_options& options,
                       const clock& clock, random_source& random)
    : context_(context), clock_(clock), random_(random),
      channel_options_{servers_or_throw(options.servers), options.try_timeout, options.tries},
      in_flight_max_(options.queries_in_flight_max),
      queries_per_port_max_(options.queries_per_port_max)
{
    HK_ASSERT(in_flight_max_ > 0 && queries_per_port_max_ > 0);
    if (!channel_options_.servers.empty())
    {
        channel_ = channel::make(context_, channel_options_);
    }
}

void query_pool::use_servers(std::vector<server_address> servers)
{
    channel_options next = channel_options_;
    next.servers = std::move(servers);
    std::shared_ptr<channel> made;
    if (!next.servers.empty())
    {
        made = channel::make(context_, next);
    }
    retire_channel();
    channel_options_ = std::move(next);
    channel_ = std::move(made);
}

void query_pool::ask(std::string name, dns::record_type type, mono_time deadline,
                     done_callback done, bool any_name_bytes)
{
    dns::question question;
    question.any_name_bytes = any_name_bytes;
    queue_.push_back(std::make_shared<task>(task{dns::alias_walk(std::move(name), type),
                                                 std::move(question), deadline, std::move(done)}));
    pump();
}

void query_pool::pump()
{
    while (!queue_.empty() && in_flight_ < in_flight_max_)
    {
        const task_ptr next = std::move(queue_.front());
        queue_.pop_front();
        send(next);
    }
}

void query_pool::send(const task_ptr& asked)
{
    ++in_flight_;
    auto done = [weak = weak_from_this(), asked](channel_result outcome)
    {
        if (const auto self = weak.lock())
        {
            self->on_result(asked, std::move(outcome));
        }
    };
    if (channel_options_.servers.empty() || clock_.mono() >= asked->deadline)
    {
        const int status = channel_options_.servers.empty() ? ARES_ECONNREFUSED : ARES_ETIMEOUT;
        asio::post(context_, [done = std::move(done), status] { done({status, {}}); });
        return;
    }
    // The id is all that c-ares matches on beside the question, so it must not be guessed.
    asked->question.id = static_cast<std::uint16_t>(random_.next_u64() & 0xFFFFU);
    asked->question.name = asked->walk.name();
    asked->question.type = asked->walk.type();
    ++sent_;
    current_channel().send(dns::make_query(asked->question), std::move(done));
}

channel& query_pool::current_channel()
{
    if (channel_->sent() < queries_per_port_max_)
    {
        return *channel_;
    }
    try
    {
        std::shared_ptr<channel> next = channel::make(context_, channel_options_);
        retire_channel();
        channel_ = std::move(next);
    }
    catch (const std::runtime_error& e)
    {
        // Out of memory or descriptors: the old port is better than no answer.
        log::warning("dns_channel_not_replaced", {{"error", e.what()}});
    }
    return *channel_;
}

void query_pool::retire_channel()
{
    if (channel_)
    {
        retired_.push_back(std::move(channel_));
    }
}

void query_pool::drop_finished_channels()
{
    std::erase_if(retired_, [](const auto& c) { return c->in_flight() == 0; });
}

void query_pool::on_result(const task_ptr& asked, channel_result outcome)
{
    HK_ASSERT(in_flight_ > 0);
    --in_flight_;
    drop_finished_channels();
    dns::rrset answer = read(*asked, outcome);
    if (answer.status == dns::rrset_status::follow)
    {
        queue_.push_front(asked);
    }
    else
    {
        const done_callback done = std::move(asked->done);
        done(std::move(answer));
    }
    pump();
}

dns::rrset query_pool::read(task& asked, const channel_result& outcome)
{
    if (outcome.status != ARES_SUCCESS)
    {
        return failed(asked.walk, status_text(outcome.status));
    }
    const auto response = dns::parse_response(outcome.bytes, asked.question);
    if (response.has_error())
    {
        ++malformed_;
        return failed(asked.walk, "malformed answer (" + response.error().text + ")");
    }
    return asked.walk.take(*response);
}

} // namespace hikyaku::resolver
