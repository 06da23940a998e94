#include <hikyaku/crm/csv_report.h>

#include "csv_cell_checks.h"
#include "csv_encoding.h"
#include "files.h"

#include <hikyaku/mime/charset.h>
#include <hikyaku/text/utf8.h>

#include <algorithm>
#include <set>

namespace hikyaku::crm
{
namespace
{

constexpr std::size_t chunk_bytes = 256u << 10;

void add(std::vector<csv_remark>& list, std::uint64_t& count, csv_remark r)
{
    ++count;
    if (list.size() < csv_report::remarks_max)
    {
        list.push_back(std::move(r));
    }
}

/// Turns chunks of a file into UTF-8, a line at a time: no encoding has state across lines.
class transcoder
{
public:
    explicit transcoder(std::string_view charset) : charset_(charset) {}

    std::string convert(std::string_view chunk, bool last)
    {
        open_ += chunk;
        const std::size_t line_end = open_.rfind('\n');
        std::size_t ready = line_end == std::string::npos ? 0 : line_end + 1;
        if (last || (ready == 0 && open_.size() > csv_record_bytes_max))
        {
            ready = open_.size();
        }
        auto text = mime::to_utf8(std::string_view(open_).substr(0, ready), charset_);
        open_.erase(0, ready);
        return text ? std::move(*text) : std::string();
    }

private:
    std::string charset_;
    std::string open_;
};

/// Reads the records of one file into a report.
class reporter
{
public:
    reporter(csv_report& out, char delimiter) : out_(out), parser_(delimiter)
    {
        out_.delimiter = delimiter;
    }

    void feed(std::string_view text, bool last)
    {
        parser_.feed(text, last);
        while (true)
        {
            switch (parser_.next())
            {
            case csv_parser::event::record:
                take_record();
                break;
            case csv_parser::event::bad_record:
                out_.row_count += parser_.record_number() == 1 ? 0 : 1;
                add(out_.errors, out_.error_count,
                    {parser_.line(), std::string(to_string(parser_.error())),
                     std::string(explain(parser_.error()))});
                break;
            case csv_parser::event::need_more:
            case csv_parser::event::end:
                return;
            }
        }
    }
    void warn(std::uint64_t line, std::string code, std::string text)
    {
        add(out_.warnings, out_.warning_count, {line, std::move(code), std::move(text)});
    }

private:
    void take_record()
    {
        if (parser_.record_number() == 1)
        {
            take_header();
            return;
        }
        ++out_.row_count;
        const auto cells = parser_.fields();
        if (out_.rows.size() < csv_report::rows_max)
        {
            out_.rows.emplace_back(cells.begin(), cells.end());
        }
        for (std::size_t i = 0; i < cells.size(); ++i)
        {
            const auto kind = i < kinds_.size() ? kinds_[i] : column_kind::other;
            const cell_fault fault = find_cell_fault(cells[i], kind);
            if (fault.code != nullptr)
            {
                warn(parser_.line(), fault.code,
                     "Column " + std::to_string(i + 1) + " " + fault.text + ".");
            }
        }
    }
    void take_header()
    {
        std::set<std::string_view> seen;
        parser_.expect_columns(parser_.fields().size());
        for (const std::string_view name : parser_.fields())
        {
            out_.columns.emplace_back(name);
            kinds_.push_back(kind_of_column(name));
            const std::string column = "Column " + std::to_string(out_.columns.size());
            if (name.empty())
            {
                warn(parser_.line(), "empty_header", column + " has no name.");
            }
            else if (!seen.insert(name).second)
            {
                warn(parser_.line(), "duplicate_header", column + " has the name of another.");
            }
        }
    }

