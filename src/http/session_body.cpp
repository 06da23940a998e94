#include "session.h"

#include <hikyaku/base/log.h>

#include <utility>

namespace hikyaku::http
{
namespace
{

constexpr std::size_t body_read_bytes = 64u << 10;
constexpr refusal body_timeout{408, "request_timeout", "The request body came too slowly."};

response refuse_spool(const exchange& x, const error_code& error)
{
    log::error("http_spool_failed",
               {{"request_id", x.req.request_id}, {"reason", error.message()}});
    return make_refusal(503, "spool_failed", "The body could not be stored; try again later.");
}

} // namespace

/// Reads the whole body into memory or the spool file.
/// @post x.body_read, or x.answer with a refusal, or x.broken
asio::awaitable<void> session::read_body(exchange& x)
{
    body_decoder decoder(x.head.body, x.head.content_length);
    const bool spools = x.routed->options.spool_body_to_file;
    const auto begun = std::chrono::steady_clock::now();
    if (spools)
    {
        co_await open_spool(x);
    }
    expired_ = false;
    while (!x.answer && !decoder.done())
    {
        if (in_.empty())
        {
            deadline_ = transfer_deadline(begun, x.req.body_bytes);
            const auto error = co_await fill(body_read_bytes);
            if (error)
            {
                x.broken = !expired_ || cut_;
                x.answer =
                    make_refusal(body_timeout.status, body_timeout.code, body_timeout.detail);
                co_return;
            }
        }
        std::string_view rest = in_;
        const auto piece = decoder.consume(rest);
        if (piece.has_error())
        {
            x.answer = make_refusal(piece.error().status, piece.error().code, piece.error().detail);
            co_return;
        }
        co_await keep_piece(x, *piece);
        in_.erase(0, in_.size() - rest.size());
    }
    x.body_read = decoder.done();
    if (x.body_read && spools && !x.answer)
    {
        co_await finish_spool(x);
    }
}

asio::awaitable<void> session::keep_piece(exchange& x, std::string_view piece)
{
    const auto& options = x.routed->options;
    if (piece.size() > options.body_bytes_max - x.req.body_bytes)
    {
        x.answer = make_refusal(413, "body_too_large",
                                "The body may have at most " +
                                    std::to_string(options.body_bytes_max) + " bytes.");
        co_return;
    }
    x.req.body_bytes += piece.size();
    if (!options.spool_body_to_file)
    {
        if (!x.memory.take(piece.size()))
        {
            x.answer = make_refusal(503, "overloaded", "Too many large requests; try again.");
            x.answer->set_header("Retry-After", std::to_string(core_.options.retry_after.count()));
            co_return;
        }
        x.req.body.append(piece);
        co_return;
    }
    if (!piece.empty())
    {
        error_code error;
        std::function<void()> job = [&x, &error, piece] { error = x.spool.append(piece); };
        const bool taken = co_await run_job(core_.files, std::move(job));
        if (!taken || error)
        {
            x.answer = refuse_spool(x, error);
        }
    }
}

asio::awaitable<void> session::open_spool(exchange& x)
{
    error_code error;
    std::function<void()> job = [&x, &error, this]
    {
        auto made = spool_file::create(core_.options.spool_dir);
        if (made.has_error())
        {
            error = made.error();
            return;
        }
        x.spool = std::move(*made);
    };
    const bool taken = co_await run_job(core_.files, std::move(job));
    if (!taken || error)
    {
        x.answer = refuse_spool(x, error);
    }
}

asio::awaitable<void> session::finish_spool(exchange& x)
{
    error_code error;
    std::function<void()> job = [&x, &error] { error = x.spool.finish(); };
    const bool taken = co_await run_job(core_.files, std::move(job));
    if (!taken || error)
    {
        x.answer = refuse_spool(x, error);
        co_return;
    }
    x.req.body_file = x.spool.path();
}

} // namespace hikyaku::http
