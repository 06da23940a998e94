#include "client_session.h"

#include "input.h"
#include "json_line.h"
#include "json_text.h"
#include "problem_text.h"
#include "server_address.h"

#include <fstream>

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t list_page = 1000;
/// More than any key or token has.
constexpr std::size_t credential_bytes_max = 1024;

/// The first line of a file.
result<std::string, call_failure> read_credential(const std::string& file, const char* what)
{
    std::ifstream in(file, std::ios::binary);
    std::string text(credential_bytes_max, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    text.resize(std::min(text.size(), text.find_first_of("\r\n")));
    if (text.empty() ||
        text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "!#$%&'*+-./:;<=>?@^_`|~") != std::string::npos)
    {
        return call_failure{exit_usage, "There is no " + std::string(what) + " in " +
                                            printable(file) +
                                            ": it is one line, and the file must be readable."};
    }
    return text;
}

} // namespace

int print_failure(command_context& ctx, const call_failure& f)
{
    ctx.err() << "hikyaku: " << f.text << '\n';
    return f.exit;
}

void print_json(command_context& ctx, const json::value& value)
{
    ctx.out() << to_json_text(value) << '\n';
}

std::string encode_segment(std::string_view text)
{
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text)
    {
        const auto byte = static_cast<unsigned char>(c);
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '_' || c == '.' || c == '~')
        {
            out += c;
            continue;
        }
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15U];
    }
    return out;
}

result<client_session, call_failure> client_session::open_tenant(command_context& ctx)
{
    const auto url = find_tenant_url(ctx);
    if (url.has_error())
    {
        return url.error();
    }
    const std::string file = option_or_variable(ctx, ctx.connection.key_file, "HIKYAKU_KEY_FILE");
    if (file.empty())
    {
        return call_failure{exit_usage,
                            "No API key. Name its file with --key-file or HIKYAKU_KEY_FILE; "
                            "`hikyaku tenant create … --key-out FILE` makes the first one."};
    }
    const auto key = read_credential(file, "API key");
    if (key.has_error())
    {
        return key.error();
    }
    return connect(ctx, *url, *key);
}

result<client_session, call_failure> client_session::open_platform(command_context& ctx)
{
    const auto where = find_platform(ctx);
    if (where.has_error())
    {
        return where.error();
    }
    if (where->token_file.empty())
    {
        return connect(ctx, where->url, {});
    }
    const auto token = read_credential(where->token_file, "operator's token");
    if (token.has_error())
    {
        return token.error();
    }
    return connect(ctx, where->url, *token);
}

result<client_session, call_failure> client_session::connect(command_context& ctx, std::string url,
                                                             const std::string& credential)
{
    http::client_options options;
    options.ca_file = option_or_variable(ctx, ctx.connection.ca_file, "HIKYAKU_CA_FILE");
    if (!credential.empty())
    {
        options.headers.emplace_back("Authorization", "Bearer " + credential);
    }
    auto c = http::client::make(url, std::move(options));
    if (c.has_error())
    {
        return call_failure{exit_usage, c.error().text};
    }
    return client_session(std::move(*c), std::move(url));
}

result<http::response, call_failure> client_session::send(const http::client_request& r)
{
    auto answer = client_.send(r);
    if (answer.has_error())
    {
        return call_failure{exit_unreachable,
                            "No answer from " + printable(url_) + ": " + answer.error().text +
                                "\nIs the daemon running (`systemctl status hikyaku`), and is "
                                "this its address?"};
    }
    if (answer->status < 200 || answer->status >= 300)
    {
        return call_failure{exit_status_of(answer->status), describe_problem(*answer)};
    }
    return std::move(*answer);
}

namespace
{

result<json::value, call_failure> read_body(const result<http::response, call_failure>& answer)
{
    if (answer.has_error())
    {
        return answer.error();
    }
    if (answer->body.empty())
    {
        return json::value(nullptr);
    }
    auto value = parse_json(answer->body);
    if (value.has_error())
    {
        return call_failure{exit_unreachable,
                            "The answer is not JSON: is this the address of Hikyaku's API?"};
    }
    return std::move(*value);
}

} // namespace

result<json::value, call_failure> client_session::get(std::string target)
{
    http::client_request r;
    r.target = std::move(target);
    return read_body(send(r));
}

result<json::value, call_failure> client_session::post(std::string target, const json::value& body,
                                                       std::string idempotency_key)
{
    http::client_request r;
    r.method = "POST";
    r.target = std::move(target);
    if (!body.is_null())
    {
        r.content_type = "application/json";
        r.body = to_json_text(body);
    }
    if (!idempotency_key.empty())
    {
        r.headers.emplace_back("Idempotency-Key", std::move(idempotency_key));
    }
    return read_body(send(r));
}

result<json::value, call_failure> client_session::patch(std::string target, const json::value& body)
{
    http::client_request r;
    r.method = "PATCH";
    r.target = std::move(target);
    r.content_type = "application/json";
    r.body = to_json_text(body);
    return read_body(send(r));
}

result<std::vector<json::value>, call_failure> client_session::list(const std::string& target,
                                                                    std::size_t items_max)
{
    std::vector<json::value> items;
    std::string cursor;
    while (items.size() < items_max)
    {
        const auto limit = std::min(list_page, items_max - items.size());
        const auto page = get(target + "?limit=" + std::to_string(limit) +
                              (cursor.empty() ? "" : "&cursor=" + encode_segment(cursor)));
        if (page.has_error())
        {
            return page.error();
        }
        if (!page->is_object())
        {
            return call_failure{exit_unreachable, "The answer is not a list."};
        }
        const auto& o = page->get_object();
        for (const auto& item : array_of(o, "data"))
        {
            if (item.is_object())
            {
                items.push_back(item);
            }
        }
        const auto next = raw_text_of(o, "next_cursor");
        if (next.empty() || next == cursor)
        {
            break;
        }
        cursor = next;
    }
    return items;
}

} // namespace hikyaku::cli
