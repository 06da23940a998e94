#include <memory>

#include <unicode/brkiter.h>
#include <unicode/uchar.h>
#include <unicode/utext.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/utf8.h>

#include "icu_string.h"

namespace hikyaku::text
{

namespace
{

constexpr char32_t zero_width_joiner = 0x200D;

/// Making one costs as much as reading a long text, and one can't serve two threads: one each.
icu::BreakIterator& grapheme_iterator()
{
    thread_local const std::unique_ptr<icu::BreakIterator> iterator = []
    {
        UErrorCode status = U_ZERO_ERROR;
        std::unique_ptr<icu::BreakIterator> made(
            icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
        HK_ASSERT(U_SUCCESS(status) && made != nullptr);
        return made;
    }();
    return *iterator;
}

/// A view of UTF-8 for ICU, and the iterator set on it. Positions are byte offsets.
class grapheme_borders
{
public:
    explicit grapheme_borders(std::string_view utf8) : iterator_(grapheme_iterator())
    {
        UErrorCode status = U_ZERO_ERROR;
        const char* const bytes = utf8.empty() ? "" : utf8.data();
        utext_openUTF8(&text_, bytes, to_icu_size(utf8.size()), &status);
        HK_ASSERT(U_SUCCESS(status));
        iterator_.setText(&text_, status);
        HK_ASSERT(U_SUCCESS(status));
    }
    ~grapheme_borders() { utext_close(&text_); }
    grapheme_borders(const grapheme_borders&) = delete;
    grapheme_borders& operator=(const grapheme_borders&) = delete;

    icu::BreakIterator& operator*() noexcept { return iterator_; }

private:
    icu::BreakIterator& iterator_;
    UText text_ = UTEXT_INITIALIZER;
};

} // namespace

bool extends_grapheme(char32_t value) noexcept
{
    if (value < 0x300)
    {
        return false;
    }
    const auto c = static_cast<UChar32>(value);
    return value == zero_width_joiner || u_hasBinaryProperty(c, UCHAR_GRAPHEME_EXTEND) != 0 ||
           u_hasBinaryProperty(c, UCHAR_EMOJI_MODIFIER) != 0 ||
           u_charType(c) == U_COMBINING_SPACING_MARK;
}

std::string_view truncate_graphemes(std::string_view utf8, std::size_t bytes_max)
{
    if (utf8.size() <= bytes_max)
    {
        return utf8;
    }
    std::size_t end = bytes_max;
    while (end > 0 && (static_cast<unsigned char>(utf8[end]) & 0xC0U) == 0x80U)
    {
        --end;
    }
    // One code point decides about the border before it. ICU would run over all that follows.
    grapheme_borders borders(utf8.substr(0, end + first_code_point(utf8.substr(end)).size));
    const std::int32_t at = to_icu_size(end);
    const std::int32_t border = (*borders).isBoundary(at) != 0 ? at : (*borders).preceding(at);
    return utf8.substr(0, border > 0 ? static_cast<std::size_t>(border) : 0);
}

std::size_t count_graphemes(std::string_view utf8)
{
    grapheme_borders borders(utf8);
    std::size_t count = 0;
    while ((*borders).next() != icu::BreakIterator::DONE)
    {
        ++count;
    }
    return count;
}

} // namespace hikyaku::text
