#include <hikyaku/cli/diagnose.h>

#include <istream>
#include <ostream>

#include <hikyaku/mime/address.h>

#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// Prints one report; whether the address is valid.
bool print_report(std::string_view text, bool json, std::ostream& out)
{
    const auto report = mime::report_address(text);
    if (json)
    {
        out << json_line()
                   .flag("valid", report.valid)
                   .text("normalized", report.normalized)
                   .text("domain_ascii", report.domain_ascii)
                   .flag("needs_smtputf8", report.needs_smtputf8)
                   .text("reason", report.reason)
                   .finish();
    }
    else if (report.valid)
    {
        out << "valid " << printable(report.normalized)
            << " domain=" << printable(report.domain_ascii)
            << (report.needs_smtputf8 ? " needs SMTPUTF8\n" : "\n");
    }
    else
    {
        out << "invalid " << printable(text) << ": " << printable(report.reason) << '\n';
    }
    return report.valid;
}

} // namespace

int run_address(const address_options& options, std::istream& in, std::ostream& out,
                std::ostream& err)
{
    bool all_valid = true;
    for (const auto& address : options.addresses)
    {
        all_valid = print_report(address, options.json, out) && all_valid;
    }
    if (!options.addresses.empty())
    {
        return all_valid ? exit_ok : exit_negative;
    }
    std::size_t bytes = 0;
    for (std::string line; std::getline(in, line);)
    {
        bytes += line.size() + 1;
        if (bytes > input_bytes_max)
        {
            err << "standard input is longer than " << input_bytes_max << " bytes\n";
            return exit_usage;
        }
        if (line.ends_with('\r'))
        {
            line.pop_back();
        }
        all_valid = print_report(line, options.json, out) && all_valid;
    }
    return all_valid ? exit_ok : exit_negative;
}

} // namespace hikyaku::cli
