#include <hikyaku/bounce/classifier.h>

#include <hikyaku/base/assert.h>

#include "built_in_lines.h"

namespace hikyaku::bounce
{
namespace
{

std::string_view take_field(std::string_view& text, char separator)
{
    const auto at = text.find(separator);
    const auto field = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
    return field;
}

/// "stage TAB mx TAB domain TAB reply", the first three may be empty.
reply_sample to_sample(std::string_view text)
{
    reply_sample out;
    out.stage = parse_stage(take_field(text, '\t'));
    out.mx = take_field(text, '\t');
    out.domain = take_field(text, '\t');
    out.reply = text;
    return out;
}

/// One line of the embedded file. It was written by the build, so that nothing in it can be wrong.
void read_line(std::string_view line, std::vector<reply_rule>& out)
{
    const auto key = take_field(line, ' ');
    if (key == "rule")
    {
        out.emplace_back().name = line;
        return;
    }
    HK_ASSERT(!out.empty());
    reply_rule& r = out.back();
    if (key == "class")
    {
        r.cls = parse_reply_class(line).value();
    }
    else if (key == "text")
    {
        r.texts.emplace_back(line);
    }
    else if (key == "code")
    {
        r.codes.push_back(parse_code_range(line).value());
    }
    else if (key == "enhanced")
    {
        r.enhanced.push_back(parse_enhanced_range(line).value());
    }
    else if (key == "stage")
    {
        r.stages.push_back(parse_stage(line).value());
    }
    else if (key == "mx")
    {
        r.mx.emplace_back(line);
    }
    else if (key == "domain")
    {
        r.domains.emplace_back(line);
    }
    else if (key == "message")
    {
        r.message = parse_message_effect(line);
    }
    else if (key == "contact")
    {
        r.contact = parse_contact_effect(line);
    }
    else
    {
        HK_ASSERT(key == "matches" || key == "others");
        (key == "matches" ? r.matches : r.others).push_back(to_sample(line));
    }
}

} // namespace

std::vector<reply_rule> built_in_rules()
{
    std::vector<reply_rule> out;
    for (const std::string_view line : built_in_lines())
    {
        read_line(line, out);
    }
    return out;
}

std::shared_ptr<const classifier> built_in()
{
    // Shared: engines, reports and tests keep it, and a reload may replace it in each of them.
    static const std::shared_ptr<const classifier> made = []
    {
        auto compiled = classifier::compile(built_in_rules());
        HK_ASSERT(compiled.has_value());
        return *compiled;
    }();
    return made;
}

} // namespace hikyaku::bounce
