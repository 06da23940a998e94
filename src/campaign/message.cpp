#include <hikyaku/base/assert.h>
#include <hikyaku/bounce/recipient_token.h>
#include <hikyaku/campaign/message.h>
#include <hikyaku/mime/address.h>
#include <hikyaku/mime/builder.h>
#include <hikyaku/queue/fact.h>

#include <deque>

namespace hikyaku::campaign
{

struct message_maker::scratch
{
    tmpl::renderer renderer;
    dkim::signer signer;
    crm::contact_row_view row;
    std::vector<tmpl::value> values;
    std::deque<std::vector<tmpl::value>> lists; // of multi-valued fields; stable addresses
    json::value variables;
    std::string subject;
    std::string from_name;
    std::string text;
    std::string html;
    std::string unsubscribe_url;
    std::string unsubscribe_mailto;
    /// What unsubscribe_variable is.
    std::string link;
    std::vector<std::string> header_values;
    std::vector<mime::header_line> headers;
    std::string unsigned_bytes;
    std::vector<const dkim::identity*> identities;
};

message_maker::message_maker(duration_histogram* signing)
    : scratch_(std::make_unique<scratch>()), signing_(signing)
{
}
message_maker::~message_maker() = default;

namespace
{

/// A field's cell as templates see it. `lists` keeps what a list's elements live in.
struct to_template_value
{
    int offset_minutes;
    std::deque<std::vector<tmpl::value>>& lists;

