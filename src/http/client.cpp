#include <hikyaku/http/client.h>

#include <boost/asio/error.hpp>

#include <fstream>
#include <utility>

#include "body_decoder.h"
#include "client_connection.h"
#include "spool_file.h"
#include "wire.h"

namespace hikyaku::http
{
namespace
{

constexpr std::size_t file_read_bytes = 128u << 10;
constexpr head_limits response_limits{64u << 10, 200, 8u << 10};
/// Informational answers before the real one.
constexpr std::size_t interim_max = 8;

bool may_repeat(std::string_view method) noexcept
{
    return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
           method == "OPTIONS";
}

bool is_clean(std::string_view text) noexcept
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

/// Takes a response body to where the request wants it.
class body_target
{
public:
    body_target(const client_request& what, const client_options& options, response& into)
        : what_(what), options_(options), into_(into), special_(into.status / 100 == 2)
    {
    }

    /// @error why the body can't be taken further
    [[nodiscard]] std::optional<failure> open()
    {
        if (special_ && !what_.save_to.empty())
        {
            file_.open(what_.save_to, std::ios::binary | std::ios::trunc);
            if (!file_)
            {
                return failure{"cannot write " + what_.save_to.string()};
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<failure> take(std::string_view piece)
    {
        if (file_.is_open())
        {
            file_.write(piece.data(), static_cast<std::streamsize>(piece.size()));
            return file_ ? std::nullopt
                         : std::optional(failure{"cannot write " + what_.save_to.string()});
        }
        if (special_ && what_.on_line)
        {
            return take_lines(piece);
        }
        if (piece.size() > options_.body_bytes_max - into_.body.size())
        {
            return failure{"the answer is larger than " + std::to_string(options_.body_bytes_max) +
                           " bytes"};
        }
        into_.body.append(piece);
        return std::nullopt;
    }

    [[nodiscard]] std::optional<failure> finish()
    {
        if (!line_.empty() && !stopped_)
        {
            stopped_ = !what_.on_line(line_);
        }
        if (file_.is_open())
        {
            file_.close();
            if (!file_)
            {
                return failure{"cannot write " + what_.save_to.string()};
            }
        }
        return std::nullopt;
    }

    /// on_line wants no more.
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }

private:
    std::optional<failure> take_lines(std::string_view piece)
    {
        while (!piece.empty() && !stopped_)
        {
            const auto end = piece.find('\n');
            line_.append(piece.substr(0, end));
            if (line_.size() > client::line_bytes_max)
            {
                return failure{"a line of the answer is too long"};
            }
            if (end == std::string_view::npos)
            {
                break;
            }
            piece.remove_prefix(end + 1);
            if (line_.ends_with('\r'))
            {
                line_.pop_back();
            }
            stopped_ = !what_.on_line(line_);
            line_.clear();
        }
        return std::nullopt;
    }

    const client_request& what_;
    const client_options& options_;
    response& into_;
    bool special_;
    bool stopped_ = false;
    std::string line_;
    std::ofstream file_;
};

response to_response(message_head&& head)
{
    response out;
    out.status = head.status;
    out.content_type = head.fields.find("Content-Type").value_or("");
    for (const auto& field : head.fields)
    {
        out.headers.push_back(field);
    }
    return out;
}

} // namespace

class client::impl
{
public:
    impl(client_url where, client_options options)
        : options_(std::move(options)), connection_(std::move(where), options_)
    {
    }

    result<response, failure> send(const client_request& what);

private:
    /// No byte of an answer came over a kept connection: it may have been dead all along.
    struct attempt
    {
        result<response, failure> answer;
        bool answered;
    };
    [[nodiscard]] std::optional<failure> check(const client_request& what) const;
    [[nodiscard]] std::string make_head(const client_request& what, std::uint64_t length) const;
    [[nodiscard]] attempt try_once(const client_request& what, const std::string& head,
                                   const spool_file& body);
    [[nodiscard]] error_code write_body(const client_request& what, const spool_file& body);
    [[nodiscard]] result<message_head, failure> read_head(std::string_view method);
    [[nodiscard]] result<message_head, failure> read_final_head(std::string_view method);
    [[nodiscard]] std::optional<failure> read_body(const message_head& head, body_target& target);
    [[nodiscard]] failure explain(const error_code& error) const;

