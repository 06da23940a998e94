#pragma once

#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <hikyaku/base/random.h>
#include <hikyaku/base/time.h>
#include <hikyaku/dns/rrset.h>
#include <hikyaku/resolver/resolver.h>

#include "channel.h"
#include "server_address.h"

namespace hikyaku::resolver
{

/// Asks (name, type) questions to their end: bounds how many are on the wire, checks every
/// response against its question, follows aliases, and moves to a new channel (a new source port)
/// after queries_per_port_max questions.
///
/// Thread: the io_context's. Invariant: in_flight_ <= queries_in_flight_max.
class query_pool : public std::enable_shared_from_this<query_pool>
{
public:
    using done_callback = std::function<void(dns::rrset)>;

    /// @throws std::runtime_error when c-ares can't be set up or a server is not an address
    query_pool(asio::io_context& context, const resolver_options& options, const clock& clock,
               random_source& random);

    /// `done` is called once, from the io_context, never inside this call, with a status that is
    /// not `follow`. A question not sent by `deadline` fails.
    /// @pre name is canonical; with `any_name_bytes` canonical_query_name's form is enough
    void ask(std::string name, dns::record_type type, mono_time deadline, done_callback done,
             bool any_name_bytes = false);

    /// For questions sent from now on. @throws std::runtime_error when c-ares can't be set up
    void use_servers(std::vector<server_address> servers);

    [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
    [[nodiscard]] std::uint64_t sent() const noexcept { return sent_; }
    [[nodiscard]] std::uint64_t malformed() const noexcept { return malformed_; }

private:
    struct task;
    using task_ptr = std::shared_ptr<task>;

    void pump();
    void send(const task_ptr& asked);
    void on_result(const task_ptr& asked, channel_result outcome);
    [[nodiscard]] dns::rrset read(task& asked, const channel_result& outcome);
    [[nodiscard]] channel& current_channel();
    void retire_channel();
    void drop_finished_channels();

    asio::io_context& context_;
    const clock& clock_;
    random_source& random_;
    channel_options channel_options_;
    std::size_t in_flight_max_;
    std::size_t queries_per_port_max_;
    std::size_t in_flight_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t malformed_ = 0;
    std::deque<task_ptr> queue_;
    std::shared_ptr<channel> channel_;
    /// Waiting for the last answers of their questions.
    std::vector<std::shared_ptr<channel>> retired_;
};

} // namespace hikyaku::resolver
