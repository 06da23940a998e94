#include "rule_check.h"

#include <algorithm>

namespace hikyaku::bounce
{
namespace
{

bool is_name(std::string_view name)
{
    return !name.empty() && name.size() <= reply_rule::name_bytes_max &&
           std::ranges::all_of(name,
                               [](char c)
                               {
                                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                          (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                                          c == '.';
                               });
}

/// Host names and domains are compared in lower case.
bool is_suffix(std::string_view text)
{
    return !text.empty() && text.size() <= 253 && text.front() != '.' && text.back() != '.' &&
           std::ranges::none_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || c <= ' '; });
}

bool has_condition(const reply_rule& r)
{
    return !r.texts.empty() || !r.codes.empty() || !r.enhanced.empty() || !r.stages.empty() ||
           !r.mx.empty() || !r.domains.empty();
}

std::string fault_of_lists(const reply_rule& r)
{
    if (r.texts.size() > reply_rule::texts_max)
    {
        return "at most " + std::to_string(reply_rule::texts_max) + " texts";
    }
    for (const auto size : {r.codes.size(), r.enhanced.size(), r.stages.size(), r.mx.size(),
                            r.domains.size(), r.matches.size(), r.others.size()})
    {
        if (size > reply_rule::list_max)
        {
            return "at most " + std::to_string(reply_rule::list_max) + " items in a list";
        }
    }
    for (const auto& text : r.texts)
    {
        if (text.empty() || text.size() > reply_rule::text_bytes_max)
        {
            return "a text has 1 to " + std::to_string(reply_rule::text_bytes_max) + " bytes";
        }
    }
    if (!std::ranges::all_of(r.mx, is_suffix) || !std::ranges::all_of(r.domains, is_suffix))
    {
        return "a host or domain is in lower case, without dots at its ends";
    }
    return {};
}

} // namespace

std::string fault_of(const reply_rule& r, std::unordered_set<std::string>& names)
{
    if (!is_name(r.name))
    {
        return "a rule needs a name of 1 to 64 letters, digits, '-', '_' and '.'";
    }
    if (!names.insert(r.name).second)
    {
        return "the name is given twice";
    }
    if (!has_condition(r))
    {
        return "text, code, enhanced, stage, mx or domain is needed";
    }
    if (r.message == message_effect::delivered || r.cls == reply_class::accepted)
    {
        return "no rule can make a message delivered";
    }
    if (r.contact && *r.contact != contact_effect::keep && is_sender_side(r.cls))
    {
        return "the cause of this class is on the sender's side: the contact is kept";
    }
    if (r.matches.empty() || r.others.empty())
    {
        return "at least one sample in matches and one in others is needed";
    }
    return fault_of_lists(r);
}

} // namespace hikyaku::bounce
