#pragma once

#include <memory>
#include <string>
#include <vector>

#include <hikyaku/base/duration_histogram.h>
#include <hikyaku/campaign/content.h>
#include <hikyaku/crm/contact_row.h>
#include <hikyaku/dkim/signer.h>
#include <hikyaku/template/renderer.h>

namespace hikyaku::campaign
{

/// One recipient's data, as read: what a message is rendered from. The row's bytes are inside, so
/// it can travel to the thread that renders.
struct recipient_data
{
    ordinal who;
    /// As at RCPT.
    std::string path;
    /// Display name in To; only of recipients given by address.
    std::string name;
    /// The contact's row (contacts) or the variables as JSON text (given recipients).
    std::string row;
    /// First attempt, or now.
    wall_time date{};
};

/// A finished message.
struct message
{
    std::string mail_from;
    std::string bytes;
    bool is_8bit = false;
    bool needs_smtputf8 = false;
};

/// Renders, builds and signs messages; keeps its scratch memory. One per thread.
class message_maker
{
public:
    /// `signing` is told how long each message took to sign; may be nullptr, else outlives this.
    explicit message_maker(duration_histogram* signing = nullptr);
    ~message_maker();
    /// @error failure  what the recipient's data did to a template ("text 3:4: divided by 0"), or
    ///                 why it can't be signed. The same recipient and content give the same bytes.
    [[nodiscard]] result<void, failure> make(const content& c, const recipient_data& to,
                                             wall_time now, message& out);
    /// Only the rendered parts, for previews: links to unsubscribe lead to a page that says so.
    struct parts
    {
        std::string subject;
        std::string text;
        std::string html;
    };
    [[nodiscard]] result<parts, failure> preview(const content& c, const recipient_data& to,
                                                 wall_time now);

private:
    struct scratch;
    [[nodiscard]] result<void, failure> render_all(const content& c, const recipient_data& to,
                                                   wall_time now, bool live);
    void make_links(const content& c, const recipient_data& to, bool live);
    void bind(const content& c, const recipient_data& to);

    std::unique_ptr<scratch> scratch_;
    duration_histogram* signing_;
};

} // namespace hikyaku::campaign
