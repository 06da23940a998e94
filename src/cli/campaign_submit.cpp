#include "campaign_submit.h"

#include "campaign_follow.h"
#include "client_session.h"
#include "input.h"
#include "json_line.h"
#include "json_text.h"

#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/sha256.h>

#include <algorithm>
#include <filesystem>
#include <istream>

namespace hikyaku::cli
{
namespace
{

/// "line 3, column 7" of a byte.
std::string place_of(std::string_view text, std::size_t offset)
{
    const auto before = text.substr(0, std::min(offset, text.size()));
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    const auto line_start = before.rfind('\n') + 1; // npos + 1 is 0
    return "line " + std::to_string(line) + ", column " +
           std::to_string(before.size() - line_start + 1);
}

result<json::value, call_failure> read_definition(const std::string& file,
                                                  const std::string& content)
{
    auto value = parse_json(content);
    if (value.has_error())
    {
        return call_failure{exit_usage, printable(file) + ": " +
                                            place_of(content, value.error().offset) + ": " +
                                            value.error().text};
    }
    if (!value->is_object())
    {
        return call_failure{exit_usage, printable(file) + ": a campaign is a JSON object."};
    }
    return std::move(*value);
}

/// Starts it. The key is the campaign's own: a submit that was cut off in between goes on.
result<json::value, call_failure> start(client_session& session, const std::string& id)
{
    return session.post("/v1/campaigns/" + encode_segment(id) + ":start", nullptr, "start-" + id);
}

} // namespace

std::string derived_key(const std::string& file, std::string_view content)
{
    std::string all = std::filesystem::path(file).filename().string();
    all += '\0';
    all += content;
    const auto digest = crypto::sha256(all);
    return crypto::encode_hex(crypto::as_bytes(digest));
}

int submit_campaign(command_context& ctx, const submit_options& o)
{
    const auto content = read_input(o.file, ctx.where.in);
    if (content.has_error())
    {
        return print_failure(ctx, {exit_usage, content.error().text});
    }
    const auto definition = read_definition(o.file, *content);
    if (definition.has_error())
    {
        return print_failure(ctx, definition.error());
    }
    auto session = client_session::open_tenant(ctx);
    if (session.has_error())
    {
        return print_failure(ctx, session.error());
    }
    auto made = session->post("/v1/campaigns", *definition,
                              o.idempotency_key.empty() ? derived_key(o.file, *content)
                                                        : o.idempotency_key);
    if (made.has_error())
    {
        return print_failure(ctx, made.error());
    }
    const auto id = made->is_object() ? raw_text_of(made->get_object(), "id") : std::string();
    if (id.empty())
    {
        return print_failure(ctx, {exit_unreachable, "The answer names no campaign."});
    }
    if (!o.draft)
    {
        auto started = start(*session, id);
        if (started.has_error())
        {
            ctx.err() << "The campaign " << printable(id) << " is made, but not started.\n";
            return print_failure(ctx, started.error());
        }
        made = std::move(started);
    }
    if (ctx.json || !made->is_object())
    {
        print_json(ctx, *made);
    }
    else
    {
        ctx.out() << printable(id) << " is " << text_of(made->get_object(), "state") << ".\n";
        if (o.draft)
        {
            ctx.out() << "Start it with: hikyaku campaign start " << printable(id) << '\n';
        }
    }
    ctx.out().flush();
    return o.follow ? follow_campaign(ctx, *session, id) : int{exit_ok};
}

} // namespace hikyaku::cli
