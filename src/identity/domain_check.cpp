#include <hikyaku/identity/domain_check.h>

#include "check_parts.h"

#include <hikyaku/base/assert.h>

#include <algorithm>

namespace hikyaku::identity
{
namespace
{

constexpr std::string_view no_answer_in_time = "no answer from the DNS in time";

dns::spf_request make_request(const domain_check_input& in, const source_address& source,
                              const std::string& domain)
{
    dns::spf_request r;
    r.ip = source.ip;
    r.mail_from = "b@" + domain;
    r.helo = source.ehlo_name.empty() ? in.hostname : source.ehlo_name;
    r.receiver = in.hostname;
    r.now = in.now;
    return r;
}

bool is_good(const std::vector<check_finding>& all, check_kind kind, wall_time now)
{
    bool any = false;
    for (const auto& f : all)
    {
        if (f.what == kind)
        {
            const auto state = state_in_force(f, now);
            if (state != check_state::ok && state != check_state::warn)
            {
                return false;
            }
            any = true;
        }
    }
    return any;
}

/// SPF of the From domain is never worse than warn, but only ok is told as good.
bool is_ok(const std::vector<check_finding>& all, check_kind kind, wall_time now)
{
    return is_good(all, kind, now) &&
           std::none_of(all.begin(), all.end(), [&](const check_finding& f)
                        { return f.what == kind && f.record.has_value(); });
}

} // namespace

const char* to_string(check_kind kind) noexcept
{
    switch (kind)
    {
    case check_kind::dkim:
        return "dkim";
    case check_kind::spf:
        return "spf";
    case check_kind::return_path_spf:
        return "return_path_spf";
    case check_kind::return_path_mx:
        return "return_path_mx";
    case check_kind::dmarc:
        return "dmarc";
    case check_kind::alignment:
        return "alignment";
    case check_kind::from_mx:
        return "from_mx";
    case check_kind::ptr:
        return "ptr";
    case check_kind::envelope_spf:
        return "envelope_spf";
    }
    __builtin_unreachable();
}

const char* to_string(check_state state) noexcept
{
    switch (state)
    {
    case check_state::ok:
        return "ok";
    case check_state::warn:
        return "warn";
    case check_state::fail:
        return "fail";
    case check_state::unknown:
        return "unknown";
    }
    __builtin_unreachable();
}

check_state state_in_force(const check_finding& f, wall_time now) noexcept
{
    if (f.state != check_state::unknown)
    {
        return f.state;
    }
    const bool holds = f.last_at && now - *f.last_at <= check_keep;
    return holds ? f.last : check_state::unknown;
}

struct domain_check::state
{
    domain_check_input input;
    answer_book book;
    std::vector<spf_run> from_spf;
    std::vector<spf_run> return_path_spf;
    std::vector<spf_run> envelope_spf;
    std::vector<check_finding> findings;

