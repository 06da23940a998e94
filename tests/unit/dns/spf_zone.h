#pragma once

#include <hikyaku/dns/name.h>
#include <hikyaku/dns/spf.h>

#include <cstdint>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace hikyaku::dns::test
{

/// Names and records for SPF tests. Everything else does not exist.
class spf_zone
{
public:
    spf_zone& txt(const std::string& name, const std::string& text)
    {
        return add(name, record_type::txt, txt_data{text});
    }
    /// A or AAAA, any number.
    spf_zone& address(const std::string& name, std::initializer_list<const char*> ips)
    {
        for (const char* text : ips)
        {
            const ip_address ip = *parse_ip(text);
            add(name, ip.is_v4() ? record_type::a : record_type::aaaa, ip);
        }
        return *this;
    }
    spf_zone& mx(const std::string& name, std::uint16_t preference, const std::string& host)
    {
        return add(name, record_type::mx, mx_data{preference, host});
    }
    spf_zone& ptr(const std::string& name, const std::string& target)
    {
        return add(name, record_type::ptr, ptr_data{target});
    }
    spf_zone& cname(const std::string& name, const std::string& target)
    {
        aliases_[name] = target;
        return *this;
    }
    /// Questions of that type time out.
    spf_zone& broken(const std::string& name, record_type type)
    {
        broken_.insert({name, type});
        return *this;
    }

    [[nodiscard]] rrset find(const spf_question& q) const
    {
        rrset out;
        out.name = q.name;
        for (std::size_t i = 0; aliases_.contains(out.name); ++i)
        {
            if (i > cname_chain_max)
            {
                out.status = rrset_status::alias_loop;
                return out;
            }
            out.name = aliases_.at(out.name);
        }
        if (broken_.contains({out.name, q.type}))
        {
            out.status = rrset_status::failed;
            out.reason = "no answer for " + out.name;
            return out;
        }
        const auto at = records_.find({out.name, q.type});
        out.status = at != records_.end()        ? rrset_status::found
                     : names_.contains(out.name) ? rrset_status::no_data
                                                 : rrset_status::no_name;
        if (at != records_.end())
        {
            out.records = at->second;
        }
        return out;
    }

private:
    template <class Data> spf_zone& add(const std::string& name, record_type type, Data data)
    {
        record r;
        r.name = name;
        r.type = type;
        r.data = std::move(data);
        records_[{name, type}].push_back(std::move(r));
        names_.insert(name);
        return *this;
    }
    std::map<std::pair<std::string, record_type>, std::vector<record>> records_;
    std::map<std::string, std::string> aliases_;
    std::set<std::pair<std::string, record_type>> broken_;
    std::set<std::string> names_;
};

struct spf_run
{
    spf_verdict verdict;
    /// "TXT example.com", in the order asked.
    std::vector<std::string> questions;

    [[nodiscard]] std::string text() const
    {
        std::string out = std::string(spf_result_name(verdict.result)) + " " + verdict.mechanism +
                          " (" + verdict.reason + ")";
        for (const std::string& q : questions)
        {
            out += "; " + q;
        }
        return out;
    }
};

inline spf_run run_spf(const spf_zone& zone, spf_request request)
{
    spf_run out;
    spf_check check(std::move(request));
    while (const spf_question* q = check.next())
    {
        out.questions.push_back(std::string(record_type_name(q->type)) + " " + q->name);
        check.take(zone.find(*q));
    }
    out.verdict = check.verdict();
    return out;
}

inline spf_request spf_of(const char* ip, const std::string& from,
                          const std::string& helo = "mail.example.com")
{
    spf_request out;
    out.ip = *parse_ip(ip);
    out.mail_from = from;
    out.helo = helo;
    return out;
}

} // namespace hikyaku::dns::test
