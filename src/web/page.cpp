#include "page.h"

#include <hikyaku/base/assert.h>
#include <hikyaku/crypto/base64.h>
#include <hikyaku/crypto/sha256.h>

#include <array>

namespace hikyaku::web
{
namespace
{

constexpr std::string_view style =
    "body{margin:0;background:#f4f4f2;color:#1c1c1c;"
    "font:1rem/1.7 system-ui,-apple-system,\"Hiragino Sans\",\"Noto Sans JP\",Meiryo,sans-serif}"
    "main{max-width:34rem;margin:3rem auto;padding:2rem;background:#fff;border:1px solid #d4d4d0;"
    "border-radius:.5rem}"
    "h1{margin-top:0;font-size:1.4rem;line-height:1.4}"
    "button{min-height:2.75rem;padding:.5rem 1.5rem;font:inherit;font-weight:600;color:#fff;"
    "background:#0b57a4;border:0;border-radius:.375rem;cursor:pointer}"
    "button:focus-visible,a:focus-visible{outline:3px solid #f2a900;outline-offset:2px}"
    "a{color:#0b57a4}"
    ".note{color:#555}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}"
    "main{background:#222;border-color:#444}a{color:#8ec1f5}.note{color:#bbb}}"
    "@media(max-width:36rem){main{margin:0;border:0;border-radius:0}}";

/// One page in one language. "%" stands for the sender.
struct words
{
    std::string_view title;
    /// With a sender's name, and when none is known.
    std::string_view text;
    std::string_view text_without_sender;
    std::string_view note;
};

constexpr std::string_view button_ja = "配信を停止する";
constexpr std::string_view button_en = "Unsubscribe";

const words& words_of(page_kind kind, language in) noexcept
{
    static constexpr std::array<words, 2> ask{
        {{"メールの配信停止",
          "「%」からのメールの配信を停止します。よろしければ、下のボタンを押してください。",
          "このメールの配信を停止します。よろしければ、下のボタンを押してください。",
          "このページを開いただけでは、配信は停止されません。"},
         {"Unsubscribe", "Press the button to stop getting mail from “%”.",
          "Press the button to stop getting this mail.",
          "Opening this page alone changes nothing."}}};
    static constexpr std::array<words, 2> done{
        {{"配信を停止しました", "「%」からのメールの配信を停止しました。",
          "メールの配信を停止しました。",
          "もう一度受け取りたいときは、送信者にお申し込みください。"
          "このページは閉じてかまいません。"},
         {"You are unsubscribed", "You will get no more mail from “%”.",
          "You will get no more of this mail.",
          "To get it again, please ask the sender. You can close this page."}}};
    static constexpr std::array<words, 2> unknown{
        {{"このリンクは使えません", "", "リンクが途中で切れているか、もう有効ではありません。",
          "メールに書かれているリンク全体を開くか、送信者にお問い合わせください。"},
         {"This link does not work", "", "It is incomplete, or not valid any more.",
          "Please open the whole link in the mail, or ask the sender."}}};
    static constexpr std::array<words, 2> preview{
        {{"プレビュー用のリンクです", "",
          "送信されたメールでは、ここに配信停止のページが表示されます。", ""},
         {"A link of a preview", "",
          "In mail that was sent, the page to unsubscribe is shown here.", ""}}};
    static constexpr std::array<words, 2> too_many{
        {{"しばらくお待ちください", "",
          "アクセスが集中しています。少し待ってからもう一度お試しください。", ""},
         {"Please wait a moment", "", "There are too many requests. Please try again in a while.",
          ""}}};
    static constexpr std::array<words, 2> trouble{
        {{"処理できませんでした", "",
          "配信はまだ停止されていません。少し待ってからもう一度お試しください。", ""},
         {"That did not work", "", "You are not unsubscribed yet. Please try again in a while.",
          ""}}};
    const auto i = static_cast<std::size_t>(in);
    switch (kind)
    {
    case page_kind::ask:
    case page_kind::bad_form:
        return ask[i];
    case page_kind::done:
        return done[i];
    case page_kind::unknown:
        return unknown[i];
    case page_kind::preview:
        return preview[i];
    case page_kind::too_many:
        return too_many[i];
    case page_kind::trouble:
        return trouble[i];
    }
    HK_ASSERT(false);
}

bool has_button(page_kind kind) noexcept
{
    return kind == page_kind::ask || kind == page_kind::bad_form;
}

std::string body_text(const words& w, std::string_view sender)
{
    if (sender.empty() || w.text.empty())
    {
        return std::string(w.text_without_sender);
    }
    // Apart, so that a name in another direction leaves the sentence as it is.
    std::string out(w.text);
    out.replace(out.find('%'), 1, "<bdi>" + escape_html(sender) + "</bdi>");
    return out;
}

/// No action: it goes to the page's own URL, whatever path a proxy shows it under.
std::string form_of(language in)
{
    return "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
           "value=\"One-Click\"><input type=\"hidden\" name=\"from\" value=\"page\">"
           "<p><button type=\"submit\">" +
           std::string(in == language::ja ? button_ja : button_en) + "</button></p></form>";
}

std::string other_language(language in)
{
    return in == language::ja
               ? "<p><a href=\"?lang=en\" hreflang=\"en\" lang=\"en\">English</a></p>"
               : "<p><a href=\"?lang=ja\" hreflang=\"ja\" lang=\"ja\">日本語</a></p>";
}

std::string html_of(page_kind kind, language in, std::string_view sender)
{
    const auto& w = words_of(kind, in);
    std::string out = "<!doctype html>\n<html lang=\"";
    out += in == language::ja ? "ja" : "en";
    out += "\"><head><meta charset=\"utf-8\">"
           "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
           "<meta name=\"robots\" content=\"noindex,nofollow\">"
           "<title>";
    out.append(w.title).append("</title><style>").append(style).append("</style></head><body>");
    out.append("<main><h1>").append(w.title).append("</h1><p>").append(body_text(w, sender));
    out += "</p>";
    out += has_button(kind) ? form_of(in) : "";
    if (!w.note.empty())
    {
        out.append("<p class=\"note\">").append(w.note).append("</p>");
    }
    out += has_button(kind) ? other_language(in) : "";
    out += "</main></body></html>\n";
    return out;
}

const std::string& content_policy()
{
    static const std::string text =
        "default-src 'none'; style-src 'sha256-" +
        crypto::encode_base64(crypto::as_bytes(crypto::sha256(style))) +
        "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    return text;
}

} // namespace

std::string escape_html(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text)
    {
        switch (c)
        {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        case '\'':
            out += "&#39;";
            break;
        default:
            out.push_back(c);
        }
    }
    return out;
}

http::response make_page(unsigned status, page_kind kind, language in, std::string_view sender)
{
    auto out = http::response::text(status, "text/html; charset=utf-8", html_of(kind, in, sender));
    out.headers = {{"Content-Security-Policy", content_policy()},
                   {"Content-Language", in == language::ja ? "ja" : "en"},
                   {"Cache-Control", "no-store"},
                   {"Vary", "Accept-Language"},
                   {"Referrer-Policy", "no-referrer"},
                   {"X-Robots-Tag", "noindex, nofollow, noarchive"},
                   {"X-Frame-Options", "DENY"},
                   {"Cross-Origin-Resource-Policy", "same-origin"}};
    return out;
}

} // namespace hikyaku::web
