#include <hikyaku/mime/entity.h>

#include <algorithm>
#include <unordered_map>

#include <hikyaku/text/case.h>

#include "raw_line.h"

namespace hikyaku::mime
{

namespace
{

/// RFC 2046 section 5.1.1 says 70; people write longer ones.
constexpr std::size_t boundary_bytes_max = 255;
/// How far into a body a boundary that the header doesn't tell is looked for.
constexpr std::size_t boundary_search_bytes_max = 64u << 10;

/// Reads one message front to back. Open multiparts and messages are a stack; a line that may be a
/// boundary is looked up in one step, however many are open.
class message_parser
{
public:
    explicit message_parser(std::string_view bytes) noexcept : rest_(bytes) {}

    parsed_message parse()
    {
        skip_envelope_line();
        open("text/plain");
        while (!rest_.empty())
        {
            const char* const start = rest_.data();
            const std::string_view line = take_raw_line(rest_);
            if (line.size() > 2 && line[0] == '-' && line[1] == '-' && !stack_.empty())
            {
                meet(line, start);
            }
        }
        close_down_to(0, rest_.data());
        return std::move(out_);
    }

private:
    /// An open entity whose end is not known yet.
    struct open_entity
    {
        std::size_t index = 0;
        const char* body = nullptr;
        std::string boundary;           ///< "" for a message and a leaf
        std::size_t hidden = no_parent; ///< what the same boundary meant outside
        bool read_past = false;         ///< beyond parts_max: not told
    };

    /// "From x Mon Jan…" of an mbox, ">From ", and empty lines that some hosts put first.
    void skip_envelope_line()
    {
        if (rest_.starts_with("\xEF\xBB\xBF"))
        {
            rest_.remove_prefix(3);
        }
        rest_.remove_prefix(std::min(rest_.find_first_not_of("\r\n"), rest_.size()));
        while (rest_.starts_with("From ") || rest_.starts_with(">From "))
        {
            static_cast<void>(take_raw_line(rest_));
        }
    }

    /// Reads a header at rest_ and opens the entity; a message within is opened with it.
    void open(std::string_view default_media)
    {
        while (true)
        {
            open_entity made;
            made.read_past = out_.parts.size() >= parts_max;
            if (made.read_past)
            {
                out_.truncated = true;
                // Its header is read like text: it can hold no part that is told.
                made.body = rest_.data();
                stack_.push_back(std::move(made));
                return;
            }
            entity part;
            part.depth = depth_;
            part.parent = stack_.empty() ? no_parent : stack_.back().index;
            if (part.parent != no_parent)
            {
                ++out_.parts[part.parent].children;
            }
            const std::string_view before = rest_;
            part.header = take_header();
            part.type = parse_content_type(part.header.find("Content-Type").value_or(""));
            if (part.type.media.empty())
            {
                part.type.media = default_media;
            }
            made.index = out_.parts.size();
            made.body = rest_.data();
            const bool can_nest = depth_ < nesting_max;
            const bool goes_on = can_nest && part.is_message() && is_identity(part.header);
            if (can_nest && part.is_multipart())
            {
                made.boundary = boundary_of(part);
            }
            out_.truncated =
                out_.truncated || (!can_nest && (part.is_multipart() || part.is_message()));
            out_.parts.push_back(std::move(part));
            ++depth_;
            if (!made.boundary.empty())
            {
                const auto [at, is_new] = boundaries_.try_emplace(made.boundary, stack_.size());
                made.hidden = is_new ? no_parent : std::exchange(at->second, stack_.size());
            }
            stack_.push_back(std::move(made));
            if (!goes_on || rest_.empty() || before.data() == rest_.data())
            {
                return;
            }
            skip_envelope_line();
            default_media = "text/plain";
        }
    }

    /// A boundary ends a header too: it may be all there is of a part.
    header_block take_header()
    {
        const std::size_t left = message_fields_max - std::min(message_fields_max, fields_);
        header_block made = header_block::take(rest_, left);
        fields_ += made.fields().size();
        out_.truncated = out_.truncated || left == made.fields().size();
        return made;
    }