    explicit state(domain_check_input in) : input(std::move(in))
    {
        add_runs(from_spf, input.domain.domain);
        add_runs(return_path_spf, input.domain.return_path_domain);
        if (uses_shared())
        {
            add_runs(envelope_spf, input.envelope_domain);
        }
    }
    [[nodiscard]] bool uses_shared() const
    {
        return input.envelope_domain != input.domain.return_path_domain;
    }
    void add_runs(std::vector<spf_run>& runs, const std::string& domain) const
    {
        for (const auto& source : input.sources)
        {
            runs.push_back({&source, dns::spf_check(make_request(input, source, domain))});
        }
    }
    /// The own return path is only needed where the operator has none for all.
    [[nodiscard]] maybe_finding not_needed(maybe_finding f) const
    {
        if (f && f->state == check_state::fail && uses_shared())
        {
            f->state = check_state::warn;
        }
        return f;
    }
    /// Tries every check; what could not end has left its questions in the book.
    void run()
    {
        findings.clear();
        book.forget_missing();
        const auto add = [this](maybe_finding f)
        {
            if (f)
            {
                findings.push_back(std::move(*f));
            }
        };
        for (const auto& key : input.domain.keys)
        {
            if (key.state == key_state::active)
            {
                add(check_dkim(input, key, book));
            }
        }
        const auto& d = input.domain;
        add(check_spf(input, check_kind::spf, d.domain, from_spf, book));
        add(not_needed(check_spf(input, check_kind::return_path_spf, d.return_path_domain,
                                 return_path_spf, book)));
        add(not_needed(check_return_path_mx(input, book)));
        add(check_dmarc(input, book));
        add(check_alignment(input, book));
        add(check_from_mx(input, book));
        for (const auto& source : input.sources)
        {
            add(check_ptr(source, book));
        }
        if (uses_shared())
        {
            add(check_spf(input, check_kind::envelope_spf, input.envelope_domain, envelope_spf,
                          book));
        }
    }
};

domain_check::domain_check(domain_check_input input)
    : state_(std::make_unique<state>(std::move(input)))
{
    state_->run();
}
domain_check::~domain_check() = default;

const std::vector<dns::spf_question>& domain_check::questions() const noexcept
{
    return state_->book.missing();
}

void domain_check::take(const std::vector<dns::rrset>& answers)
{
    const auto asked = state_->book.missing();
    HK_ASSERT(answers.size() == asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i)
    {
        HK_ASSERT(answers[i].status != dns::rrset_status::follow);
        state_->book.put(asked[i], answers[i]);
    }
    state_->run();
}

void domain_check::give_up()
{
    while (!questions().empty())
    {
        dns::rrset nothing;
        nothing.reason = no_answer_in_time;
        take(std::vector<dns::rrset>(questions().size(), nothing));
    }
}

const std::vector<check_finding>& domain_check::findings() const noexcept
{
    HK_ASSERT(questions().empty());
    return state_->findings;
}

std::vector<check_finding> merge_findings(const std::vector<check_finding>& before,
                                          std::vector<check_finding> now_found, wall_time now)
{
    for (auto& f : now_found)
    {
        if (f.state != check_state::unknown)
        {
            f.last = f.state;
            f.last_at = now;
            continue;
        }
        const auto old = std::find_if(before.begin(), before.end(), [&](const check_finding& b)
                                      { return b.what == f.what && b.about == f.about; });
        if (old != before.end())
        {
            f.last = old->last;
            f.last_at = old->last_at;
            f.record = f.record ? f.record : old->record;
        }
    }
    return now_found;
}

domain_checks sum_up(const sender_domain& d, std::vector<check_finding> findings, wall_time now)
{
    domain_checks out;
    const auto keys = std::count_if(d.keys.begin(), d.keys.end(), [](const dkim_key_row& k)
                                    { return k.state == key_state::active; });
    out.dkim = keys > 0 && is_good(findings, check_kind::dkim, now);
    out.spf = is_ok(findings, check_kind::spf, now);
    out.return_path = is_ok(findings, check_kind::return_path_spf, now) &&
                      is_ok(findings, check_kind::return_path_mx, now);
    out.dmarc = is_good(findings, check_kind::dmarc, now);
    out.checked = now;
    out.findings = std::move(findings);
    return out;
}

check_state overall_state(const domain_checks& checks, wall_time now) noexcept
{
    const auto rank = [](check_state s)
    {
        switch (s)
        {
        case check_state::ok:
            return 0;
        case check_state::warn:
            return 1;
        case check_state::unknown:
            return 2;
        case check_state::fail:
            return 3;
        }
        __builtin_unreachable();
    };
    check_state worst = checks.findings.empty() ? check_state::unknown : check_state::ok;
    for (const auto& f : checks.findings)
    {
        const auto state = state_in_force(f, now);
        worst = rank(state) > rank(worst) ? state : worst;
    }
    return worst;
}

} // namespace hikyaku::identity
