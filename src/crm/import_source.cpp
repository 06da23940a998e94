#include "import_source.h"

#include "failures.h"

#include <hikyaku/crm/csv_report.h>
#include <hikyaku/crm/import.h>

namespace hikyaku::crm
{

result<void, problem> import_source::feed()
{
    const auto read = file_.read(chunk_, importer::chunk_bytes);
    if (read.has_error())
    {
        return read;
    }
    parser_.feed(chunk_, chunk_.empty());
    return {};
}

result<csv_parser::event, problem> import_source::next()
{
    while (true)
    {
        const auto event = parser_.next();
        if (event != csv_parser::event::need_more)
        {
            return event;
        }
        const auto fed = feed();
        if (fed.has_error())
        {
            return fed.error();
        }
    }
}

result<import_source, problem> import_source::open(const std::filesystem::path& file)
{
    import_source out;
    auto opened = input_file::open(file);
    if (opened.has_error())
    {
        return opened.error();
    }
    out.file_ = std::move(*opened);
    const auto looked = out.file_.read(out.chunk_, importer::chunk_bytes);
    if (looked.has_error())
    {
        return looked.error();
    }
    out.has_mark_ = out.chunk_.starts_with("\xEF\xBB\xBF");
    out.delimiter_ = detect_delimiter(out.chunk_);
    const auto back = out.seek({});
    if (back.has_error())
    {
        return back.error();
    }
    const auto first = out.next();
    if (first.has_error())
    {
        return first.error();
    }
    switch (*first)
    {
    case csv_parser::event::record:
        break;
    case csv_parser::event::bad_record:
        return invalid("",
                       "The header can't be read. " + std::string(explain(out.parser_.error())));
    case csv_parser::event::need_more:
    case csv_parser::event::end:
        return invalid("", "The file is empty.");
    }
    const auto columns = out.parser_.fields();
    out.header_.assign(columns.begin(), columns.end());
    out.raw_header_ = out.parser_.raw();
    out.parser_.expect_columns(columns.size());
    return out;
}

result<void, problem> import_source::seek(const csv_parser::position& at)
{
    parser_ = csv_parser(delimiter_, at);
    parser_.expect_columns(header_.size());
    return file_.seek(at.offset);
}

result<void, problem> import_source::read(std::size_t rows_max, std::size_t bytes_max,
                                          std::vector<import_row>& out)
{
    out.clear();
    std::size_t bytes = 0;
    while (out.size() < rows_max && bytes < bytes_max)
    {
        const auto event = next();
        if (event.has_error())
        {
            return event.error();
        }
        if (*event == csv_parser::event::end)
        {
            break;
        }
        import_row row;
        row.number = parser_.record_number() - 1;
        row.raw = parser_.raw();
        row.after = parser_.border();
        if (*event == csv_parser::event::bad_record)
        {
            row.bad = parser_.error();
        }
        bytes += row.raw.size();
        out.push_back(std::move(row));
    }
    return {};
}

} // namespace hikyaku::crm
