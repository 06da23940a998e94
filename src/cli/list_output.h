#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client_session.h"

namespace hikyaku::cli
{

/// A column of a list: its heading, and what a row shows in it.
struct list_column
{
    std::string heading;
    std::function<std::string(const json::object&)> text;
};

/// A column that shows a member of the row as it is.
[[nodiscard]] list_column member_column(std::string heading, std::string member);

/// Fetches the list at `target`, at most `items_max` items, and prints a table; with --json one
/// object per line. @returns the exit status
[[nodiscard]] int run_list(command_context& ctx, result<client_session, call_failure> session,
                           const std::string& target, const std::vector<list_column>& columns,
                           std::size_t items_max = client_session::list_items_max);

} // namespace hikyaku::cli
