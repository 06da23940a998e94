#include "answer_book.h"

#include <algorithm>

namespace hikyaku::identity
{

const dns::rrset* answer_book::find(const std::string& name, dns::record_type type)
{
    const auto found = known_.find({name, type});
    if (found != known_.end())
    {
        return &found->second;
    }
    const bool asked = std::any_of(missing_.begin(), missing_.end(),
                                   [&](const auto& q) { return q.name == name && q.type == type; });
    if (!asked)
    {
        missing_.push_back({name, type});
    }
    return nullptr;
}

void answer_book::put(const dns::spf_question& q, dns::rrset answer)
{
    known_[{q.name, q.type}] = std::move(answer);
}

} // namespace hikyaku::identity
