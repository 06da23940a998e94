#include "unsubscribe.h"

#include "page.h"

#include <hikyaku/base/log.h>
#include <hikyaku/bounce/recipient_token.h>
#include <hikyaku/http/form_body.h>

namespace hikyaku::web
{
namespace
{

constexpr std::string_view token_name = "token";
constexpr std::string_view click_field = "List-Unsubscribe";
constexpr std::string_view click_value = "One-Click";
constexpr std::string_view from_field = "from";
constexpr std::string_view from_page = "page";
constexpr seconds retry_after{5};

/// The recipient a link names. Whether the tenant exists is not looked at before the signature
/// fits: forged links of all tenants take the same time.
std::optional<bounce::recipient_ref> open_token(const public_services& all, const http::request& r)
{
    const auto& token = r.parameter(token_name);
    const auto claimed = bounce::peek_recipient(token, bounce::token_use::unsubscribe_link);
    if (!claimed)
    {
        return std::nullopt;
    }
    const auto key = bounce::recipient_token_key(all.master, claimed->tenant);
    return bounce::open_recipient(key, token, bounce::token_use::unsubscribe_link);
}

/// The name in From, unless it is made for each recipient; then the tenant's.
std::string sender_of(const identity::tenant& owner, const campaign::campaign_row& row)
{
    const auto& name = row.source.from_name;
    const bool is_template =
        name.find("{{") != std::string::npos || name.find("{%") != std::string::npos;
    return name.empty() || is_template ? owner.name : name;
}

/// nullopt: the tenant or its campaign is gone.
std::optional<std::string> find_sender(const public_services& all, const bounce::recipient_ref& ref)
{
    const auto owner = all.tenants.find(ref.tenant);
    if (!owner || owner->state == identity::tenant_state::closed)
    {
        return std::nullopt;
    }
    const auto row = all.campaigns.find(ref.tenant, ref.campaign);
    return row.has_value() ? std::optional(sender_of(*owner, *row)) : std::nullopt;
}

std::string_view trim(std::string_view text) noexcept
{
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
    {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// How the form says that it is to be done; nullopt: it doesn't.
std::optional<feedback::unsubscribe_way> read_way(const http::request& r)
{
    const auto form = http::parse_form(r.header("Content-Type").value_or(""), r.body);
    const auto click = form ? form->find(click_field) : std::nullopt;
    if (!click || !http::equal_ignoring_case(trim(*click), click_value))
    {
        return std::nullopt;
    }
    return form->find(from_field) == from_page ? feedback::unsubscribe_way::page
                                               : feedback::unsubscribe_way::one_click;
}

http::response make_trouble(language in)
{
    auto out = make_page(503, page_kind::trouble, in);
    out.set_header("Retry-After", std::to_string(retry_after.count()));
    return out;
}

} // namespace

http::response show_unsubscribe(const public_services& all, const http::request& r)
{
    const auto in = choose_language(r);
    if (r.parameter(token_name) == campaign::preview_token)
    {
        return make_page(200, page_kind::preview, in);
    }
    const auto ref = open_token(all, r);
    const auto sender = ref ? find_sender(all, *ref) : std::nullopt;
    return sender ? make_page(200, page_kind::ask, in, *sender)
                  : make_page(404, page_kind::unknown, in);
}

http::response post_unsubscribe(const public_services& all, const http::request& r)
{
    const auto in = choose_language(r);
    const auto ref = open_token(all, r);
    const auto sender = ref ? find_sender(all, *ref) : std::nullopt;
    if (!sender)
    {
        return make_page(404, page_kind::unknown, in);
    }
    const auto way = read_way(r);
    if (!way)
    {
        return make_page(400, page_kind::bad_form, in, *sender);
    }
    feedback::unsubscribe_wish wish;
    wish.tenant = ref->tenant;
    wish.campaign = ref->campaign;
    wish.who = ref->who;
    wish.way = *way;
    wish.ip = std::any_cast<const public_call&>(r.context).client;
    wish.request_id = r.request_id;
    const auto done = all.unsubscriber.take_off(wish);
    if (done.has_error())
    {
        log::error("unsubscribe_failed",
                   {{"tenant", ref->tenant.value}, {"reason", done.error().text}});
        return make_trouble(in);
    }
    return *done ? make_page(200, page_kind::done, in, *sender)
                 : make_page(404, page_kind::unknown, in);
}

} // namespace hikyaku::web
