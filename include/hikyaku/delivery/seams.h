#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>

#include <hikyaku/net/sleeper.h>
#include <hikyaku/net/stream.h>
#include <hikyaku/resolver/mx_resolver.h>

namespace hikyaku::delivery
{

/// What a simulated world puts in the place of the machine's. What is empty is the machine's.
struct seams
{
    /// Agrees with the engine's clock.
    net::sleeper* sleeper = nullptr;
    /// A dialer of one shard; `is_route`: for routes, which may lead anywhere.
    std::function<std::unique_ptr<net::dialer>(boost::asio::io_context&, bool is_route)>
        make_dialer;
    std::function<std::unique_ptr<resolver::mx_resolver>(boost::asio::io_context&)> make_resolver;
    /// Loops that somebody else runs, on one thread; the engine then has no threads, and that
    /// thread calls its methods. They outlive the engine.
    boost::asio::io_context* scheduler_loop = nullptr;
    /// One per shard. @pre as many as engine_options.shards, with scheduler_loop only
    std::vector<boost::asio::io_context*> shard_loops;
};

} // namespace hikyaku::delivery
