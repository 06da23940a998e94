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
class session final : public message_source
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
    [[nodiscard]] session_id id() const noexcept { return id_; }

    [[nodiscard]] asio::awaitable<std::optional<smtp::envelope>> next_message() override;
    [[nodiscard]] smtp::permission ask_permission() override;
    [[nodiscard]] asio::awaitable<bool> wait_permission() override;
    void prefetch() override;
    void settle(const smtp::transaction_result& result) override;

private:
    [[nodiscard]] asio::awaitable<void> try_host(const dns::mx_host& host);
    [[nodiscard]] asio::awaitable<void> try_address(const dns::mx_host& host,
                                                    const dns::ip_address& address);
    [[nodiscard]] asio::awaitable<bool> converse(net::stream& stream, const dns::mx_host& host,
                                                 bool in_the_clear);
    [[nodiscard]] asio::awaitable<void> wait();
    [[nodiscard]] bool prepare(std::optional<work>& slot, rendered& into);
    [[nodiscard]] bool take_next();
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
