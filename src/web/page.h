#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::web
{

enum class language : std::uint8_t
{
    ja,
    en,
};

/// ?lang=ja|en, else the better of the two in Accept-Language (RFC 9110 section 12.5.4), English
/// when it names only others, Japanese when there is none.
[[nodiscard]] language choose_language(const http::request& r);

/// What a page says.
enum class page_kind : std::uint8_t
{
    /// Asks whether to unsubscribe, with the button.
    ask,
    /// It is done.
    done,
    /// The link is not, or no longer, one of ours.
    unknown,
    /// The link comes from a preview.
    preview,
    /// What was sent is not the form; the button again.
    bad_form,
    /// Try again later: too many requests.
    too_many,
    /// Try again later: trouble on our side.
    trouble,
};

/// The page with its headers: not stored, not indexed, nothing but its own form and style.
/// @param sender  who sends the mail, as plain text; may be empty
[[nodiscard]] http::response make_page(unsigned status, page_kind kind, language in,
                                       std::string_view sender = {});

/// Text for HTML, in elements and quoted attributes.
[[nodiscard]] std::string escape_html(std::string_view text);

} // namespace hikyaku::web