    static bool is_identity(const header_block& header)
    {
        const std::string encoding =
            parse_content_type(header.find("Content-Transfer-Encoding").value_or("")).media;
        return encoding != "base64" && encoding != "quoted-printable";
    }

    std::string boundary_of(const entity& part) const
    {
        std::string told(part.type.get("boundary"));
        while (!told.empty() && (told.back() == ' ' || told.back() == '\t'))
        {
            told.pop_back();
        }
        // Only once: looking ahead for each part would not be linear.
        if (depth_ > 0 || (!told.empty() && is_used(told)))
        {
            return told.size() > boundary_bytes_max ? std::string() : told;
        }
        return guess_boundary();
    }

    bool is_used(const std::string& boundary) const
    {
        const std::string mark = "--" + boundary;
        std::size_t at = rest_.find(mark);
        while (at != std::string_view::npos && at > 0 && rest_[at - 1] != '\n')
        {
            at = rest_.find(mark, at + 1);
        }
        return at != std::string_view::npos;
    }

    /// The first line that starts like a boundary and has a part's header behind it.
    std::string guess_boundary() const
    {
        std::string_view body = rest_.substr(0, boundary_search_bytes_max);
        while (!body.empty())
        {
            const std::string_view line = trim_blanks(take_raw_line(body));
            if (line.size() > 2 && line.size() <= boundary_bytes_max && line.starts_with("--") &&
                line.find(' ') == std::string_view::npos &&
                text::ascii_iequals(body.substr(0, 8), "Content-"))
            {
                return std::string(line.substr(2));
            }
        }
        return {};
    }

    /// A line that starts with "--".
    void meet(std::string_view line, const char* start)
    {
        std::string_view mark = line.substr(2);
        while (!mark.empty() && (mark.back() == ' ' || mark.back() == '\t'))
        {
            mark.remove_suffix(1);
        }
        if (mark.size() > boundary_bytes_max + 2)
        {
            return;
        }
        auto found = boundaries_.find(std::string(mark));
        bool closing = false;
        if (found == boundaries_.end() && mark.ends_with("--"))
        {
            mark.remove_suffix(2);
            found = boundaries_.find(std::string(mark));
            closing = true;
        }
        if (found == boundaries_.end())
        {
            return;
        }
        const std::size_t level = found->second;
        close_down_to(level + 1, start);
        depth_ = out_.parts[stack_[level].index].depth + 1;
        if (closing)
        {
            forget_boundary(stack_[level]);
            return;
        }
        const bool digest = out_.parts[stack_[level].index].type.media == "multipart/digest";
        open(digest ? "message/rfc822" : "text/plain");
    }

    void forget_boundary(open_entity& closing)
    {
        if (closing.boundary.empty())
        {
            return;
        }
        if (closing.hidden != no_parent)
        {
            boundaries_[closing.boundary] = closing.hidden;
        }
        else
        {
            boundaries_.erase(closing.boundary);
        }
        closing.boundary.clear();
    }

    /// Ends the bodies of all that is open at `level` and above, before the line end at `end`.
    void close_down_to(std::size_t level, const char* end)
    {
        while (stack_.size() > level)
        {
            open_entity& last = stack_.back();
            if (!last.read_past)
            {
                const char* const stop = std::max(end, last.body);
                std::string_view body(last.body, static_cast<std::size_t>(stop - last.body));
                if (level > 0)
                {
                    // The line end before a boundary belongs to the boundary.
                    body.remove_suffix(body.ends_with('\n') ? 1 : 0);
                    body.remove_suffix(body.ends_with('\r') ? 1 : 0);
                }
                out_.parts[last.index].body = body;
            }
            forget_boundary(last);
            stack_.pop_back();
        }
    }

    std::string_view rest_;
    parsed_message out_;
    std::vector<open_entity> stack_;
    /// Boundary to place in stack_, the innermost.
    std::unordered_map<std::string, std::size_t> boundaries_;
    std::size_t depth_ = 0;
    std::size_t fields_ = 0;
};

} // namespace

parsed_message parse_message(std::string_view bytes)
{
    return message_parser(bytes).parse();
}

} // namespace hikyaku::mime