    csv_report& out_;
    csv_parser parser_;
    std::vector<column_kind> kinds_;
};

std::string_view charset_of(file_encoding e)
{
    switch (e)
    {
    case file_encoding::cp932:
        return "shift_jis";
    case file_encoding::euc_jp:
        return "euc-jp";
    case file_encoding::iso_2022_jp:
        return "iso-2022-jp";
    case file_encoding::utf8:
    case file_encoding::utf8_mark:
    case file_encoding::unknown:
        return "";
    }
    return "";
}

/// Calls take(chunk) for the whole file.
template <class Take> result<void, problem> read_file(const std::filesystem::path& file, Take take)
{
    auto in = input_file::open(file);
    if (in.has_error())
    {
        return in.error();
    }
    std::string chunk;
    do
    {
        const auto read = in->read(chunk, chunk_bytes);
        if (read.has_error())
        {
            return read.error();
        }
        take(std::string_view(chunk));
    } while (!chunk.empty());
    return {};
}

json::array to_json(const std::vector<csv_remark>& list)
{
    json::array out;
    for (const auto& r : list)
    {
        out.push_back(json::object{{"line", r.line}, {"code", r.code}, {"text", r.text}});
    }
    return out;
}

json::array to_json(const std::vector<std::string>& cells)
{
    json::array out;
    for (const auto& cell : cells)
    {
        out.emplace_back(text::to_valid_utf8(cell));
    }
    return out;
}

} // namespace

char detect_delimiter(std::string_view head) noexcept
{
    constexpr std::string_view candidates = ",;\t";
    std::size_t counts[candidates.size()] = {};
    bool quoted = false;
    const std::size_t first = std::min(head.find_first_not_of("\r\n"), head.size());
    for (const char c : head.substr(first))
    {
        quoted = c == '"' ? !quoted : quoted;
        if (quoted)
        {
            continue;
        }
        if (c == '\n' || c == '\r')
        {
            break;
        }
        const std::size_t at = candidates.find(c);
        if (at != std::string_view::npos)
        {
            ++counts[at];
        }
    }
    return candidates[static_cast<std::size_t>(
        std::max_element(std::begin(counts), std::end(counts)) - std::begin(counts))];
}

result<csv_report, problem> report_csv(const std::filesystem::path& file)
{
    encoding_guess guess;
    const auto looked = read_file(file, [&](std::string_view chunk) { guess.feed(chunk); });
    if (looked.has_error())
    {
        return looked.error();
    }
    const file_encoding encoding = guess.finish();
    const std::string_view charset = charset_of(encoding);
    csv_report out;
    out.encoding = to_string(encoding);
    std::optional<reporter> records;
    transcoder converter(charset);
    const auto take = [&](std::string_view chunk)
    {
        const bool last = chunk.empty();
        const std::string converted = charset.empty() ? "" : converter.convert(chunk, last);
        const std::string_view text = charset.empty() ? chunk : converted;
        if (!records)
        {
            records.emplace(out, detect_delimiter(text));
            if (encoding != file_encoding::utf8 && encoding != file_encoding::utf8_mark)
            {
                records->warn(1, "not_utf8",
                              "The file is not UTF-8, and an import takes nothing else: save it as "
                              "\"CSV UTF-8\".");
            }
        }
        records->feed(text, last);
    };
    const auto read = read_file(file, take);
    if (read.has_error())
    {
        return read.error();
    }
    if (out.columns.empty() && out.error_count == 0)
    {
        records->warn(1, "empty_header", "The file is empty.");
    }
    return out;
}

json::object to_json(const csv_report& r)
{
    json::array rows;
    for (const auto& row : r.rows)
    {
        rows.push_back(to_json(row));
    }
    return {{"encoding", r.encoding},          {"delimiter", std::string(1, r.delimiter)},
            {"columns", to_json(r.columns)},   {"rows", std::move(rows)},
            {"row_count", r.row_count},        {"warning_count", r.warning_count},
            {"warnings", to_json(r.warnings)}, {"error_count", r.error_count},
            {"errors", to_json(r.errors)}};
}

} // namespace hikyaku::crm
