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

/// Joins the lines of a reply. A line "550-…" goes on in the next when that has the same code.
class reply_joiner
{
public:
    template <class Visitor> void add_line(std::string_view line, Visitor visit)
    {
        if (line.find_first_not_of(" \t") == std::string_view::npos)
        {
            flush(visit);
            return;
        }
        const auto one = bounce::split_reply(line);
        if (goes_on_ && (one.code != code_ || one.code == 0))
        {
            flush(visit);
        }
        if (goes_on_)
        {
            text_ += '\n';
            text_ += one.text;
        }
        else
        {
            code_ = one.code;
            enhanced_ = one.enhanced;
            text_ = one.text;
        }
        goes_on_ = is_unfinished(line, one);
        if (!goes_on_)
        {
            visit(code_, enhanced_, text_);
        }
    }
    template <class Visitor> void flush(Visitor visit)
    {
        if (goes_on_)
        {
            goes_on_ = false;
            visit(code_, enhanced_, text_);
        }
    }

private:
    /// "550-…", unless the last line of the reply is in it as well: "550-a 550 b".
    static bool is_unfinished(std::string_view line, const bounce::reply_line& one)
    {
        const auto begin = line.find_first_not_of(" \t");
        if (one.code == 0 || line.size() <= begin + 3 || line[begin + 3] != '-')
        {
            return false;
        }
        const std::string code(line.substr(begin, 3));
        return one.text.find(' ' + code + ' ') == std::string_view::npos;
    }

    bool goes_on_ = false;
    int code_ = 0;
    smtp::enhanced_code enhanced_;
    std::string text_;
};

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
        const auto show = [this](int code, const smtp::enhanced_code& enhanced,
                                 std::string_view text) { print(code, enhanced, text); };
        reply_joiner joiner;
        while (!content.empty())
        {
            const auto at = content.find('\n');
            auto line = content.substr(0, at);
            content.remove_prefix(at == std::string_view::npos ? content.size() : at + 1);
            if (line.ends_with('\r'))
            {
                line.remove_suffix(1);
            }
            if (line.find("\\n") == std::string_view::npos)
            {
                joiner.add_line(line, show);
                continue;
            }
            joiner.flush(show);
            const std::string whole = unescape(line);
            const auto one = bounce::split_reply(whole);
            print(one.code, one.enhanced, one.text);
        }
        joiner.flush(show);
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
