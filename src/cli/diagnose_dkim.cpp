#include <hikyaku/cli/diagnose.h>

#include <algorithm>
#include <istream>
#include <map>
#include <ostream>

#include <hikyaku/dkim/signer.h>
#include <hikyaku/dkim/verify.h>

#include "input.h"
#include "json_line.h"
#include "txt_lookup.h"

namespace hikyaku::cli
{
namespace
{

int complain(std::ostream& err, const failure& why)
{
    err << printable(why.text) << '\n';
    return exit_usage;
}

/// RFC 6376 section 3.6.2.2 leaves several records undefined: the one that says it is a key.
const std::string& key_of(const std::vector<std::string>& texts)
{
    const auto found = std::find_if(texts.begin(), texts.end(),
                                    [](const auto& t) { return t.starts_with("v=DKIM1"); });
    return found == texts.end() ? texts.front() : *found;
}

result<txt_lookup, failure> make_lookup(const dkim_verify_options& options)
{
    const auto servers = dns_servers(options.dns);
    if (!servers)
    {
        return servers.error();
    }
    std::vector<dns_endpoint> endpoints;
    for (const auto& server : *servers)
    {
        const auto endpoint = parse_dns_endpoint(server);
        if (!endpoint)
        {
            return endpoint.error();
        }
        endpoints.push_back(*endpoint);
    }
    return txt_lookup(std::move(endpoints), options.dns_timeout, system_random());
}

void print_result(const dkim::verify_result& r, const std::string& lookup_reason, bool json,
                  std::ostream& out)
{
    const auto reason = r.reason.empty() || lookup_reason.empty()
                            ? r.reason
                            : r.reason + " (" + lookup_reason + ")";
    if (json)
    {
        out << json_line()
                   .text("d", r.domain)
                   .text("s", r.selector)
                   .text("a", r.algorithm)
                   .text("result", dkim::to_text(r.result))
                   .text("reason", reason)
                   .finish();
        return;
    }
    out << dkim::to_text(r.result) << " d=" << printable(r.domain) << " s=" << printable(r.selector)
        << " a=" << printable(r.algorithm);
    if (!reason.empty())
    {
        out << ": " << printable(reason);
    }
    if (r.opendkim)
    {
        out << " [libopendkim: " << dkim::to_text(*r.opendkim) << ']';
    }
    out << '\n';
}

void print_unsigned(bool json, std::ostream& out)
{
    constexpr std::string_view reason = "the message has no DKIM-Signature";
    if (json)
    {
        out << json_line()
                   .text("d", "")
                   .text("s", "")
                   .text("a", "")
                   .text("result", "none")
                   .text("reason", reason)
                   .finish();
        return;
    }
    out << "none: " << reason << '\n';
}

/// What verify() asked for: lower case.
std::string key_name(const dkim::verify_result& r)
{
    std::string name = r.selector + "._domainkey." + r.domain;
    for (char& c : name)
    {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    return name;
}

/// Where the empty line is; all of it is header when there is none.
std::size_t header_size(std::string_view message)
{
    const auto end = message.find("\r\n\r\n");
    return end == std::string_view::npos ? message.size() : end + 2;
}

} // namespace

int run_dkim_verify(const dkim_verify_options& options, std::istream& in, std::ostream& out,
                    std::ostream& err)
{
    const auto input = read_input(options.file, in);
    if (!input)
    {
        return complain(err, input.error());
    }
    auto lookup = make_lookup(options);
    if (!lookup)
    {
        return complain(err, lookup.error());
    }
    std::map<std::string, txt_answer> answers;
    const auto find_key = [&](const std::string& name) -> result<std::string, dkim::lookup_error>
    {
        const auto [at, fresh] = answers.try_emplace(name);
        if (fresh)
        {
            at->second = lookup->look_up(name);
        }
        switch (at->second.status)
        {
        case txt_status::found:
            return key_of(at->second.texts);
        case txt_status::not_found:
            return dkim::lookup_error::not_found;
        case txt_status::temporary:
            break;
        }
        return dkim::lookup_error::temporary;
    };
    const auto message = dkim::with_wire_line_ends(*input);
    const auto results = dkim::verify(message, system_clock().wall(), find_key);
    bool passed = false;
    for (const auto& r : results)
    {
        const auto answer = answers.find(key_name(r));
        const bool lookup_failed =
            answer != answers.end() && answer->second.status != txt_status::found;
        print_result(r, lookup_failed ? answer->second.reason : std::string(), options.json, out);
        passed = passed || r.result == dkim::verdict::pass;
    }
    if (results.empty())
    {
        print_unsigned(options.json, out);
    }
    return passed ? exit_ok : exit_negative;
}

int run_dkim_sign(const dkim_sign_options& options, std::istream& in, std::ostream& out,
                  std::ostream& err)
{
    if (is_standard_input(options.key))
    {
        return complain(err, {"--key must name a file"});
    }
    const auto pem = read_input(options.key, in);
    const auto input = pem ? read_input(options.file, in) : pem;
    if (!input)
    {
        return complain(err, input.error());
    }
    auto key = dkim::signing_key::from_pem(*pem);
    if (!key)
    {
        return complain(err, {options.key + ": " + key.error().text});
    }
    const dkim::identity who{options.domain, options.selector,
                             std::make_shared<const dkim::signing_key>(std::move(*key))};
    const dkim::identity* const signers[] = {&who};
    const auto message = dkim::with_wire_line_ends(*input);
    const auto at = options.at == wall_time{} ? system_clock().wall() : options.at;
    std::string fields;
    dkim::signer signer;
    const auto done = signer.sign(signers, message, header_size(message), at, fields);
    if (!done)
    {
        return complain(err, done.error());
    }
    out << fields << message;
    return exit_ok;
}

} // namespace hikyaku::cli
