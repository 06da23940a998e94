#include <hikyaku/cli/diagnose.h>

#include <ostream>

#include <boost/asio/io_context.hpp>

#include <hikyaku/dns/explain.h>
#include <hikyaku/resolver/resolver.h>
#include <hikyaku/text/idn.h>
#include <hikyaku/text/utf8.h>

#include "dns_servers.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// A-labels, without a final dot; what is no host name stays as it is, the resolver says so.
std::string to_ascii(std::string_view domain)
{
    if (domain.size() > 1 && domain.ends_with('.'))
    {
        domain.remove_suffix(1);
    }
    const auto ascii = text::domain_to_ascii(domain);
    return ascii ? *ascii : text::to_valid_utf8(domain);
}

std::shared_ptr<const dns::mx_answer> look_up(const std::string& domain,
                                              resolver::resolver_options options)
{
    boost::asio::io_context context;
    std::shared_ptr<const dns::mx_answer> answer;
    resolver::resolver r(context, std::move(options), system_clock(), system_random());
    r.resolve_mx(domain,
                 [&](std::shared_ptr<const dns::mx_answer> got) { answer = std::move(got); });
    while (!answer && context.run_one() > 0)
    {
    }
    return answer;
}

void print_text(const dns::mx_answer& answer, const json::object& explained, std::ostream& out)
{
    out << printable(answer.domain) << ": " << explained.at("decision").as_string().c_str() << " ("
        << dns::lookup_status_name(answer.status);
    const std::string_view code = dns::enhanced_code(answer.status);
    out << (code.empty() ? "" : ", ") << code << ")\n";
    if (!answer.reason.empty())
    {
        out << "  reason: " << printable(answer.reason) << '\n';
    }
    for (const auto& host : answer.hosts)
    {
        out << (answer.implicit_mx ? "  implicit MX " : "  MX ") << host.preference << ' '
            << printable(host.name) << '\n';
    }
    std::size_t number = 0;
    for (const auto& host : answer.hosts)
    {
        for (const auto& address : host.addresses)
        {
            out << "  " << ++number << ". " << printable(host.name) << " ["
                << dns::format_ip(address) << "]\n";
        }
    }
    if (!answer.site.empty())
    {
        out << "  site: " << printable(answer.site) << "\n  ttl: " << answer.ttl.count() << " s\n";
    }
}

} // namespace

int run_mx(const mx_options& options, std::ostream& out, std::ostream& err)
{
    auto servers = dns_servers(options.dns);
    if (!servers)
    {
        err << printable(servers.error().text) << '\n';
        return exit_usage;
    }
    resolver::resolver_options how;
    how.servers = std::move(*servers);
    how.lookup_timeout = options.dns_timeout;
    const auto answer = look_up(to_ascii(options.domain), std::move(how));
    if (!answer)
    {
        err << "the look-up ended without an answer\n";
        return exit_usage;
    }
    const auto explained = dns::explain_mx(*answer);
    if (options.json)
    {
        out << to_json_text(explained) << '\n';
    }
    else
    {
        print_text(*answer, explained.as_object(), out);
    }
    return answer->status == dns::lookup_status::ok ? exit_ok : exit_negative;
}

} // namespace hikyaku::cli
