#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

namespace hikyaku::api
{

/// The bytes of a file; nullopt when it can't be read or holds more than `bytes_max`.
[[nodiscard]] inline std::optional<std::string> read_small_file(const std::filesystem::path& file,
                                                                std::size_t bytes_max)
{
    std::ifstream in(file, std::ios::binary);
    std::string out(bytes_max + 1, '\0');
    in.read(out.data(), static_cast<std::streamsize>(out.size()));
    out.resize(static_cast<std::size_t>(in.gcount()));
    return in.eof() && out.size() <= bytes_max ? std::optional(std::move(out)) : std::nullopt;
}

} // namespace hikyaku::api
