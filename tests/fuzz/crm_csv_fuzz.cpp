// Any bytes as a CSV file: the same records whatever the chunks are and wherever reading begins
// again; good records are UTF-8, and written anew they read back the same.
#include <hikyaku/base/assert.h>
#include <hikyaku/crm/csv.h>
#include <hikyaku/text/utf8.h>

#include <cstddef>
#include <cstdint>

namespace
{

using namespace hikyaku;
using namespace hikyaku::crm;

struct seen
{
    bool good = false;
    csv_errc error{};
    std::vector<std::string> fields;
    std::string raw;
    std::uint64_t line = 0;
    csv_parser::position border;

    bool operator==(const seen& o) const
    {
        return good == o.good && error == o.error && fields == o.fields && raw == o.raw &&
               line == o.line && border.offset == o.border.offset && border.line == o.border.line &&
               border.records == o.border.records;
    }
};

std::vector<seen> read_all(csv_parser parser, std::string_view text, std::size_t chunk)
{
    std::vector<seen> out;
    bool last = false;
    while (true)
    {
        const auto event = parser.next();
        if (event == csv_parser::event::end)
        {
            HK_ASSERT(last);
            return out;
        }
        if (event == csv_parser::event::need_more)
        {
            HK_ASSERT(!last);
            const auto part = text.substr(0, chunk);
            text.remove_prefix(part.size());
            last = text.empty();
            parser.feed(part, last);
            continue;
        }
        seen s;
        s.good = event == csv_parser::event::record;
        s.error = s.good ? csv_errc{} : parser.error();
        s.fields.assign(parser.fields().begin(), parser.fields().end());
        s.raw = parser.raw();
        s.line = parser.line();
        s.border = parser.border();
        HK_ASSERT(s.good == !s.fields.empty());
        HK_ASSERT(s.border.records == parser.record_number());
        out.push_back(std::move(s));
    }
}

void check_rewritten(const seen& s, char delimiter)
{
    std::string line;
    for (const auto& f : s.fields)
    {
        HK_ASSERT(text::is_valid_utf8(f));
        line += line.empty() && &f == &s.fields.front() ? "" : std::string(1, delimiter);
        append_csv_field(line, f, delimiter);
    }
    if (line.empty())
    {
        return; // one empty field: an empty line is no record
    }
    line += "\r\n";
    // Past the start of a file: what looks like a byte order mark is text there.
    const auto again = read_all(csv_parser(delimiter, {.offset = 1}), line, line.size());
    HK_ASSERT(again.size() == 1 && again[0].fields == s.fields);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
    {
        return 0;
    }
    constexpr char delimiters[] = {',', ';', '\t'};
    const char delimiter = delimiters[data[0] % 3];
    const std::size_t chunk = 1 + data[1] % 16;
    const std::string_view file(reinterpret_cast<const char*>(data) + 2, size - 2);
    csv_parser parser(delimiter);
    parser.expect_columns(data[1] / 64);
    const auto all = read_all(parser, file, file.size() + 1);
    HK_ASSERT(all == read_all(parser, file, chunk));
    std::uint64_t at = 0;
    for (const seen& s : all)
    {
        HK_ASSERT(s.border.offset > at && s.border.offset <= file.size());
        at = s.border.offset;
        if (s.good)
        {
            check_rewritten(s, delimiter);
        }
    }
    if (!all.empty())
    {
        const std::size_t from = data[0] / 3 % all.size();
        csv_parser rest(delimiter, all[from].border);
        rest.expect_columns(data[1] / 64);
        const std::vector<seen> expected(all.begin() + static_cast<std::ptrdiff_t>(from) + 1,
                                         all.end());
        HK_ASSERT(read_all(rest, file.substr(all[from].border.offset), chunk) == expected);
    }
    return 0;
}
