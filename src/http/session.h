#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/http/server.h>

#include "body_decoder.h"
#include "core.h"
#include "exchange.h"
#include "listen_socket.h"
#include "response_head.h"
#include "spool_file.h"
#include "transport.h"
#include "wire.h"

namespace hikyaku::http
{

/// One connection: reads requests, has them answered one after the other, writes the answers.
///
/// States: handshake → (idle → head → body → handler → answer)* → linger → closed. I/O thread
/// only; handlers run on pools while the session waits. It has one deadline, which the server's
/// sweep enforces by expire().
class session : public std::enable_shared_from_this<session>
{
public:
    session(core& shared, listener& from, transport::socket connected, peer_identity peer);
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// Until the connection ends. The caller keeps the session alive meanwhile.
    [[nodiscard]] asio::awaitable<void> run();

    /// Cancels the pending operation when the deadline has passed.
    void expire(mono_time now) noexcept;
    /// The server stops: an idle connection ends now, others after their answer.
    void begin_stop() noexcept;
    /// The server won't wait longer.
    void cut() noexcept;

    [[nodiscard]] listener& from() noexcept { return listener_; }
    [[nodiscard]] const std::string& peer_address() const noexcept { return peer_.address; }

private:
    enum class outcome
    {
        keep,   ///< another request may follow
        linger, ///< close once the peer has had a chance to read the answer
        close,  ///< the connection is of no more use
    };
    struct head_read
    {
        std::optional<message_head> head;
        std::optional<refusal> refused;
    };

    // session.cpp: the flow of requests
    [[nodiscard]] asio::awaitable<void> serve_requests();
    [[nodiscard]] asio::awaitable<head_read> read_head();
    [[nodiscard]] asio::awaitable<outcome> serve(message_head head);
    [[nodiscard]] asio::awaitable<outcome> refuse(refusal why);
    [[nodiscard]] asio::awaitable<bool> run_job(worker_pool& pool, std::function<void()> job);
    [[nodiscard]] asio::awaitable<error_code> fill(std::size_t size);
    [[nodiscard]] asio::awaitable<void> linger();

    // session_body.cpp: reading a body
    [[nodiscard]] asio::awaitable<void> read_body(exchange& x);
    [[nodiscard]] asio::awaitable<void> keep_piece(exchange& x, std::string_view piece);
    [[nodiscard]] asio::awaitable<void> open_spool(exchange& x);
    [[nodiscard]] asio::awaitable<void> finish_spool(exchange& x);

    // session_answer.cpp: writing an answer
    [[nodiscard]] asio::awaitable<outcome> answer(exchange& x);
    [[nodiscard]] asio::awaitable<error_code> write_all(std::string_view bytes);
    [[nodiscard]] asio::awaitable<error_code> send_memory(exchange& x);
    [[nodiscard]] asio::awaitable<error_code> send_file(exchange& x);
    [[nodiscard]] asio::awaitable<error_code> send_stream(exchange& x);
    [[nodiscard]] asio::awaitable<error_code> pump_stream(exchange& x, bool chunked);
    [[nodiscard]] std::string make_head(const exchange& x,
                                        std::optional<std::uint64_t> length) const;
    void finish_answer(exchange& x) noexcept;

    /// The deadline of a transfer of which `bytes` have to be through.
    [[nodiscard]] mono_time transfer_deadline(mono_time begun, std::uint64_t bytes) const noexcept;

    core& core_;
    listener& listener_;
    const connection_limits& limits_;
    transport stream_;
    peer_identity peer_;
    /// Received and not yet used.
    std::string in_;
    mono_time deadline_ = mono_time::max();
    /// For write_all, set by answer().
    mono_time answer_begun_{};
    std::uint64_t answer_bytes_ = 0;
    /// Wakes the coroutine when a job has ended.
    asio::steady_timer wake_;
    bool job_done_ = true;
    /// Waits for a request's first byte.
    bool idle_ = false;
    bool expired_ = false;
    bool cut_ = false;
    std::size_t requests_ = 0;
};

} // namespace hikyaku::http
