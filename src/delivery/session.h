#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "shard.h"

#include <hikyaku/delivery/session_driver.h>

namespace hikyaku::delivery
{

/// One connection's worth of work: dials the plan's hosts in order, feeds messages to the SMTP
/// machine, turns results into attempts. Shard thread only.
///
/// The final dot of a message goes out only when the previous attempt is durable and a last look
/// says that the recipient may still get it.
class session final : public message_source, private dialogue_tap
{
public:
    session(shard& owner, session_id id, std::shared_ptr<const connection_plan> plan,
            std::vector<work> first);

    /// Runs to the end and reports it. The session outlives the awaitable.
    [[nodiscard]] asio::awaitable<void> run();
    void give(std::vector<work> more);
    /// Looks again at its reasons to wait.
    void wake();
    void cut();
    /// Ends after the current transaction.
    void retire();
    /// Ends when it has sent what it has.
    void finish();
    [[nodiscard]] session_id id() const noexcept { return id_; }

    [[nodiscard]] asio::awaitable<std::optional<smtp::envelope>> next_message() override;
    [[nodiscard]] smtp::permission ask_permission() override;
    [[nodiscard]] asio::awaitable<bool> wait_permission() override;
    void prefetch() override;
    void settle(const smtp::transaction_result& result) override;

private:
    // dialogue_tap
    [[nodiscard]] bool listening() const noexcept override;
    void sent(std::string_view commands) override;
    void sent_message(std::size_t bytes) override;
    void received(std::string_view bytes) override;
    void tls_done(const net::tls_result& r) override;
    void tell(trace_event::kind what, std::string_view text, std::uint64_t bytes = 0);
    void tell_lines(trace_event::kind what, std::string_view text);

    [[nodiscard]] asio::awaitable<void> try_host(const dns::mx_host& host);
    [[nodiscard]] asio::awaitable<void>
    try_address(const dns::mx_host& host, const dns::ip_address& address, milliseconds timeout);
    [[nodiscard]] asio::awaitable<bool> converse(net::stream& stream, const dns::mx_host& host,
                                                 bool in_the_clear);
    [[nodiscard]] asio::awaitable<void> pass_dial_gate();
    [[nodiscard]] asio::awaitable<void> wait();
    [[nodiscard]] bool prepare(std::optional<work>& slot, rendered& into);
    [[nodiscard]] bool take_next();
    [[nodiscard]] std::optional<mono_time> pass_gates();
    void leave_gates();
    [[nodiscard]] bool over() const;
    [[nodiscard]] std::vector<dns::ip_address> addresses_of(const dns::mx_host& host) const;
    void hand_back(work w);
    void ask_for_more();
    void record_failure(const work& w, const std::string& id_domain, const std::string& text);
    void fill_common(queue::fact& f, const work& w) const;
    void fill_reply(queue::fact& f, const smtp::transaction_result& result) const;
    void push(attempt a);
    [[nodiscard]] std::uint32_t ms_since(mono_time t) const;

    shard& owner_;
    const session_id id_;
    const std::shared_ptr<const connection_plan> plan_;
    std::deque<work> queue_;
    std::optional<work> current_;
    rendered message_;
    /// Rendered while the reply to the message before it was awaited.
    std::optional<work> next_;
    rendered next_message_;
    unsigned given_ = 0;
    bool retired_ = false;
    bool finishing_ = false;
    bool tried_any_ = false;
    const std::unique_ptr<net::timer> wake_;
    net::stream* stream_ = nullptr;
    session_report report_;
    std::string mx_;
    mono_time dialled_{};
    mono_time began_{};
    std::uint32_t connect_ms_ = 0;
    std::uint64_t last_attempt_ = 0;
    bool asked_ = false;
    bool got_message_ask_ = false;
    bool cut_ = false;
};

} // namespace hikyaku::delivery
