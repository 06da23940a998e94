#include "platform_queue_json.h"

#include <hikyaku/shaping/suspension_table.h>

#include <algorithm>

namespace hikyaku::api
{
namespace
{

/// A client that hears nothing for longer takes the connection for dead.
constexpr milliseconds heartbeat_every{5'000};
/// How long one look for events takes; a client that went away is noticed between two.
constexpr milliseconds look{500};

std::string to_sse(std::string_view event, const json::object& data)
{
    return (event.empty() ? std::string() : "event: " + std::string(event) + "\n") +
           "data: " + to_json_text(json::value(data)) + "\n\n";
}

json::object event_to_json(const delivery::trace_event& e)
{
    json::object out{{"at", format_rfc3339(e.at, 9 * 60)},
                     {"session", e.session},
                     {"site", e.site},
                     {"mx", e.mx},
                     {"source", e.source},
                     {"what", delivery::to_string(e.what)}};
    if (e.what == delivery::trace_event::kind::body)
    {
        out["bytes"] = e.bytes;
    }
    else
    {
        out["text"] = e.text;
    }
    return out;
}

/// Turns what a listener gets into server-sent events. One thread at a time.
class trace_stream
{
public:
    trace_stream(std::shared_ptr<delivery::trace_subscription> from, const clock& time)
        : from_(std::move(from)), clock_(time), said_(time.mono())
    {
    }
    /// The next piece; empty: nothing yet.
    std::string next()
    {
        std::string out;
        if (!begun_)
        {
            begun_ = true;
            out = ": listening to " + from_->site() + "\n\n";
        }
        const auto events = from_->take(out.empty() ? look : milliseconds{0});
        if (const auto lost = from_->take_lost(); lost > 0)
        {
            lost_ += lost;
            out += to_sse("lost", {{"what", "lost"}, {"count", lost}, {"total", lost_}});
        }
        for (const auto& e : events)
        {
            out += to_sse({}, event_to_json(e));
        }
        const auto now = clock_.mono();
        if (out.empty() && now - said_ >= heartbeat_every)
        {
            out = ": still here\n\n";
        }
        said_ = out.empty() ? said_ : now;
        return out;
    }

private:
    std::shared_ptr<delivery::trace_subscription> from_;
    const clock& clock_;
    mono_time said_;
    std::uint64_t lost_ = 0;
    bool begun_ = false;
};

/// The name under which events of the site come: its key when it is known under another case.
std::string listened_name(const queue_access& access, std::string_view wanted)
{
    if (access.view)
    {
        const auto v = access.view();
        for (const auto& s : v.sites)
        {
            if (s.site == wanted)
            {
                return s.site;
            }
        }
        for (const auto& s : v.sites)
        {
            for (const auto& host : s.mx)
            {
                if (host == wanted)
                {
                    return host;
                }
            }
            if (names_site(s, wanted))
            {
                return s.site;
            }
        }
    }
    return std::string(wanted);
}

/// A site that nothing was sent to yet may be listened to: the dialogue comes when it begins.
http::response trace(platform_call& call)
{
    if (const auto known = check_query(call.request(), {"site"}); known.has_error())
    {
        return known.error();
    }
    const auto site = call.request().query.find("site");
    if (!site || site->empty() || site->size() > shaping::suspension_table::id_bytes_max)
    {
        return invalid_parameter("site", "site names what to listen to: ?site=mx.example.jp");
    }
    if (!call.all().queue.trace)
    {
        return delivery_off();
    }
    auto subscription = call.all().queue.trace(listened_name(call.all().queue, *site));
    if (subscription == nullptr)
    {
        return unavailable("too_many_listeners",
                           "Too many listen to SMTP dialogues; close one and try again.");
    }
    http::response out;
    out.content_type = "text/event-stream";
    out.set_header("Cache-Control", "no-store");
    out.set_header("X-Accel-Buffering", "no");
    const auto stream =
        std::make_shared<trace_stream>(std::move(subscription), call.all().clock_source);
    out.stream = [stream]() -> std::optional<std::string> { return stream->next(); };
    return out;
}

} // namespace

void add_platform_trace_routes(http::router& router, services& all)
{
    add_platform_route(router, all, "GET", "/platform/v1/trace", trace);
}

} // namespace hikyaku::api