    tmpl::value operator()(std::monostate) const { return {}; }
    tmpl::value operator()(std::int64_t i) const { return tmpl::value::integer(i); }
    tmpl::value operator()(const segment::decimal& d) const
    {
        return tmpl::value::number({d.unscaled, d.scale});
    }
    tmpl::value operator()(bool b) const { return tmpl::value::boolean(b); }
    tmpl::value operator()(std::string_view s) const { return tmpl::value::string(s); }
    tmpl::value operator()(std::span<const std::string_view> items) const
    {
        auto& list = lists.emplace_back();
        for (const auto item : items)
        {
            list.push_back(tmpl::value::string(item));
        }
        return tmpl::value::array(list);
    }
    tmpl::value operator()(std::chrono::sys_days day) const
    {
        // Midnight of that day where the tenant is.
        const wall_time t{std::chrono::sys_time<milliseconds>(day)};
        return tmpl::value::date_time(t - std::chrono::minutes{offset_minutes}, offset_minutes);
    }
    tmpl::value operator()(wall_time t) const { return tmpl::value::date_time(t, offset_minutes); }
};

bounce::recipient_ref ref_of(const content& c, ordinal who)
{
    return {c.tenant, c.campaign, who};
}

failure in_part(const char* part, const tmpl::source_error& e)
{
    return {std::string(part) + " " + to_string(e)};
}

} // namespace

/// The recipient's own addresses at ours; in a preview such that do nothing.
void message_maker::make_links(const content& c, const recipient_data& to, bool live)
{
    auto& s = *scratch_;
    s.link.clear();
    s.unsubscribe_url.clear();
    s.unsubscribe_mailto.clear();
    const bool needs_page = !c.ways.base_url.empty() && (c.our_offer || c.uses_link);
    const bool needs_mail =
        c.ways.by_mail && (c.our_offer || (c.uses_link && c.ways.base_url.empty()));
    const auto ref = ref_of(c, to.who);
    if (needs_page)
    {
        s.link = c.ways.base_url;
        s.link += unsubscribe_path;
        s.link +=
            live ? bounce::unsubscribe_link_token(c.token_key, ref) : std::string(preview_token);
    }
    if (needs_mail)
    {
        s.unsubscribe_mailto = "mailto:";
        s.unsubscribe_mailto += live ? bounce::unsubscribe_local_part(c.token_key, ref)
                                     : "u-" + std::string(preview_token);
        s.unsubscribe_mailto += "@" + c.envelope_domain + "?subject=unsubscribe";
    }
    if (c.our_offer)
    {
        s.unsubscribe_url = s.link;
    }
    if (s.link.empty())
    {
        s.link = s.unsubscribe_mailto;
    }
    if (!c.our_offer)
    {
        s.unsubscribe_mailto.clear();
    }
}

void message_maker::bind(const content& c, const recipient_data& to)
{
    auto& s = *scratch_;
    s.values.assign(c.bindings.size(), tmpl::value());
    s.lists.clear();
    const to_template_value convert{c.offset_minutes, s.lists};
    const json::object* own = nullptr;
    if (c.by_contact)
    {
        // A damaged row was refused when it was loaded.
        HK_ASSERT(s.row.load(to.row));
    }
    else
    {
        auto parsed = parse_json(to.row);
        s.variables = parsed.has_value() ? std::move(*parsed) : json::value(json::object{});
        own = s.variables.if_object();
    }
    const json::object* shared = c.variables.if_object();
    for (std::size_t slot = 0; slot < c.bindings.size(); ++slot)
    {
        const binding& b = c.bindings[slot];
        switch (b.from)
        {
        case binding::kind::nothing:
            break;
        case binding::kind::field:
            s.values[slot] = std::visit(convert, s.row.value(b.field));
            break;
        case binding::kind::variable:
        {
            const auto* found = own != nullptr ? own->if_contains(b.name) : nullptr;
            found = found == nullptr && shared != nullptr ? shared->if_contains(b.name) : found;
            s.values[slot] = found != nullptr ? tmpl::value::from_json(*found) : tmpl::value();
            break;
        }
        case binding::kind::unsubscribe_url:
        {
            const auto* given = own != nullptr ? own->if_contains(b.name) : nullptr;
            s.values[slot] =
                given != nullptr ? tmpl::value::from_json(*given) : tmpl::value::string(s.link);
            break;
        }
        case binding::kind::recipient_email:
            s.values[slot] = tmpl::value::string(to.path);
            break;
        case binding::kind::recipient_name:
            s.values[slot] = to.name.empty() ? tmpl::value() : tmpl::value::string(to.name);
            break;
        }
    }
}

result<void, failure> message_maker::render_all(const content& c, const recipient_data& to,
                                                wall_time now, bool live)
{
    auto& s = *scratch_;
    make_links(c, to, live);
    bind(c, to);
    const tmpl::render_clock clock{now, c.offset_minutes, {}};
    std::optional<failure> failed;
    const auto render = [&](const char* part, const tmpl::program& p, std::string& out)
    {
        out.clear();
        const auto done = s.renderer.render(p, s.values, clock, out);
        if (done.has_error() && !failed)
        {
            failed = in_part(part, done.error());
        }
    };
    render("subject", c.subject, s.subject);
    render("from name", c.from_name, s.from_name);
    s.text.clear();
    s.html.clear();
    if (!c.text.empty())
    {
        render("text", c.text.front(), s.text);
    }
    if (!c.html.empty())
    {
        render("html", c.html.front(), s.html);
    }
    s.header_values.resize(c.headers.size());
    s.headers.clear();
    for (std::size_t i = 0; i < c.headers.size(); ++i)
    {
        render(c.headers[i].first.c_str(), c.headers[i].second, s.header_values[i]);
        s.headers.push_back({c.headers[i].first, s.header_values[i]});
    }
    if (!c.unsubscribe_url.empty())
    {
        render("unsubscribe url", c.unsubscribe_url.front(), s.unsubscribe_url);
    }
    if (!c.unsubscribe_mailto.empty())
    {
        render("unsubscribe mailto", c.unsubscribe_mailto.front(), s.unsubscribe_mailto);
    }
    if (s.unsubscribe_url.size() > mime::list_url_bytes_max ||
        s.unsubscribe_mailto.size() > mime::list_url_bytes_max)
    {
        failed = failure{"the unsubscribe address is longer than 900 bytes"};
    }
    if (failed)
    {
        return *failed;
    }
    return {};
}

result<void, failure> message_maker::make(const content& c, const recipient_data& to, wall_time now,
                                          message& out)
{
    auto& s = *scratch_;
    const auto rendered = render_all(c, to, now, true);
    if (rendered.has_error())
    {
        return rendered;
    }
    const std::string id = queue::message_id(c.campaign, to.who, c.from_domain);
    const mime::mailbox reply_to{{}, c.reply_to_path};
    mime::message_parts parts;
    parts.from = {s.from_name, c.from_path};
    parts.to = {to.name, to.path};
    if (!c.reply_to_path.empty())
    {
        parts.reply_to = std::span(&reply_to, 1);
    }
    parts.subject = s.subject;
    parts.text = s.text;
    parts.html = s.html;
    parts.message_id = id;
    parts.date = to.date;
    parts.date_offset_minutes = c.offset_minutes;
    parts.list_unsubscribe_url = s.unsubscribe_url;
    parts.list_unsubscribe_mailto = s.unsubscribe_mailto;
    parts.one_click = c.our_offer || (c.source.unsubscribe && c.source.unsubscribe->one_click);
    parts.feedback_id = c.feedback_id;
    parts.extra = s.headers;
    parts.boundary_seed = c.campaign.value * 0x9E37'79B9'7F4A'7C15ULL + to.who.value;
    const auto built = mime::build_message(parts, s.unsigned_bytes);
    out.bytes.clear();
    out.is_8bit = built.is_8bit;
    out.needs_smtputf8 = built.needs_smtputf8;
    if (c.identities != nullptr)
    {
        s.identities.clear();
        for (const auto& identity : *c.identities)
        {
            s.identities.push_back(&identity);
        }
        const auto began = std::chrono::steady_clock::now();
        const auto signed_ok =
            s.signer.sign(s.identities, s.unsigned_bytes, built.header_bytes, to.date, out.bytes);
        if (signed_ok.has_error())
        {
            return failure{"signing: " + signed_ok.error().text};
        }
        if (signing_ != nullptr)
        {
            signing_->add(std::chrono::duration_cast<std::chrono::microseconds>(
                std::chrono::steady_clock::now() - began));
        }
    }
    out.bytes += s.unsigned_bytes;
    out.mail_from = bounce::return_path_local_part(c.token_key, ref_of(c, to.who));
    out.mail_from.append("@").append(c.envelope_domain);
    return {};
}

result<message_maker::parts, failure>
message_maker::preview(const content& c, const recipient_data& to, wall_time now)
{
    const auto rendered = render_all(c, to, now, false);
    if (rendered.has_error())
    {
        return rendered.error();
    }
    return parts{scratch_->subject, scratch_->text, scratch_->html};
}

} // namespace hikyaku::campaign
