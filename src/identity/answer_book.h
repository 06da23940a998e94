#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <hikyaku/dns/rrset.h>
#include <hikyaku/dns/spf.h>

namespace hikyaku::identity
{

/// Answers of the DNS by question, and the questions that somebody wanted an answer to and did not
/// find.
class answer_book
{
public:
    /// nullptr: not known yet; it is now among missing().
    [[nodiscard]] const dns::rrset* find(const std::string& name, dns::record_type type);
    void put(const dns::spf_question& q, dns::rrset answer);
    [[nodiscard]] const std::vector<dns::spf_question>& missing() const noexcept
    {
        return missing_;
    }
    void forget_missing() { missing_.clear(); }

private:
    std::map<std::pair<std::string, dns::record_type>, dns::rrset> known_;
    std::vector<dns::spf_question> missing_;
};

} // namespace hikyaku::identity
