#include "check_parts.h"

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view spf_version = "v=spf1";

std::vector<std::string_view> split(std::string_view text)
{
    std::vector<std::string_view> out;
    while (!text.empty())
    {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0)
        {
            out.push_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

const dns_record* find_purpose(const domain_check_input& in, std::string_view purpose)
{
    const auto found = std::find_if(in.records.begin(), in.records.end(),
                                    [&](const dns_record& r) { return r.purpose == purpose; });
    return found == in.records.end() ? nullptr : &*found;
}

/// What the domain should publish: its own record with us in it, or ours.
dns_record make_record(const domain_check_input& in, check_kind kind, const std::string& domain,
                       const std::vector<std::string>& texts)
{
    const bool is_from = kind == check_kind::spf;
    const auto* ours = find_purpose(in, is_from ? "spf" : "return_path_spf");
    const std::string fresh = ours != nullptr ? ours->value
                                              : std::string(spf_version) + " " + in.spf_mechanisms +
                                                    (is_from ? " ~all" : " -all");
    return {"TXT", domain,
            texts.size() == 1 ? merge_spf(texts.front(), in.spf_mechanisms, fresh) : fresh,
            is_from ? "spf" : "return_path_spf"};
}

/// What the verdicts over all sources amount to.
void judge(check_finding& f, std::vector<spf_run>& runs)
{
    f.state = check_state::ok;
    for (const auto& run : runs)
    {
        const auto& v = run.check.verdict();
        if (v.result == dns::spf_result::pass)
        {
            continue;
        }
        const bool is_unknown = v.result == dns::spf_result::temperror;
        if (f.state == check_state::ok || !is_unknown)
        {
            f.state = is_unknown && f.state != check_state::fail ? check_state::unknown
                                                                 : check_state::fail;
        }
        f.seen += f.seen.empty() ? "" : "; ";
        f.seen += dns::format_ip(run.source->ip) + ": " + dns::spf_result_name(v.result) +
                  (v.reason.empty() ? "" : " (" + v.reason + ")");
    }
}

} // namespace

std::vector<std::string> find_spf_texts(const dns::rrset& answer)
{
    std::vector<std::string> out;
    for (const auto& r : answer.records)
    {
        const auto* txt = std::get_if<dns::txt_data>(&r.data);
        if (txt == nullptr || txt->text.size() < spf_version.size())
        {
            continue;
        }
        std::string start = txt->text.substr(0, spf_version.size());
        std::transform(start.begin(), start.end(), start.begin(), [](char c)
                       { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        if (start == spf_version &&
            (txt->text.size() == spf_version.size() || txt->text[spf_version.size()] == ' '))
        {
            out.push_back(txt->text);
        }
    }
    return out;
}

std::string merge_spf(std::string_view present, std::string_view mechanisms, std::string_view fresh)
{
    const auto rest = split(present.substr(std::min(present.size(), spf_version.size())));
    const bool is_plain =
        std::all_of(present.begin(), present.end(), [](char c) { return c >= ' ' && c <= '~'; });
    if (!is_plain || rest.empty() || present.size() > domain_check::seen_bytes_max)
    {
        return std::string(fresh);
    }
    std::string out(spf_version);
    for (const auto term : split(mechanisms))
    {
        if (std::find(rest.begin(), rest.end(), term) == rest.end())
        {
            out.append(" ").append(term);
        }
    }
    for (const auto term : rest)
    {
        out.append(" ").append(term);
    }
    return out;
}

const dns::spf_verdict* advance(spf_run& run, answer_book& book)
{
    while (const auto* q = run.check.next())
    {
        const auto* answer = book.find(q->name, q->type);
        if (answer == nullptr)
        {
            return nullptr;
        }
        run.check.take(*answer);
    }
    return &run.check.verdict();
}

maybe_finding check_spf(const domain_check_input& in, check_kind kind, const std::string& domain,
                        std::vector<spf_run>& runs, answer_book& book)
{
    const auto* answer = book.find(domain, dns::record_type::txt);
    bool complete = answer != nullptr;
    for (auto& run : runs)
    {
        complete = advance(run, book) != nullptr && complete;
    }
    if (!complete)
    {
        return std::nullopt;
    }
    check_finding f;
    f.what = kind;
    f.about = domain;
    f.expected = runs.empty() ? "an SPF record" : "pass for every source address";
    if (answer->status == dns::rrset_status::failed)
    {
        f.seen = shown(answer->reason);
        return f;
    }
    const auto texts = find_spf_texts(*answer);
    if (texts.size() != 1)
    {
        f.state = check_state::fail;
        f.seen = texts.empty() ? "no SPF record"
                               : std::to_string(texts.size()) + " SPF records: only one may be";
    }
    else
    {
        judge(f, runs);
        f.seen = shown(f.seen.empty() ? texts.front() : f.seen + " with " + texts.front());
        if (f.state == check_state::ok && !in.sources_without_address.empty())
        {
            f.state = check_state::warn;
            f.seen = shown("not evaluated for source " + in.sources_without_address.front() +
                           ", whose address is not configured: " + texts.front());
        }
    }
    if (f.state == check_state::fail)
    {
        f.record = make_record(in, kind, domain, texts);
        f.state = kind == check_kind::spf ? check_state::warn : f.state;
    }
    return f;
}

} // namespace hikyaku::identity
