#include "damage_list.h"

#include <hikyaku/base/log.h>

#include <algorithm>

namespace hikyaku::store
{

std::string_view table_named_in(std::string_view text) noexcept
{
    const auto end = text.find(".sst");
    if (end == std::string_view::npos)
    {
        return {};
    }
    auto begin = end;
    while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9')
    {
        --begin;
    }
    return begin == end ? std::string_view() : text.substr(begin, end + 4 - begin);
}

void damage_list::note(const std::string& text)
{
    const auto table = table_named_in(text);
    const std::string key(table.empty() ? std::string_view(text) : table);
    {
        const std::lock_guard lock(mutex_);
        if (entries_.size() >= entries_max || !entries_.try_emplace(key, text).second)
        {
            return;
        }
    }
    log::error("table_damaged",
               {{"reason", text}, {"effect", "rows in it are unreadable; the rest goes on"}});
}

std::vector<std::string> damage_list::all() const
{
    const std::lock_guard lock(mutex_);
    std::vector<std::string> out;
    out.reserve(entries_.size());
    for (const auto& [key, text] : entries_)
    {
        out.push_back(key == text ? text : key + ": " + text);
    }
    return out;
}

} // namespace hikyaku::store
