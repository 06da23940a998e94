#include <hikyaku/dns/spf.h>

#include <algorithm>
#include <utility>

#include <hikyaku/base/assert.h>
#include <hikyaku/dns/name.h>

#include "spf_machine.h"

namespace hikyaku::dns
{

namespace
{

constexpr std::string_view postmaster = "postmaster";
/// What the verdict says when no directive matched (RFC 7208 section 9.1).
constexpr std::string_view default_mechanism = "default";

/// ::ffff:0:0/96 counts as IPv4 (section 5).
ip_address unmapped(const ip_address& ip)
{
    constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (ip.is_v4() || !std::equal(prefix.begin(), prefix.end(), ip.bytes.begin()))
    {
        return ip;
    }
    return ip_address::v4({ip.bytes[12], ip.bytes[13], ip.bytes[14], ip.bytes[15]});
}

std::string without_final_dot(std::string_view domain)
{
    return std::string(domain.ends_with('.') ? domain.substr(0, domain.size() - 1) : domain);
}

/// Nothing but what may stand in a reply line (section 6.2).
bool is_printing(std::string_view text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

const std::string* only_text(const rrset& answer)
{
    if (answer.status != rrset_status::found || answer.records.size() != 1)
    {
        return nullptr;
    }
    const auto* txt = std::get_if<txt_data>(&answer.records.front().data);
    return txt != nullptr ? &txt->text : nullptr;
}

} // namespace

const char* spf_result_name(spf_result result) noexcept
{
    switch (result)
    {
    case spf_result::none:
        return "none";
    case spf_result::neutral:
        return "neutral";
    case spf_result::pass:
        return "pass";
    case spf_result::fail:
        return "fail";
    case spf_result::softfail:
        return "softfail";
    case spf_result::temperror:
        return "temperror";
    case spf_result::permerror:
        return "permerror";
    }
    return "?";
}

spf_check::machine::machine(spf_request request) : request_(std::move(request))
{
    begin();
    run();
}

void spf_check::machine::begin()
{
    request_.ip = unmapped(request_.ip);
    const std::string_view from = request_.mail_from;
    const std::size_t at = from.rfind('@');
    local_part_ = at == std::string_view::npos ? std::string_view{} : from.substr(0, at);
    sender_domain_ = from.empty()                   ? request_.helo
                     : at == std::string_view::npos ? request_.mail_from
                                                    : std::string(from.substr(at + 1));
    if (local_part_.empty())
    {
        local_part_ = postmaster;
    }
    sender_ = local_part_ + "@" + sender_domain_;
    push_domain(sender_domain_);
}

void spf_check::machine::take(const rrset& answer)
{
    HK_ASSERT(question_ && answer.status != rrset_status::follow);
    question_.reset();
    switch (state_)
    {
    case spf_state::record:
        on_record(answer);
        break;
    case spf_state::addresses:
        on_addresses(answer);
        break;
    case spf_state::mx:
        on_mx(answer);
        break;
    case spf_state::mx_addresses:
        on_mx_addresses(answer);
        break;
    case spf_state::client_names:
        on_client_names(answer);
        break;
    case spf_state::client_addresses:
        on_client_addresses(answer);
        break;
    case spf_state::explanation:
        on_explanation(answer);
        break;
    case spf_state::enter_domain:
    case spf_state::term:
    case spf_state::mx_host:
    case spf_state::client_name:
    case spf_state::end_of_record:
    case spf_state::explain:
    case spf_state::explained:
    case spf_state::done:
        HK_ASSERT(false);
    }
    run();
}

const spf_verdict& spf_check::machine::verdict() const
{
    HK_ASSERT(state_ == spf_state::done);
    return verdict_;
}

void spf_check::machine::run()
{
    while (!question_ && state_ != spf_state::done)
    {
        step();
    }
}

void spf_check::machine::step()
{
    switch (state_)
    {
    case spf_state::enter_domain:
        return enter_domain();
    case spf_state::term:
        return next_term();
    case spf_state::mx_host:
        return next_mx_host();
    case spf_state::client_name:
        return next_client_name();
    case spf_state::end_of_record:
        return end_of_record();
    case spf_state::explain:
        return explain();
    case spf_state::explained:
        return explained();
    case spf_state::record:
    case spf_state::addresses:
    case spf_state::mx:
    case spf_state::mx_addresses:
    case spf_state::client_names:
    case spf_state::client_addresses:
    case spf_state::explanation:
    case spf_state::done:
        HK_ASSERT(false);
    }
}

void spf_check::machine::ask(std::string name, record_type type, spf_state waiting)
{
    ++questions_;
    HK_ASSERT(questions_ <= spf_questions_max);
    question_ = spf_question{std::move(name), type};
    state_ = waiting;
}

record_type spf_check::machine::address_type() const noexcept
{
    return request_.ip.is_v4() ? record_type::a : record_type::aaaa;
}

void spf_check::machine::push_domain(std::string domain)
{
    frame next{without_final_dot(domain), {}};
    next.canonical = name_to_ask(next.domain);
    frames_.push_back(std::move(next));
    HK_ASSERT(frames_.size() <= spf_lookups_max + 1);
    state_ = spf_state::enter_domain;
}

void spf_check::machine::enter_domain()
{
    if (!here().canonical)
    {
        return end_none("\"" + here().domain + "\" is not a domain name");
    }
    ask(*here().canonical, record_type::txt, spf_state::record);
}

void spf_check::machine::on_record(const rrset& answer)
{
    if (answer.status == rrset_status::failed)
    {
        return fail_with(spf_result::temperror, {}, answer.reason);
    }
    const std::string* text = nullptr;
    for (const record& r : answer.records)
    {
        const auto* txt = std::get_if<txt_data>(&r.data);
        if (txt == nullptr || !is_spf_record(txt->text))
        {
            continue;
        }
        if (text != nullptr)
        {
            return fail_with(spf_result::permerror, {},
                             "more than one SPF record of " + here().domain);
        }
        text = &txt->text;
    }
    if (text == nullptr)
    {
        return end_none("no SPF record of " + here().domain);
    }
    auto parsed = parse_spf_record(*text);
    if (parsed.has_error())
    {
        return fail_with(spf_result::permerror, {},
                         parsed.error().text + " in the record of " + here().domain);
    }
    here().record = std::move(*parsed);
    state_ = spf_state::term;
}

/// The innermost domain has a result that is not an error (section 4.6.2 and 4.7).
void spf_check::machine::finish_domain(spf_result result, std::string_view mechanism)
{
    if (frames_.size() > 1)
    {
        return return_to_include(result);
    }
    verdict_.result = result;
    verdict_.mechanism = mechanism;
    state_ = result == spf_result::fail ? spf_state::explain : spf_state::done;
}

/// Section 5.2: only pass matches.
void spf_check::machine::return_to_include(spf_result result)
{
    frames_.pop_back();
    if (result == spf_result::pass)
    {
        match();
    }
    else
    {
        no_match();
    }
}

/// Section 4.7 and 6.1.
void spf_check::machine::end_of_record()
{
    if (!here().record.redirect)
    {
        return finish_domain(spf_result::neutral, default_mechanism);
    }
    if (need_client_name(*here().record.redirect, spf_state::end_of_record) ||
        !count_lookup(here().record.redirect_text))
    {
        return;
    }
    if (frames_.size() == 1)
    {
        redirect_term_ = here().record.redirect_text;
    }
    std::string domain = expand_domain(*here().record.redirect, values(here()));
    frames_.pop_back();
    push_domain(std::move(domain));
}

/// temperror and permerror end everything, through includes and redirects.
void spf_check::machine::fail_with(spf_result error, std::string_view term, std::string reason)
{
    verdict_.result = error;
    verdict_.reason = std::move(reason);
    verdict_.mechanism = term.empty() ? redirect_term_ : term;
    if (frames_.size() > 1)
    {
        // Inside an include: the directive of the outer record.
        const frame& outer = frames_.front();
        verdict_.mechanism = outer.record.directives[outer.at].text;
    }
    state_ = spf_state::done;
}

/// check_host() of the innermost domain is none: with include and redirect an error (sections 5.2
/// and 6.1).
void spf_check::machine::end_none(std::string reason)
{
    if (frames_.size() > 1 || !redirect_term_.empty())
    {
        return fail_with(spf_result::permerror, {}, std::move(reason));
    }
    verdict_.result = spf_result::none;
    verdict_.reason = std::move(reason);
    state_ = spf_state::done;
}

/// Section 6.2: whatever goes wrong, there is only no explanation of the domain's own.
void spf_check::machine::explain()
{
    verdict_.explanation = request_.default_explanation;
    const std::optional<macro_string>& where = here().record.explanation;
    if (where && need_client_name(*where, spf_state::explain))
    {
        return;
    }
    std::optional<std::string> name =
        where ? expand_name(*where, values(here())) : std::optional<std::string>{};
    if (!name)
    {
        state_ = spf_state::done;
        return;
    }
    ask(std::move(*name), record_type::txt, spf_state::explanation);
}

void spf_check::machine::on_explanation(const rrset& answer)
{
    const std::string* text = only_text(answer);
    auto macros = text != nullptr && text->size() <= spf_explanation_bytes_max
                      ? parse_macro_string(*text, macro_place::explanation)
                      : std::nullopt;
    state_ = macros ? spf_state::explained : spf_state::done;
    explanation_ = macros ? std::move(*macros) : macro_string{};
}

void spf_check::machine::explained()
{
    if (need_client_name(explanation_, spf_state::explained))
    {
        return;
    }
    auto text = expand_text(explanation_, values(here()), spf_explanation_bytes_max);
    if (text && is_printing(*text))
    {
        verdict_.explanation = std::move(*text);
    }
    state_ = spf_state::done;
}

macro_values spf_check::machine::values(const frame& f) const
{
    macro_values out;
    out.sender = sender_;
    out.local_part = local_part_;
    out.sender_domain = sender_domain_;
    out.domain = f.domain;
    out.client_name = f.client_name ? std::string_view(*f.client_name) : std::string_view{};
    out.helo = request_.helo;
    out.receiver = request_.receiver;
    out.ip = request_.ip;
    out.now = request_.now;
    return out;
}

spf_check::spf_check(spf_request request) : machine_(std::make_unique<machine>(std::move(request)))
{
}

spf_check::~spf_check() = default;
spf_check::spf_check(spf_check&&) noexcept = default;
spf_check& spf_check::operator=(spf_check&&) noexcept = default;

const spf_question* spf_check::next() const noexcept
{
    return machine_->next();
}

void spf_check::take(const rrset& answer)
{
    machine_->take(answer);
}

const spf_verdict& spf_check::verdict() const
{
    return machine_->verdict();
}

} // namespace hikyaku::dns
