#include <hikyaku/config/load.h>

#include "document.h"
#include "forms.h"

namespace hikyaku::config
{
namespace
{

using names = std::vector<std::string>;

constexpr std::uint64_t rules_version = 1;

std::vector<YAML::Node> one_or_more(document& doc, const entry& e, std::string_view expected)
{
    if (e.value.IsScalar() || e.value.IsMap())
    {
        return {e.value};
    }
    return read_list(doc, e.value, e.path, expected);
}

/// Each scalar through `parse`, which gives an optional or a result.
template <class Parse, class T>
void read_each(document& doc, const entry& e, std::string_view expected, Parse parse,
               std::vector<T>& out)
{
    for (const auto& item : one_or_more(doc, e, expected))
    {
        const auto text = read_scalar(doc, item, e.path, expected);
        if (!text)
        {
            continue;
        }
        auto value = parse(*text);
        if (!value)
        {
            doc.fail(item.Mark(), e.path,
                     "expected " + std::string(expected) + ", found " + quote(*text));
            continue;
        }
        out.push_back(std::move(*value));
    }
}

std::optional<std::string> as_it_is(std::string text)
{
    return text;
}

template <class Parse, class T>
void read_word(document& doc, const entry& e, std::string_view expected, Parse parse, T& out)
{
    const auto text = read_scalar(doc, e.value, e.path, expected);
    const auto value = text ? parse(*text) : std::nullopt;
    if (text && !value)
    {
        doc.fail(e.value.Mark(), e.path,
                 "expected " + std::string(expected) + ", found " + quote(*text));
    }
    if (value)
    {
        out = *value;
    }
}

constexpr std::string_view stage_names =
    "connect, banner, ehlo, starttls, tls, mail, rcpt, data, body or final_dot";

bounce::reply_sample read_sample(document& doc, const YAML::Node& node, const std::string& path)
{
    static const names known{"reply", "stage", "mx", "domain"};
    bounce::reply_sample out;
    if (!node.IsMap())
    {
        out.reply = read_scalar(doc, node, path, "a reply").value_or("");
        return out;
    }
    for (const auto& e : read_map(doc, node, path, &known))
    {
        if (e.name == "stage")
        {
            read_word(doc, e, stage_names, bounce::parse_stage, out.stage);
        }
        else
        {
            auto text = read_scalar(doc, e.value, e.path, "a text").value_or("");
            (e.name == "reply" ? out.reply
             : e.name == "mx"  ? out.mx
                               : out.domain) = std::move(text);
        }
    }
    return out;
}

void read_samples(document& doc, const entry& e, std::vector<bounce::reply_sample>& out)
{
    for (const auto& item : one_or_more(doc, e, "a reply or a list of them"))
    {
        out.push_back(read_sample(doc, item, e.path));
    }
}

void read_condition(document& doc, const entry& e, bounce::reply_rule& out)
{
    if (e.name == "text")
    {
        read_each(doc, e, "an expression", as_it_is, out.texts);
    }
    else if (e.name == "code")
    {
        read_each(doc, e, "a code such as 550, 55x or 5xx, or none", bounce::parse_code_range,
                  out.codes);
    }
    else if (e.name == "enhanced")
    {
        read_each(doc, e, "an enhanced code such as 5.1.1, *.7.1 or *.7.20-26",
                  bounce::parse_enhanced_range, out.enhanced);
    }
    else if (e.name == "stage")
    {
        read_each(doc, e, stage_names, bounce::parse_stage, out.stages);
    }
    else
    {
        read_each(doc, e, "a name", as_it_is, e.name == "mx" ? out.mx : out.domains);
    }
}

bounce::reply_rule read_rule(document& doc, const YAML::Node& node, const std::string& path)
{
    static const names known{"name", "class",  "text",    "code",    "enhanced", "stage",
                             "mx",   "domain", "message", "contact", "matches",  "others"};
    bounce::reply_rule out;
    bool has_class = false;
    for (const auto& e : read_map(doc, node, path, &known))
    {
        if (e.name == "name")
        {
            out.name = read_scalar(doc, e.value, e.path, "a name").value_or("");
        }
        else if (e.name == "class")
        {
            has_class = true;
            read_word(doc, e, "a class of replies", bounce::parse_reply_class, out.cls);
        }
        else if (e.name == "message")
        {
            read_word(doc, e, "deferred or bounced", bounce::parse_message_effect, out.message);
        }
        else if (e.name == "contact")
        {
            read_word(doc, e, "keep, count or suppress", bounce::parse_contact_effect, out.contact);
        }
        else if (e.name == "matches" || e.name == "others")
        {
            read_samples(doc, e, e.name == "matches" ? out.matches : out.others);
        }
        else
        {
            read_condition(doc, e, out);
        }
    }
    if (!has_class)
    {
        doc.fail(node.Mark(), path, "a rule needs a class");
    }
    return out;
}

} // namespace

result<std::shared_ptr<const bounce::classifier>, config_errors>
parse_bounce_rules(std::string_view text, const std::string& file)
{
    static const names known{"version", "rules"};
    document doc(file);
    std::vector<bounce::reply_rule> rules;
    std::vector<YAML::Mark> places;
    for (const auto& e : read_map(doc, doc.parse(text), "", &known))
    {
        if (e.name == "version")
        {
            const auto version = read_scalar(doc, e.value, e.path, "1");
            if (version && parse_number(*version) != rules_version)
            {
                doc.fail(e.value.Mark(), e.path, "expected version 1, found " + quote(*version));
            }
            continue;
        }
        for (const auto& item : read_list(doc, e.value, e.path, "a list of rules"))
        {
            const std::string path = e.path + "[" + std::to_string(rules.size()) + "]";
            places.push_back(item.Mark());
            rules.push_back(read_rule(doc, item, path));
        }
    }
    if (!doc.good())
    {
        return doc.take_errors();
    }
    auto made = bounce::classifier::compile(std::move(rules));
    if (made.has_error())
    {
        const auto& wrong = made.error();
        doc.fail(wrong.rule < places.size() ? places[wrong.rule] : YAML::Mark::null_mark(),
                 "rules[" + std::to_string(wrong.rule) + "]", wrong.text);
        return doc.take_errors();
    }
    return *made;
}

result<std::shared_ptr<const bounce::classifier>, config_errors>
load_bounce_rules(const std::string& path)
{
    if (path.empty())
    {
        return bounce::built_in();
    }
    const auto text = read_file(path);
    if (text.has_error())
    {
        return text.error();
    }
    return parse_bounce_rules(*text, path);
}

} // namespace hikyaku::config
