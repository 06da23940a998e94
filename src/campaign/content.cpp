#include <hikyaku/campaign/campaigns.h>
#include <hikyaku/campaign/content.h>
#include <hikyaku/identity/tenants.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/mime/header.h>

#include <algorithm>

namespace hikyaku::campaign
{
namespace
{

constexpr std::size_t headers_max = 50;

/// Collects mistakes while the parts are compiled.
class compiler
{
public:
    tmpl::program program(std::string_view source, tmpl::escape_mode mode, std::string pointer)
    {
        auto made = tmpl::compile(source, mode, slots_);
        if (made.has_error())
        {
            errors_.push_back({std::move(pointer), "template_error", to_string(made.error())});
            auto nothing = tmpl::compile("", mode, slots_);
            return *nothing;
        }
        return *made;
    }
    void fail(std::string pointer, std::string code, std::string text)
    {
        errors_.push_back({std::move(pointer), std::move(code), std::move(text)});
    }
    [[nodiscard]] const tmpl::slot_table& slots() const { return slots_; }
    [[nodiscard]] std::vector<content_error>& errors() { return errors_; }

private:
    tmpl::slot_table slots_;
    std::vector<content_error> errors_;
};

std::string checked_address(compiler& c, const std::string& text, const char* pointer,
                            std::string* domain)
{
    const auto parsed = mime::parse_address(text);
    if (parsed.has_error())
    {
        c.fail(pointer, "invalid_address", parsed.error().text);
        return {};
    }
    if (domain != nullptr)
    {
        *domain = parsed->domain_ascii;
    }
    return parsed->smtp_path();
}

binding bind_name(const std::string& name, const content& c, const content_environment& env)
{
    binding b;
    b.name = name;
    const bool is_variable = c.variables.is_object() && c.variables.get_object().contains(name);
    if (c.by_contact)
    {
        if (const auto* f = env.schema->find(std::string_view(name)))
        {
            b.from = binding::kind::field;
            b.field = f->id;
            b.type = f->type;
            return b;
        }
        b.from = is_variable                    ? binding::kind::variable
                 : name == unsubscribe_variable ? binding::kind::unsubscribe_url
                                                : binding::kind::nothing;
        return b;
    }
    b.from = name == unsubscribe_variable && !is_variable ? binding::kind::unsubscribe_url
             : name == "email"                            ? binding::kind::recipient_email
             : name == "name"                             ? binding::kind::recipient_name
                                                          : binding::kind::variable;
    return b;
}

void bind_slots(content& made, const compiler& c, const content_environment& env)
{
    made.fields.push_back(crm::email_field);
    for (const auto& name : c.slots().names())
    {
        made.bindings.push_back(bind_name(name, made, env));
        made.uses_link =
            made.uses_link || made.bindings.back().from == binding::kind::unsubscribe_url;
        if (made.bindings.back().from == binding::kind::field)
        {
            made.fields.push_back(made.bindings.back().field);
        }
    }
    std::sort(made.fields.begin(), made.fields.end());
    made.fields.erase(std::unique(made.fields.begin(), made.fields.end()), made.fields.end());
}

void compile_headers(content& made, compiler& c, const definition& d)
{
    if (d.headers.size() > headers_max)
    {
        c.fail("/headers", "too_many", "at most 50 header fields can be added");
    }
    for (const auto& [name, value] : d.headers)
    {
        const std::string pointer = "/headers/" + name;
        const auto allowed = mime::check_custom_header(name);
        if (allowed.has_error())
        {
            c.fail(pointer, "header_not_allowed", allowed.error().text);
            continue;
        }
        made.headers.emplace_back(name, c.program(value, tmpl::escape_mode::header, pointer));
    }
}

/// What only broadcasts carry, unless the definition has its own: how to unsubscribe, and a
/// Feedback-ID of campaign, tenant, stream and sender, which the receiver adds up by.
void offer_unsubscribe(content& made, compiler& c, const content_environment& env)
{
    const auto& d = made.source;
    made.ways = env.ways;
    made.our_offer = !d.transactional && !d.unsubscribe && env.ways.any();
    made.feedback_id = d.feedback_id;
    if (!d.transactional && d.feedback_id.empty() && !env.feedback_sender.empty())
    {
        made.feedback_id = public_id(made.campaign) + ":" + identity::public_id(made.tenant) +
                           ":broadcast:" + env.feedback_sender;
    }
    if (made.uses_link && !env.ways.any())
    {
        const bool in_html = d.html.find(unsubscribe_variable) != std::string::npos;
        c.fail(in_html ? "/html" : "/text", "no_unsubscribe_address",
               "unsubscribe_url leads nowhere: this installation has no public URL (public.url), "
               "and mail to the return path does not come back to it");
    }
}

void name_signatures(content& made)
{
    for (const auto& identity : *made.identities)
    {
        made.signatures.push_back(identity.domain + " " + identity.selector + " " +
                                  (identity.key->kind() == dkim::algorithm::rsa_sha256
                                       ? "rsa-sha256"
                                       : "ed25519-sha256"));
    }
}

} // namespace

result<std::shared_ptr<const content>, std::vector<content_error>>
compile_content(const definition& d, const content_environment& env)
{
    using tmpl::escape_mode;
    compiler c;
    auto made =
        std::make_shared<content>(c.program(d.subject, escape_mode::header, "/subject"),
                                  c.program(d.from_name, escape_mode::header, "/from/name"));
    made->campaign = env.campaign;
    made->tenant = env.tenant;
    made->source = d;
    made->offset_minutes = env.offset_minutes;
    made->by_contact =
        d.audience.kind == audience_kind::where || d.audience.kind == audience_kind::contacts;
    const auto variables = parse_json(d.variables);
    if (variables.has_value() && variables->is_object())
    {
        made->variables = *variables;
    }
    else
    {
        c.fail("/variables", "wrong_type", "variables must be an object");
    }
    made->from_path = checked_address(c, d.from_email, "/from/email", &made->from_domain);
    if (!d.reply_to.empty())
    {
        made->reply_to_path = checked_address(c, d.reply_to, "/reply_to", nullptr);
    }
    if (!d.text.empty())
    {
        made->text.push_back(c.program(d.text, escape_mode::none, "/text"));
    }
    if (!d.html.empty())
    {
        made->html.push_back(c.program(d.html, escape_mode::html, "/html"));
    }
    if (d.text.empty() && d.html.empty())
    {
        c.fail("/text", "missing", "a campaign needs text, html or both");
    }
    compile_headers(*made, c, d);
    if (d.unsubscribe && !d.unsubscribe->url.empty())
    {
        made->unsubscribe_url.push_back(
            c.program(d.unsubscribe->url, escape_mode::header, "/unsubscribe/url"));
    }
    if (d.unsubscribe && !d.unsubscribe->mailto.empty())
    {
        made->unsubscribe_mailto.push_back(
            c.program(d.unsubscribe->mailto, escape_mode::header, "/unsubscribe/mailto"));
    }
    bind_slots(*made, c, env);
    offer_unsubscribe(*made, c, env);
    made->envelope_domain = env.envelope_domain;
    made->token_key = env.token_key;
    made->identities = env.identities;
    if (made->identities != nullptr)
    {
        name_signatures(*made);
    }
    if (!c.errors().empty())
    {
        return std::move(c.errors());
    }
    return std::shared_ptr<const content>(std::move(made));
}

} // namespace hikyaku::campaign
