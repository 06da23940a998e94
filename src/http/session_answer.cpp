#include "session.h"

#include <hikyaku/base/log.h>

#include <array>
#include <cstdio>
#include <utility>

namespace hikyaku::http
{
namespace
{

constexpr std::size_t write_bytes = 64u << 10;
constexpr std::size_t file_read_bytes = 128u << 10;
/// Head and body up to this size leave in one write.
constexpr std::size_t join_bytes_max = 64u << 10;

std::string make_chunk(std::string_view data)
{
    std::array<char, 24> size{};
    std::snprintf(size.data(), size.size(), "%zx\r\n", data.size());
    std::string chunk = size.data();
    chunk.append(data).append("\r\n");
    return chunk;
}

/// The generator's next piece; what it throws ends the stream as a failure.
struct pulled
{
    std::optional<std::string> piece;
    bool failed = false;
};

pulled pull(const exchange& x) noexcept
{
    pulled out;
    try
    {
        out.piece = x.answer->stream();
    }
    catch (...)
    {
        out.failed = true;
    }
    if (out.failed)
    {
        log::error("http_stream_exception",
                   {{"route", x.req.route}, {"request_id", x.req.request_id}});
    }
    return out;
}

} // namespace

/// Writes x.answer and reports it.
asio::awaitable<session::outcome> session::answer(exchange& x)
{
    answer_begun_ = std::chrono::steady_clock::now();
    answer_bytes_ = 0;
    const bool fits = requests_ < limits_.requests_per_connection_max;
    x.head.keep_alive = x.head.keep_alive && x.body_read && fits && !core_.stopping;
    if (x.answer->details)
    {
        x.answer->body =
            to_json_text(to_json(*x.answer->details, "urn:hikyaku:request:" + x.req.request_id));
    }
    error_code error;
    if (x.answer->stream)
    {
        error = co_await send_stream(x);
    }
    else if (!x.answer->body_file.empty())
    {
        error = co_await send_file(x);
    }
    else
    {
        error = co_await send_memory(x);
    }
    finish_answer(x);
    if (error || cut_)
    {
        co_return outcome::close;
    }
    co_return x.head.keep_alive ? outcome::keep : outcome::linger;
}

void session::finish_answer(exchange& x) noexcept
{
    x.answer->stream = nullptr;
    if (listener_.serves.observe)
    {
        const auto now = std::chrono::steady_clock::now();
        listener_.serves.observe(
            x.req.route, x.answer->status,
            std::chrono::duration_cast<std::chrono::microseconds>(now - x.begun));
    }
}

std::string session::make_head(const exchange& x, std::optional<std::uint64_t> length) const
{
    return make_response_head(*x.answer, {.minor_version = x.head.minor_version,
                                          .keep_alive = x.head.keep_alive,
                                          .length = length,
                                          .request_id = x.req.request_id,
                                          .now = system_clock().wall()});
}

/// `bytes` in pieces, each under the deadline the slowest allowed reader would meet.
asio::awaitable<error_code> session::write_all(std::string_view bytes)
{
    error_code error;
    while (!bytes.empty() && !error)
    {
        const auto piece = bytes.substr(0, write_bytes);
        deadline_ = transfer_deadline(answer_begun_, answer_bytes_ + piece.size());
        error = co_await stream_.write(asio::buffer(piece.data(), piece.size()));
        answer_bytes_ += piece.size();
        bytes.remove_prefix(piece.size());
    }
    co_return error;
}

asio::awaitable<error_code> session::send_memory(exchange& x)
{
    const std::string& body = x.answer->body;
    std::string head = make_head(x, body.size());
    const bool has_body = x.head.method != "HEAD" && !has_no_body(x.answer->status);
    const bool joins = has_body && body.size() <= join_bytes_max;
    if (joins)
    {
        head += body;
    }
    auto error = co_await write_all(head);
    if (!error && has_body && !joins)
    {
        error = co_await write_all(body);
    }
    co_return error;
}

asio::awaitable<error_code> session::send_file(exchange& x)
{
    result<spool_file> file = error_code();
    std::function<void()> open = [&x, &file] { file = spool_file::open(x.answer->body_file); };
    const bool opened = co_await run_job(core_.files, std::move(open));
    if (!opened || file.has_error())
    {
        log::error("http_file_missing", {{"route", x.req.route}, {"request_id", x.req.request_id}});
        x.answer = make_refusal(500, "internal_error", "The answer's file could not be read.");
        const auto sent = co_await send_memory(x);
        co_return sent;
    }
    auto error = co_await write_all(make_head(x, file->size()));
    const bool has_body = x.head.method != "HEAD" && !has_no_body(x.answer->status);
    std::uint64_t offset = 0;
    answer_begun_ = std::chrono::steady_clock::now();
    answer_bytes_ = 0;
    while (has_body && !error && offset < file->size())
    {
        const auto size = static_cast<std::size_t>(
            std::min<std::uint64_t>(file_read_bytes, file->size() - offset));
        result<std::string> piece = error_code();
        std::function<void()> read = [&piece, &file, offset, size]
        { piece = file->read(offset, size); };
        const bool taken = co_await run_job(core_.files, std::move(read));
        if (!taken || piece.has_error() || piece->size() != size)
        {
            // The length is promised already: only a broken connection tells the truth.
            log::error("http_file_shrank", {{"request_id", x.req.request_id}});
            co_return make_error_code(boost::system::errc::io_error);
        }
        error = co_await write_all(*piece);
        offset += size;
    }
    co_return error;
}

asio::awaitable<error_code> session::send_stream(exchange& x)
{
    if (core_.streaming >= core_.options.streams_max)
    {
        x.answer = make_refusal(503, "too_many_streams", "Too many streams are open; try later.");
        x.answer->set_header("Retry-After", std::to_string(core_.options.retry_after.count()));
        const auto refused = co_await send_memory(x);
        co_return refused;
    }
    const bool chunked = x.head.minor_version == 1;
    x.head.keep_alive = x.head.keep_alive && chunked;
    auto error = co_await write_all(make_head(x, std::nullopt));
    if (!error && x.head.method != "HEAD" && !has_no_body(x.answer->status))
    {
        ++core_.streaming;
        error = co_await pump_stream(x, chunked);
        --core_.streaming;
    }
    co_return error;
}

asio::awaitable<error_code> session::pump_stream(exchange& x, bool chunked)
{
    while (!core_.stopping && !cut_)
    {
        pulled next;
        std::function<void()> job = [&x, &next] { next = pull(x); };
        const bool taken = co_await run_job(core_.streams, std::move(job));
        if (!taken || next.failed || stream_.peer_is_gone())
        {
            co_return make_error_code(boost::system::errc::connection_aborted);
        }
        if (!next.piece)
        {
            break;
        }
        if (!next.piece->empty())
        {
            const std::string bytes = chunked ? make_chunk(*next.piece) : std::move(*next.piece);
            answer_begun_ = std::chrono::steady_clock::now();
            answer_bytes_ = 0;
            const auto error = co_await write_all(bytes);
            if (error)
            {
                co_return error;
            }
        }
    }
    error_code error;
    if (chunked)
    {
        answer_begun_ = std::chrono::steady_clock::now();
        answer_bytes_ = 0;
        error = co_await write_all("0\r\n\r\n");
    }
    co_return error;
}

} // namespace hikyaku::http
