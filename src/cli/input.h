#pragma once

#include <iosfwd>
#include <string>

#include <hikyaku/base/result.h>

namespace hikyaku::cli
{

/// True for "" and "-": standard input.
[[nodiscard]] bool is_standard_input(const std::string& file) noexcept;

/// All bytes of a file, or of `in`.
/// @error failure  it can't be read, is a directory, or is longer than input_bytes_max
[[nodiscard]] result<std::string, failure> read_input(const std::string& file, std::istream& in);

} // namespace hikyaku::cli
