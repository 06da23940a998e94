#include <hikyaku/cli/diagnose.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <istream>
#include <ostream>

#include <unistd.h>

#include <hikyaku/crm/csv_report.h>

#include "input.h"
#include "json_line.h"

namespace hikyaku::cli
{
namespace
{

/// A private file with what standard input had; gone at the end.
class spooled_input
{
public:
    spooled_input() = default;
    ~spooled_input()
    {
        if (!path_.empty())
        {
            ::unlink(path_.c_str());
        }
    }
    spooled_input(const spooled_input&) = delete;
    spooled_input& operator=(const spooled_input&) = delete;

    /// @error failure  input can't be read, or the file not written
    result<std::string, failure> fill(std::istream& in)
    {
        const auto bytes = read_input("-", in);
        if (!bytes)
        {
            return bytes.error();
        }
        std::error_code no_directory;
        const auto directory = std::filesystem::temp_directory_path(no_directory);
        std::string name = (no_directory ? "/tmp" : directory) / "hikyaku-csv-XXXXXX";
        const int fd = ::mkstemp(name.data());
        if (fd < 0)
        {
            return failure{name + ": " + std::strerror(errno)};
        }
        path_ = name;
        std::string_view rest = *bytes;
        ssize_t n = 1;
        while (!rest.empty() && n > 0)
        {
            n = ::write(fd, rest.data(), rest.size());
            rest.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
        }
        const std::string why = rest.empty() ? "" : std::strerror(errno);
        ::close(fd);
        if (!rest.empty())
        {
            return failure{name + ": " + why};
        }
        return {boost::system::in_place_value, path_};
    }

private:
    std::string path_;
};

std::string_view name_of(char delimiter)
{
    return delimiter == '\t' ? "tab" : delimiter == ';' ? "semicolon" : "comma";
}

void print_row(const std::vector<std::string>& cells, std::ostream& out)
{
    std::string_view between = "  ";
    for (const auto& cell : cells)
    {
        out << between << printable(cell);
        between = " | ";
    }
    out << '\n';
}

void print_remarks(std::string_view kind, const std::vector<crm::csv_remark>& remarks,
                   std::uint64_t count, std::ostream& out)
{
    out << kind << ": " << count << '\n';
    for (const auto& r : remarks)
    {
        out << "  line " << r.line << ": " << r.code << ": " << printable(r.text) << '\n';
    }
    if (count > remarks.size())
    {
        out << "  and " << count - remarks.size() << " more\n";
    }
}

void print_text(const crm::csv_report& r, std::ostream& out)
{
    out << "encoding: " << r.encoding << "\ndelimiter: " << name_of(r.delimiter)
        << "\ncolumns: " << r.columns.size() << '\n';
    print_row(r.columns, out);
    out << "rows: " << r.row_count << '\n';
    for (const auto& row : r.rows)
    {
        print_row(row, out);
    }
    print_remarks("warnings", r.warnings, r.warning_count, out);
    print_remarks("errors", r.errors, r.error_count, out);
}

} // namespace

int run_csv(const csv_options& options, std::istream& in, std::ostream& out, std::ostream& err)
{
    spooled_input spooled;
    const auto path =
        is_standard_input(options.file)
            ? spooled.fill(in)
            : result<std::string, failure>(boost::system::in_place_value, options.file);
    if (!path)
    {
        err << printable(path.error().text) << '\n';
        return exit_usage;
    }
    const auto report = crm::report_csv(*path);
    if (!report)
    {
        err << printable(options.file) << ": " << printable(report.error().text) << '\n';
        return exit_usage;
    }
    if (options.json)
    {
        out << to_json_text(crm::to_json(*report)) << '\n';
    }
    else
    {
        print_text(*report, out);
    }
    return report->error_count == 0 ? exit_ok : exit_negative;
}

} // namespace hikyaku::cli
