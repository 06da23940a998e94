#include <hikyaku/cli/diagnose.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <ostream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <hikyaku/dns/ip_address.h>
#include <hikyaku/resolver/spf_check.h>
#include <hikyaku/text/idn.h>

#include "dns_servers.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// A name that doesn't answer must not eat the time of the whole evaluation: 1.5 + 3 seconds.
constexpr milliseconds try_timeout{1'500};
constexpr int tries = 2;

/// A-labels (RFC 7208 section 4.3); what is ASCII, or no host name, stays as it is.
std::string to_ascii(std::string_view domain)
{
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (!std::all_of(domain.begin(), domain.end(), is_ascii))
    {
        const auto ascii = text::domain_to_ascii(domain);
        return ascii ? *ascii : std::string(domain);
    }
    return std::string(domain);
}

std::string sender_of(std::string_view from)
{
    if (from.starts_with('<') && from.ends_with('>'))
    {
        from = from.substr(1, from.size() - 2);
    }
    const std::size_t at = from.rfind('@');
    const std::size_t domain = at == std::string_view::npos ? 0 : at + 1;
    return std::string(from.substr(0, domain)) + to_ascii(from.substr(domain));
}

struct take_verdict
{
    std::optional<dns::spf_verdict>& out;
    std::exception_ptr& error;

    void operator()(const std::exception_ptr& thrown, dns::spf_verdict verdict) const
    {
        error = thrown;
        out = std::move(verdict);
    }
};

dns::spf_verdict evaluate(dns::spf_request request, resolver::resolver_options how,
                          milliseconds timeout)
{
    boost::asio::io_context context;
    resolver::resolver from(context, std::move(how), system_clock(), system_random());
    std::optional<dns::spf_verdict> verdict;
    std::exception_ptr error;
    boost::asio::co_spawn(context,
                          resolver::check_spf(from, system_clock(), std::move(request), timeout),
                          take_verdict{verdict, error});
    while (!verdict && context.run_one() > 0)
    {
    }
    if (error)
    {
        std::rethrow_exception(error);
    }
    return verdict.value_or(dns::spf_verdict{dns::spf_result::temperror, {}, 0, {}, "no answer"});
}

void print_text(const dns::spf_verdict& verdict, std::ostream& out)
{
    out << dns::spf_result_name(verdict.result) << '\n';
    const std::pair<const char*, const std::string&> lines[] = {
        {"mechanism", verdict.mechanism},
        {"explanation", verdict.explanation},
        {"reason", verdict.reason},
    };
    for (const auto& [name, value] : lines)
    {
        if (!value.empty())
        {
            out << "  " << name << ": " << printable(value) << '\n';
        }
    }
    out << "  lookups: " << verdict.lookups << " of " << dns::spf_lookups_max << '\n';
}

bool is_welcome(dns::spf_result result)
{
    switch (result)
    {
    case dns::spf_result::none:
    case dns::spf_result::neutral:
    case dns::spf_result::pass:
        return true;
    case dns::spf_result::fail:
    case dns::spf_result::softfail:
    case dns::spf_result::temperror:
    case dns::spf_result::permerror:
        return false;
    }
    return false;
}

} // namespace

int run_spf(const spf_options& options, std::ostream& out, std::ostream& err)
{
    const auto ip = dns::parse_ip(options.ip);
    if (!ip)
    {
        err << "'" << printable(options.ip) << "' is not an IPv4 or IPv6 address\n";
        return exit_usage;
    }
    auto servers = dns_servers(options.dns);
    if (!servers)
    {
        err << printable(servers.error().text) << '\n';
        return exit_usage;
    }
    dns::spf_request request;
    request.ip = *ip;
    request.mail_from = sender_of(options.from);
    request.helo = to_ascii(options.helo);
    if (!options.receiver.empty())
    {
        request.receiver = options.receiver;
    }
    resolver::resolver_options how;
    how.servers = std::move(*servers);
    how.try_timeout = try_timeout;
    how.tries = tries;
    const auto verdict = evaluate(std::move(request), std::move(how), options.dns_timeout);
    if (options.json)
    {
        json_line line;
        line.text("result", dns::spf_result_name(verdict.result))
            .text("mechanism", verdict.mechanism)
            .number("lookups", verdict.lookups)
            .text("explanation", verdict.explanation)
            .text("reason", verdict.reason);
        out << line.finish();
    }
    else
    {
        print_text(verdict, out);
    }
    return is_welcome(verdict.result) ? exit_ok : exit_negative;
}

} // namespace hikyaku::cli
