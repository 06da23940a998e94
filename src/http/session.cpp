#include "session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace hikyaku::http
{
namespace
{

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t head_read_bytes = 8u << 10;
/// A larger body, or one of unknown size, is read only after the hook let the request pass.
constexpr std::uint64_t hook_first_bytes = 16u << 10;
/// How long unread input is thrown away after an early answer, so that a reset does not destroy
/// the answer on its way.
constexpr milliseconds linger_time{2000};
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr refusal head_timeout{408, "request_timeout", "The request header took too long."};

head_limits limits_of_head(const connection_limits& limits)
{
    return {limits.header_bytes_max, limits.headers_max, limits.target_bytes_max};
}

bool wants_hook_first(const exchange& x)
{
    return x.routed->options.spool_body_to_file || x.head.expects_continue ||
           x.head.body == framing::chunked || x.head.content_length > hook_first_bytes;
}

} // namespace

session::session(core& shared, listener& from, transport::socket connected, peer_identity peer)
    : core_(shared), listener_(from), limits_(from.options.limits), stream_(std::move(connected)),
      peer_(std::move(peer)), wake_(shared.io, mono_time::max())
{
}

void session::expire(mono_time now) noexcept
{
    if (now >= deadline_)
    {
        expired_ = true;
        stream_.cancel();
    }
}

void session::begin_stop() noexcept
{
    if (idle_)
    {
        stream_.cancel();
    }
}

void session::cut() noexcept
{
    cut_ = true;
    stream_.close();
}

mono_time session::transfer_deadline(mono_time begun, std::uint64_t bytes) const noexcept
{
    const auto rate = std::max<std::uint64_t>(limits_.body_rate_min, 1);
    return begun + limits_.body_grace + milliseconds(bytes * 1000 / rate);
}

/// Runs `job` on the pool and waits for its end. @returns false: the pool is full
asio::awaitable<bool> session::run_job(worker_pool& pool, std::function<void()> job)
{
    job_done_ = false;
    deadline_ = mono_time::max();
    auto self = shared_from_this();
    const bool taken = pool.post(
        [self = std::move(self), job = std::move(job)]() mutable
        {
            job();
            auto& io = self->core_.io;
            asio::post(io,
                       [self = std::move(self)]
                       {
                           self->job_done_ = true;
                           self->wake_.cancel();
                       });
        });
    if (!taken)
    {
        job_done_ = true;
        co_return false;
    }
    while (!job_done_)
    {
        const auto woken = co_await wake_.async_wait(token);
        static_cast<void>(woken);
    }
    co_return true;
}

/// Appends up to `size` received bytes to in_.
asio::awaitable<error_code> session::fill(std::size_t size)
{
    const auto before = in_.size();
    in_.resize(before + size);
    const auto got = co_await stream_.read_some(asio::buffer(in_.data() + before, size));
    in_.resize(before + got.size);
    co_return got.error;
}

asio::awaitable<void> session::run()
{
    bool ready = true;
    if (listener_.tls != nullptr)
    {
        deadline_ = std::chrono::steady_clock::now() + limits_.header_timeout;
        const auto error = co_await stream_.accept_tls(listener_.tls);
        ready = !error;
    }
    if (ready)
    {
        co_await serve_requests();
    }
    stream_.close();
}

asio::awaitable<void> session::serve_requests()
{
    outcome last = outcome::keep;
    while (last == outcome::keep)
    {
        head_read read = co_await read_head();
        if (read.refused)
        {
            last = co_await refuse(*read.refused);
        }
        else if (read.head)
        {
            last = co_await serve(std::move(*read.head));
        }
        else
        {
            last = outcome::close;
        }
    }
    if (last == outcome::linger && !cut_)
    {
        co_await linger();
    }
}

/// Neither head nor refusal: the peer went away, or nothing came in time.
asio::awaitable<session::head_read> session::read_head()
{
    const auto limits = limits_of_head(limits_);
    head_scanner scanner;
    head_read out;
    bool skipped_blank = false;
    mono_time head_begun = std::chrono::steady_clock::now();
    expired_ = false;
    while (!cut_)
    {
        // RFC 9112 section 2.2: an empty line before a request is skipped, once.
        if (!skipped_blank && in_.starts_with("\r\n"))
        {
            in_.erase(0, 2);
            skipped_blank = true;
        }
        if (in_ != "\r" || skipped_blank)
        {
            const auto end = scanner.scan(in_, limits);
            if (end.has_error())
            {
                out.refused = end.error();
                co_return out;
            }
            if (*end)
            {
                auto parsed = parse_request_head(std::string_view(in_).substr(0, **end), limits);
                in_.erase(0, **end);
                if (parsed.has_error())
                {
                    out.refused = parsed.error();
                }
                else
                {
                    out.head = std::move(*parsed);
                }
                co_return out;
            }
        }
        const bool between = in_.empty();
        if (between && core_.stopping)
        {
            co_return out;
        }
        if (between && in_.capacity() > 2 * head_read_bytes)
        {
            // An idle connection keeps no large buffer.
            std::string().swap(in_);
        }
        idle_ = between;
        deadline_ =
            head_begun + (between && requests_ > 0 ? limits_.idle_timeout : limits_.header_timeout);
        const auto error = co_await fill(head_read_bytes);
        idle_ = false;
        if (error)
        {
            if (expired_ && !in_.empty())
            {
                out.refused = head_timeout;
            }
            co_return out;
        }
        if (between)
        {
            head_begun = std::chrono::steady_clock::now();
        }
    }
    co_return out;
}

/// Answers what has no usable head; nothing after it can be trusted.
asio::awaitable<session::outcome> session::refuse(refusal why)
{
    message_head head;
    head.keep_alive = false;
    exchange x(core_, std::move(head), std::chrono::steady_clock::now());
    x.req.request_id = format_id("req", core_.ids.next());
    x.answer = make_refusal(why.status, why.code, why.detail);
    const auto done = co_await answer(x);
    co_return done == outcome::close ? outcome::close : outcome::linger;
}

asio::awaitable<session::outcome> session::serve(message_head head)
{
    ++requests_;
    exchange x(core_, std::move(head), std::chrono::steady_clock::now());
    x.req.request_id = format_id("req", core_.ids.next());
    x.req.remote_address = peer_.address;
    x.req.over_unix_socket = peer_.over_unix_socket;
    x.req.peer = peer_.credentials;
    x.req.secure = stream_.secure();
    x.req.listener = listener_.options.name;
    x.body_read = x.head.body == framing::none;
    admit(x, listener_);
    const service& serves = listener_.serves;
    bool taken = true;
    if (!x.answer && !x.body_read && wants_hook_first(x))
    {
        std::function<void()> job = [&x, &serves] { run_hook(x, serves); };
        taken = co_await run_job(core_.workers, std::move(job));
    }
    if (taken && !x.answer && !x.body_read)
    {
        if (x.head.expects_continue && in_.empty())
        {
            answer_begun_ = std::chrono::steady_clock::now();
            answer_bytes_ = 0;
            const auto error = co_await write_all(continue_line);
            x.broken = error.failed();
        }
        if (!x.broken)
        {
            co_await read_body(x);
        }
    }
    if (x.broken)
    {
        co_return outcome::close;
    }
    if (taken && !x.answer)
    {
        std::function<void()> job = [&x, &serves]
        {
            if (!x.hook_ran)
            {
                run_hook(x, serves);
            }
            run_handler(x);
        };
        taken = co_await run_job(core_.workers, std::move(job));
    }
    if (!taken)
    {
        x.answer = make_refusal(503, "overloaded", "Too many requests wait; try again.");
        x.answer->set_header("Retry-After", std::to_string(core_.options.retry_after.count()));
    }
    const auto done = co_await answer(x);
    co_return done;
}

asio::awaitable<void> session::linger()
{
    deadline_ = std::chrono::steady_clock::now() + linger_time;
    co_await stream_.finish_sending();
    std::string waste(head_read_bytes, '\0');
    bool more = true;
    idle_ = true;
    while (more && !core_.stopping)
    {
        const auto got = co_await stream_.read_raw(asio::buffer(waste));
        more = !got.error && std::chrono::steady_clock::now() < deadline_;
    }
}

} // namespace hikyaku::http
