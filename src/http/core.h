#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include <hikyaku/base/id.h>
#include <hikyaku/http/server.h>

#include "worker_pool.h"

namespace hikyaku::http
{

namespace asio = boost::asio;

class session;

/// One listener at run time; touched by the I/O thread only, once started.
struct listener
{
    using acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

    listener(asio::io_context& io, listener_options o, const service& s)
        : options(std::move(o)), serves(s), accepts(io)
    {
    }

    listener_options options;
    const service& serves;
    acceptor accepts;
    bound_endpoint where;
    /// Null: plain. Shared with connections, which outlive a reload.
    std::shared_ptr<asio::ssl::context> tls;
    std::size_t connections = 0;
    std::unordered_map<std::string, std::size_t> per_address;
};

/// What sessions share. Everything but the pools and `open` belongs to the I/O thread.
struct core
{
    /// Reading and writing of spooled and sent files; a job per connection at most.
    static constexpr std::size_t file_threads = 2;

    explicit core(server_options o)
        : options(std::move(o)), workers(options.workers, options.queued_max),
          streams(options.streams_max, options.streams_max),
          files(file_threads, std::numeric_limits<std::size_t>::max()), ids(system_clock())
    {
    }

    const server_options options;
    asio::io_context io{1};
    worker_pool workers;
    worker_pool streams;
    worker_pool files;
    id_source ids;
    /// Shared with the completion of each session's coroutine, the last to let go.
    std::set<std::shared_ptr<session>> sessions;
    std::size_t body_memory = 0;
    std::size_t streaming = 0;
    bool stopping = false;
    std::atomic<std::size_t> open{0};
};

} // namespace hikyaku::http
