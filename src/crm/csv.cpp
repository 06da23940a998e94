#include <hikyaku/crm/csv.h>

#include <hikyaku/base/assert.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>

namespace hikyaku::crm
{
namespace
{

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr char quote = '"';

bool is_line_end(char c) noexcept
{
    return c == '\n' || c == '\r';
}

} // namespace

csv_parser::csv_parser(char delimiter, position at) : delimiter_(delimiter), at_(at), line_(at.line)
{
    HK_ASSERT(delimiter != quote && !is_line_end(delimiter));
}

void csv_parser::feed(std::string_view chunk, bool last)
{
    HK_ASSERT(!last_);
    fields_.clear();
    raw_ = {};
    buffer_.erase(0, begin_);
    scan_ -= begin_;
    field_ -= std::min(begin_, field_);
    for (cut& c : cuts_)
    {
        c.first -= begin_;
        c.last -= begin_;
    }
    begin_ = 0;
    buffer_.append(chunk);
    last_ = last;
}

csv_parser::event csv_parser::next()
{
    fields_.clear();
    raw_ = {};
    if (step_ == step::between && (!skip_mark() || !skip_blank()))
    {
        return last_ && begin_ == buffer_.size() ? event::end : event::need_more;
    }
    return scan() ? finish_record() : event::need_more;
}

/// False when the first bytes may become a byte order mark with more input.
bool csv_parser::skip_mark()
{
    if (at_.offset != 0)
    {
        return true;
    }
    const auto head = std::string_view(buffer_).substr(begin_, byte_order_mark.size());
    if (head == byte_order_mark)
    {
        begin_ += head.size();
        at_.offset += head.size();
        return true;
    }
    return last_ || !byte_order_mark.starts_with(head);
}

/// Skips empty lines. True when a record begins at begin_.
bool csv_parser::skip_blank()
{
    while (begin_ < buffer_.size() && is_line_end(buffer_[begin_]))
    {
        const std::size_t size = line_end_size(begin_);
        if (size == 0)
        {
            scan_ = begin_;
            return false;
        }
        begin_ += size;
        at_.offset += size;
        ++at_.line;
    }
    scan_ = begin_;
    field_ = begin_;
    if (begin_ == buffer_.size())
    {
        return false;
    }
    step_ = step::field_start;
    return true;
}

/// 1 or 2; 0 when the next chunk may go on with LF after the CR. @pre a line end is there
std::size_t csv_parser::line_end_size(std::size_t at) const noexcept
{
    if (buffer_[at] == '\n')
    {
        return 1;
    }
    if (at + 1 == buffer_.size())
    {
        return last_ ? 1 : 0;
    }
    return buffer_[at + 1] == '\n' ? 2 : 1;
}

/// Goes on until the record is complete or input ran out (false).
bool csv_parser::scan()
{
    bool moving = true;
    while (moving && step_ != step::complete)
    {
        switch (step_)
        {
        case step::field_start:
            moving = start_field();
            break;
        case step::plain:
            moving = scan_plain();
            break;
        case step::quoted:
            moving = scan_quoted();
            break;
        case step::after_quote:
            moving = scan_after_quote();
            break;
        case step::skipping:
            moving = skip_line();
            break;
        case step::between:
        case step::complete:
            HK_ASSERT(false);
        }
        if (!failed_ && scan_ - begin_ > csv_record_bytes_max)
        {
            fail(step_ == step::quoted ? csv_errc::unclosed_quote : csv_errc::record_too_long);
            moving = true;
        }
    }
    return step_ == step::complete;
}

bool csv_parser::start_field()
{
    if (scan_ == buffer_.size() && !last_)
    {
        return false;
    }
    field_ = scan_;
    field_escaped_ = false;
    step_ = step::plain;
    if (scan_ < buffer_.size() && buffer_[scan_] == quote)
    {
        field_ = ++scan_;
        record_quoted_ = true;
        step_ = step::quoted;
    }
    return true;
}

bool csv_parser::scan_plain()
{
    while (scan_ < buffer_.size())
    {
        const char c = buffer_[scan_];
        if (c == delimiter_)
        {
            close_field(scan_);
            ++scan_;
            step_ = step::field_start;
            return true;
        }
        if (is_line_end(c))
        {
            return end_record(scan_);
        }
        if (c == quote)
        {
            fail(csv_errc::bad_quote);
            return true;
        }
        ++scan_;
    }
    return last_ && end_record(scan_);
}

bool csv_parser::scan_quoted()
{
    const std::size_t at = buffer_.find(quote, scan_);
    if (at != std::string::npos)
    {
        scan_ = at + 1;
        step_ = step::after_quote;
        return true;
    }
    scan_ = buffer_.size();
    if (last_)
    {
        fail(csv_errc::unclosed_quote);
    }
    return last_;
}

bool csv_parser::scan_after_quote()
{
    if (scan_ == buffer_.size())
    {
        return last_ && end_record(scan_ - 1);
    }
    const char c = buffer_[scan_];
    if (c == quote)
    {
        field_escaped_ = true;
        ++scan_;
        step_ = step::quoted;
        return true;
    }
    if (c == delimiter_)
    {
        close_field(scan_ - 1);
        ++scan_;
        step_ = step::field_start;
        return true;
    }
    if (is_line_end(c))
    {
        return end_record(scan_ - 1);
    }
    fail(csv_errc::bad_quote);
    return true;
}

/// The record ends at scan_: a line end, or the end of the file. False when CR may become CR LF.
bool csv_parser::end_record(std::size_t field_last)
{
    const bool at_end = scan_ == buffer_.size();
    const std::size_t size = at_end ? 0 : line_end_size(scan_);
    if (size == 0 && !at_end)
    {
        return false;
    }
    if (!failed_)
    {
        close_field(field_last);
    }
    record_end_ = scan_;
    scan_ += size;
    step_ = step::complete;
    return true;
}

void csv_parser::close_field(std::size_t last)
{
    if (cuts_.size() == csv_columns_max)
    {
        too_many_ = true;
        return;
    }
    cuts_.push_back({field_, last, field_escaped_});
}

/// Gives the record up: what follows is looked for on the line after the one it began on, so that
/// a stray quote costs one line and not the rest of the file.
void csv_parser::fail(csv_errc e) noexcept
{
    failed_ = e;
    cuts_.clear();
    scan_ = begin_;
    step_ = step::skipping;
}

bool csv_parser::skip_line()
{
    const std::size_t at = buffer_.find_first_of("\r\n", scan_);
    scan_ = std::min(at, buffer_.size());
    if (scan_ < buffer_.size() || last_)
    {
        return end_record(scan_);
    }
    const std::size_t keep = begin_ + csv_record_bytes_max;
    if (scan_ > keep)
    {
        dropped_ += scan_ - keep;
        buffer_.resize(keep);
        scan_ = keep;
    }
    return false;
}

csv_parser::event csv_parser::finish_record()
{
    raw_ = std::string_view(buffer_).substr(begin_, record_end_ - begin_);
    line_ = at_.line;
    at_.offset += scan_ - begin_ + dropped_;
    at_.line += 1 + (failed_ ? 0 : count_lines());
    ++at_.records;
    const auto wrong = failed_ ? failed_ : check_record();
    if (wrong)
    {
        error_ = *wrong;
        raw_ = raw_.substr(0, csv_record_bytes_max);
    }
    else
    {
        build_fields();
    }
    cuts_.clear();
    begin_ = scan_;
    dropped_ = 0;
    failed_.reset();
    record_quoted_ = false;
    too_many_ = false;
    step_ = step::between;
    return wrong ? event::bad_record : event::record;
}

/// Line ends inside the quoted fields of the record.
std::uint64_t csv_parser::count_lines() const noexcept
{
    std::uint64_t lines = 0;
    if (record_quoted_)
    {
        for (std::size_t i = 0; i < raw_.size(); ++i)
        {
            const bool before_lf = i + 1 < raw_.size() && raw_[i + 1] == '\n';
            lines += raw_[i] == '\n' || (raw_[i] == '\r' && !before_lf) ? 1 : 0;
        }
    }
    return lines;
}

std::optional<csv_errc> csv_parser::check_record() const
{
    const auto too_long = [](const cut& c) { return c.last - c.first > csv_field_bytes_max; };
    if (raw_.find('\0') != std::string_view::npos)
    {
        return csv_errc::nul_byte;
    }
    if (check_utf8_ && !text::is_valid_utf8(raw_))
    {
        return csv_errc::invalid_utf8;
    }
    if (too_many_)
    {
        return csv_errc::too_many_columns;
    }
    if (raw_.size() > csv_field_bytes_max && std::any_of(cuts_.begin(), cuts_.end(), too_long))
    {
        return csv_errc::field_too_long;
    }
    return columns_ != 0 && cuts_.size() != columns_ ? std::optional(csv_errc::wrong_column_count)
                                                     : std::nullopt;
}

void csv_parser::build_fields()
{
    unescaped_.clear();
    // Never more than the record: the views stay while it fills.
    unescaped_.reserve(raw_.size());
    const std::string_view all = buffer_;
    for (const cut& c : cuts_)
    {
        const auto text = all.substr(c.first, c.last - c.first);
        if (!c.unescape)
        {
            fields_.push_back(text);
            continue;
        }
        const std::size_t first = unescaped_.size();
        for (std::size_t i = 0; i < text.size(); ++i)
        {
            unescaped_.push_back(text[i]);
            i += text[i] == quote ? 1 : 0;
        }
        fields_.push_back(std::string_view(unescaped_).substr(first));
    }
}

} // namespace hikyaku::crm
