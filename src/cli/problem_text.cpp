#include "problem_text.h"

#include "command_context.h"
#include "json_line.h"
#include "json_text.h"

namespace hikyaku::cli
{
namespace
{

std::string next_step(const http::response& answer, const std::string& code)
{
    switch (answer.status)
    {
    case 401:
        return "Give a valid credential: --key-file (HIKYAKU_KEY_FILE), or for the operator "
               "--token-file (HIKYAKU_TOKEN_FILE).";
    case 403:
        return "The credential is valid, but may not do this: use a key with the scope.";
    case 404:
        return "Check the id: `… list` shows what there is. Another tenant's ids are not found.";
    case 409:
        if (code == "idempotency_key_reused")
        {
            return "The same Idempotency-Key was used for other content: give another one with "
                   "--idempotency-key.";
        }
        return code == "campaign_state" ? "`hikyaku campaign show ID` tells its present state."
                                        : std::string();
    case 413:
        return "Split the file, or raise http.body_bytes_max.";
    case 429:
    case 503:
    {
        const auto after = answer.find_header("Retry-After");
        return "Try again" +
               (after ? " in " + printable(*after) + " seconds" : std::string(" in a moment")) +
               ".";
    }
    default:
        return {};
    }
}

} // namespace

int exit_status_of(unsigned http_status) noexcept
{
    if (http_status >= 200 && http_status < 300)
    {
        return exit_ok;
    }
    return http_status == 401 || http_status == 403 ? int{exit_unauthenticated}
                                                    : int{exit_negative};
}

std::string describe_problem(const http::response& answer)
{
    const std::string status = std::to_string(answer.status);
    std::string text;
    std::string code;
    const auto body = parse_json(answer.body);
    if (body.has_value() && body->is_object())
    {
        const auto& o = body->get_object();
        code = raw_text_of(o, "code");
        const bool has_detail = !raw_text_of(o, "detail").empty();
        text = text_of(o, has_detail ? "detail" : "title") + " (" + status +
               (code.empty() ? "" : " " + printable(code)) + ")";
        for (const auto& e : array_of(o, "errors"))
        {
            if (e.is_object())
            {
                const auto& one = e.get_object();
                text += "\n  " + text_of(one, "pointer") + ": " + text_of(one, "detail") + " (" +
                        text_of(one, "code") + ")";
            }
        }
    }
    else
    {
        text = "The server answered " + status + " " +
               std::string(http::reason_phrase(answer.status)) + ".";
    }
    const auto next = next_step(answer, code);
    return next.empty() ? text : text + "\n" + next;
}

} // namespace hikyaku::cli