    const client_options options_;
    client_connection connection_;
    /// Received and not yet used.
    std::string in_;
    bool got_bytes_ = false;
};

failure client::impl::explain(const error_code& error) const
{
    if (error == boost::asio::error::timed_out)
    {
        return {"no answer from " + connection_.where().authority() + " in time"};
    }
    if (error == boost::asio::error::eof)
    {
        return {connection_.where().authority() + " closed the connection before the answer's end"};
    }
    return {"connection with " + connection_.where().authority() + ": " + error.message()};
}

std::optional<failure> client::impl::check(const client_request& what) const
{
    if (!is_token(what.method) || !is_clean(what.target) || !what.target.starts_with('/') ||
        what.target.find(' ') != std::string::npos || !is_clean(what.content_type))
    {
        return failure{"the request's method, target or type is malformed"};
    }
    for (const auto* fields : {&options_.headers, &what.headers})
    {
        for (const auto& [name, value] : *fields)
        {
            if (!is_token(name) || !is_clean(value))
            {
                return failure{"the request header " + name + " is malformed"};
            }
        }
    }
    return std::nullopt;
}

std::string client::impl::make_head(const client_request& what, std::uint64_t length) const
{
    std::string head = what.method + " " + what.target +
                       " HTTP/1.1\r\nHost: " + connection_.where().authority() + "\r\n";
    if (!what.content_type.empty())
    {
        head += "Content-Type: " + what.content_type + "\r\n";
    }
    if (length > 0 || (what.method != "GET" && what.method != "HEAD"))
    {
        head += "Content-Length: " + std::to_string(length) + "\r\n";
    }
    for (const auto* fields : {&options_.headers, &what.headers})
    {
        for (const auto& [name, value] : *fields)
        {
            head += name + ": " + value + "\r\n";
        }
    }
    return head + "\r\n";
}

error_code client::impl::write_body(const client_request& what, const spool_file& body)
{
    if (what.body_file.empty())
    {
        return connection_.write(what.body);
    }
    std::uint64_t offset = 0;
    while (offset < body.size())
    {
        const auto piece = body.read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(
                                                 file_read_bytes, body.size() - offset)));
        if (piece.has_error() || piece->empty())
        {
            // The length is promised already: the request can't be completed.
            return piece.has_error() ? piece.error()
                                     : make_error_code(boost::system::errc::io_error);
        }
        if (const auto error = connection_.write(*piece))
        {
            return error;
        }
        offset += piece->size();
    }
    return {};
}

result<message_head, failure> client::impl::read_head(std::string_view method)
{
    head_scanner scanner;
    while (true)
    {
        const auto end = scanner.scan(in_, response_limits);
        if (end.has_error())
        {
            return failure{"malformed answer: " + std::string(end.error().detail)};
        }
        if (*end)
        {
            auto head = parse_response_head(std::string_view(in_).substr(0, **end), method,
                                            response_limits);
            in_.erase(0, **end);
            if (head.has_error())
            {
                return failure{"malformed answer: " + std::string(head.error().detail)};
            }
            return std::move(*head);
        }
        if (const auto error = connection_.read_some(in_))
        {
            return explain(error);
        }
        got_bytes_ = true;
    }
}

result<message_head, failure> client::impl::read_final_head(std::string_view method)
{
    for (std::size_t i = 0; i < interim_max; ++i)
    {
        auto head = read_head(method);
        if (head.has_error() || head->status >= 200)
        {
            return head;
        }
    }
    return failure{"malformed answer: too many interim answers"};
}

std::optional<failure> client::impl::read_body(const message_head& head, body_target& target)
{
    if (auto failed = target.open())
    {
        return failed;
    }
    body_decoder decoder(head.body, head.content_length);
    while (!decoder.done() && !target.stopped())
    {
        if (in_.empty())
        {
            const auto error = connection_.read_some(in_);
            if (error && !(error == boost::asio::error::eof && decoder.end_of_stream()))
            {
                return explain(error);
            }
        }
        std::string_view rest = in_;
        const auto piece = decoder.consume(rest);
        if (piece.has_error())
        {
            return failure{"malformed answer: " + std::string(piece.error().detail)};
        }
        if (auto failed = target.take(*piece))
        {
            return failed;
        }
        in_.erase(0, in_.size() - rest.size());
    }
    return target.finish();
}

client::impl::attempt client::impl::try_once(const client_request& what, const std::string& head,
                                             const spool_file& body)
{
    got_bytes_ = false;
    in_.clear();
    auto write_error = connection_.write(head);
    if (!write_error)
    {
        write_error = write_body(what, body);
    }
    // A server that refuses early answers before it closes: the answer counts, not the write.
    auto answer_head = connection_.is_open() ? read_final_head(what.method)
                                             : result<message_head, failure>(explain(write_error));
    if (answer_head.has_error())
    {
        connection_.close();
        return {write_error && !got_bytes_ ? explain(write_error) : answer_head.error(),
                got_bytes_};
    }
    const message_head framing_of = *answer_head;
    response out = to_response(std::move(*answer_head));
    body_target target(what, options_, out);
    auto failed = read_body(framing_of, target);
    if (failed || !framing_of.keep_alive || target.stopped() || write_error || !in_.empty())
    {
        connection_.close();
    }
    if (failed)
    {
        return {std::move(*failed), true};
    }
    return {std::move(out), true};
}

result<response, failure> client::impl::send(const client_request& what)
{
    if (auto wrong = check(what))
    {
        return std::move(*wrong);
    }
    spool_file body;
    if (!what.body_file.empty())
    {
        auto opened = spool_file::open(what.body_file);
        if (opened.has_error())
        {
            return failure{"cannot read " + what.body_file.string() + ": " +
                           opened.error().message()};
        }
        body = std::move(*opened);
    }
    const auto head = make_head(what, what.body_file.empty() ? what.body.size() : body.size());
    if (connection_.is_open() && connection_.is_stale())
    {
        connection_.close();
    }
    if (connection_.is_open())
    {
        auto kept = try_once(what, head, body);
        if (kept.answered || !may_repeat(what.method))
        {
            return std::move(kept.answer);
        }
    }
    if (auto failed = connection_.open())
    {
        connection_.close();
        return std::move(*failed);
    }
    return try_once(what, head, body).answer;
}

result<client, failure> client::make(std::string_view url, client_options options)
{
    auto where = parse_client_url(url);
    if (where.has_error())
    {
        return where.error();
    }
    return client(std::make_unique<impl>(std::move(*where), std::move(options)));
}

client::client(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;
client::~client() = default;

result<response, failure> client::send(const client_request& what)
{
    return impl_->send(what);
}

result<response, failure> client::get(std::string target)
{
    client_request what;
    what.target = std::move(target);
    return send(what);
}

result<response, failure> client::post(std::string target, const json::value& value)
{
    client_request what;
    what.method = "POST";
    what.target = std::move(target);
    what.content_type = "application/json";
    what.body = to_json_text(value);
    return send(what);
}

} // namespace hikyaku::http
