#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/json.h>
#include <hikyaku/base/result.h>
#include <hikyaku/http/request.h>
#include <hikyaku/http/response.h>

namespace hikyaku::api
{

/// ?limit=&cursor= of a list.
struct page
{
    static constexpr std::size_t limit_default = 50;
    static constexpr std::size_t limit_max = 1'000;
    static constexpr std::size_t cursor_chars_max = 4'096;

    std::size_t limit = limit_default;
    /// As a former answer gave it; empty: from the beginning.
    std::string cursor{};
};

/// Refuses query parameters that are not in `known`, and names that come twice.
/// @error 422 `invalid_parameters`, pointer "?name"
[[nodiscard]] result<void, http::response>
check_query(const http::request& r, std::initializer_list<std::string_view> known);

/// Reads limit and cursor and refuses parameters other than these and `others`.
/// @error 422 `invalid_parameters`
[[nodiscard]] result<page, http::response>
read_page(const http::request& r, std::initializer_list<std::string_view> others = {});

/// 422 `invalid_parameters` about one parameter.
[[nodiscard]] http::response invalid_parameter(std::string_view name, std::string detail);

/// {"data":[…],"next_cursor":"…"|null}
[[nodiscard]] http::response list_answer(json::array data, std::optional<std::string> next_cursor);

} // namespace hikyaku::api
