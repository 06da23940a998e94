#include <hikyaku/cli/diagnose.h>

#include <ostream>

#include <hikyaku/bounce/classifier.h>
#include <hikyaku/bounce/reply_line.h>
#include <hikyaku/config/load.h>

#include "input.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

bool is_blank(std::string_view line)
{
    return line.find_first_not_of(" \t") == std::string_view::npos;
}

/// "550-…", unless the last line of the reply is in it as well: "550-a 550 b".
bool is_unfinished(std::string_view line, const bounce::reply_line& one)
{
    const auto begin = line.find_first_not_of(" \t");
    if (one.code == 0 || line.size() <= begin + 3 || line[begin + 3] != '-')
    {
        return false;
    }
    const std::string code(line.substr(begin, 3));
    return one.text.find(' ' + code + ' ') == std::string_view::npos;
}

/// Whether the second line can belong to the reply that the first one begins.
bool goes_on(const bounce::reply_line& one, const bounce::reply_line& next)
{
    return one.code == next.code &&
           (!one.enhanced.present() || !next.enhanced.present() || one.enhanced == next.enhanced);
}

/// Replies of several lines are joined only when every "550-…" has its next line: lists of replies,
/// one per line, hold first lines of longer ones.
bool is_as_on_the_wire(const std::vector<std::string_view>& lines)
{
    for (std::size_t i = 0; i < lines.size(); ++i)
    {
        const auto one = bounce::split_reply(lines[i]);
        if (is_unfinished(lines[i], one) &&
            (i + 1 == lines.size() || !goes_on(one, bounce::split_reply(lines[i + 1]))))
        {
            return false;
        }
    }
    return true;
}

std::vector<std::string_view> to_lines(std::string_view content)
{
    std::vector<std::string_view> out;
    while (!content.empty())
    {
        const auto at = content.find('\n');
        auto line = content.substr(0, at);
        content.remove_prefix(at == std::string_view::npos ? content.size() : at + 1);
        if (line.ends_with('\r'))
        {
            line.remove_suffix(1);
        }
        out.push_back(line);
    }
    return out;
}

/// "\n" and "\r" as two characters become line ends, and the codes of the lines behind go.
std::string unescape(std::string_view line)
{
    std::string out;
    const auto code = line.substr(0, 3);
    while (!line.empty())
    {
        const auto at = line.find('\\');
        out += line.substr(0, at);
        line.remove_prefix(at == std::string_view::npos ? line.size() : at);
        if (line.starts_with("\\r"))
        {
            line.remove_prefix(2);
        }
        else if (line.starts_with("\\n"))
        {
            line.remove_prefix(2);
            out += '\n';
            const bool same =
                line.starts_with(code) && line.size() > 3 && (line[3] == '-' || line[3] == ' ');
            line.remove_prefix(same ? 4 : 0);
        }
        else if (!line.empty())
        {
            out += line.front();
            line.remove_prefix(1);
        }
    }
    return out;
}

/// Logs and reports put words before a reply: "host mx.example said: 550 5.1.1 …", "smtp; 550 …".
/// @returns the line from its code on; the whole line when there is none
std::string_view from_code(std::string_view line)
{
    constexpr std::string_view before = " \t;:<([\"'";
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    for (std::size_t i = 1; i + 3 < line.size(); ++i)
    {
        if (before.find(line[i - 1]) != std::string_view::npos &&
            (line[i] == '4' || line[i] == '5') && is_digit(line[i + 1]) && is_digit(line[i + 2]) &&
            (line[i + 3] == ' ' || line[i + 3] == '-'))
        {
            return line.substr(i);
        }
    }
    return line;
}

class printer
{
public:
    printer(const classify_options& o, const bounce::classifier& c, std::ostream& out)
        : options_(o), rules_(c), stage_(bounce::parse_stage(o.stage).value()), out_(out)
    {
    }

    void print(int code, const smtp::enhanced_code& enhanced, std::string_view text)
    {
        const auto found = enhanced.present() ? enhanced : bounce::find_enhanced_code(text, code);
        const auto v =
            rules_.classify({stage_, code, enhanced, text, options_.mx, options_.domain});
        if (options_.json)
        {
            out_ << json_line()
                        .number("code", static_cast<std::size_t>(code))
                        .text("enhanced", smtp::format_enhanced_code(found))
                        .text("class", to_string(v.cls))
                        .text("message", to_string(v.message))
                        .text("contact", to_string(v.contact))
                        .finish();
            return;
        }
        out_ << code << ' '
             << (found.present() ? smtp::format_enhanced_code(found) : std::string("-")) << ' '
             << to_string(v.cls) << " message=" << to_string(v.message)
             << " contact=" << to_string(v.contact) << " rule=" << (v.rule.empty() ? "-" : v.rule)
             << ": " << printable(text.substr(0, shown_max)) << '\n';
    }

    void read(std::string_view content)
    {
        const auto lines = to_lines(content);
        const bool joined = is_as_on_the_wire(lines);
        for (std::size_t i = 0; i < lines.size(); ++i)
        {
            if (is_blank(lines[i]))
            {
                continue;
            }
            std::string whole = unescape(lines[i]);
            auto one = bounce::split_reply(whole);
            std::string text(one.text);
            while (joined && is_unfinished(lines[i], one))
            {
                one = bounce::split_reply(lines[++i]);
                text += '\n';
                text += one.text;
            }
            const auto first = bounce::split_reply(whole);
            if (first.code == 0)
            {
                const auto inside = bounce::split_reply(from_code(text));
                print(inside.code, inside.enhanced, inside.text);
                continue;
            }
            print(first.code, first.enhanced, text);
        }
    }

private:
    static constexpr std::size_t shown_max = 200;

    const classify_options& options_;
    const bounce::classifier& rules_;
    smtp::stage stage_;
    std::ostream& out_;
};

} // namespace

int run_classify(const classify_options& options, std::istream& in, std::ostream& out,
                 std::ostream& err)
{
    if (!bounce::parse_stage(options.stage))
    {
        err << "no stage of a session: " << printable(options.stage) << '\n';
        return exit_usage;
    }
    const auto rules = config::load_bounce_rules(options.rules);
    if (rules.has_error())
    {
        err << config::to_string(rules.error()) << '\n';
        return exit_usage;
    }
    printer p(options, **rules, out);
    const auto files = options.files.empty() ? std::vector<std::string>{"-"} : options.files;
    for (const auto& file : files)
    {
        const auto content = read_input(file, in);
        if (content.has_error())
        {
            err << printable(content.error().text) << '\n';
            return exit_usage;
        }
        p.read(*content);
    }
    return exit_ok;
}

} // namespace hikyaku::cli
