#include "code.h"

#include <algorithm>

namespace hikyaku::tmpl
{

std::string to_string(const source_error& error)
{
    return std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.text;
}

source_error error_at(std::string_view source, std::size_t offset, std::string text)
{
    const auto before = source.substr(0, std::min(offset, source.size()));
    const auto lines = std::count(before.begin(), before.end(), '\n');
    const auto last = before.rfind('\n');
    const auto row = last == std::string_view::npos ? before : before.substr(last + 1);
    const auto points = std::count_if(row.begin(), row.end(), [](char c)
                                      { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
    return {static_cast<std::size_t>(lines) + 1, static_cast<std::size_t>(points) + 1,
            std::move(text)};
}

} // namespace hikyaku::tmpl
