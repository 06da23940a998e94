#pragma once

#include <string>

#include <CLI/CLI.hpp>

namespace hikyaku::cli
{

/// A bash script that completes commands and options of the whole tree, and files elsewhere.
[[nodiscard]] std::string bash_completion(const CLI::App& root);

} // namespace hikyaku::cli
