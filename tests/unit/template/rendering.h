#pragma once

#include <hikyaku/template/render_json.h>

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace hikyaku::tmpl
{

/// 2026-03-01T12:34:56+09:00
inline constexpr render_clock test_clock{wall_time{milliseconds{1'772'336'096'000}}, 540, "JST"};

inline std::string shown(std::string_view source, std::string_view data = "{}",
                         escape_mode mode = escape_mode::none)
{
    const auto parsed = parse_json(data);
    if (!parsed)
    {
        return "bad test data: " + parsed.error().text;
    }
    const auto made = render_json(source, *parsed, mode, test_clock);
    return made ? *made : "error " + to_string(made.error());
}

struct row
{
    std::string_view source;
    std::string_view expected;
    std::string_view data = "{}";

    friend std::ostream& operator<<(std::ostream& os, const row& r) { return os << r.source; }
};

template <std::size_t N>
void expect_rows(const row (&rows)[N], escape_mode mode = escape_mode::none)
{
    for (const auto& r : rows)
    {
        EXPECT_EQ(shown(r.source, r.data, mode), r.expected) << r.source << "  with  " << r.data;
    }
}

} // namespace hikyaku::tmpl
