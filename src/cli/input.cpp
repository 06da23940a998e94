#include "input.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <istream>

#include <hikyaku/cli/diagnose.h>

namespace hikyaku::cli
{
namespace
{

constexpr std::size_t chunk_bytes = 64u << 10;

result<std::string, failure> read_all(std::istream& in, const std::string& name)
{
    std::string bytes;
    std::string chunk(chunk_bytes, '\0');
    while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0)
    {
        bytes.append(chunk, 0, static_cast<std::size_t>(in.gcount()));
        if (bytes.size() > input_bytes_max)
        {
            return failure{name + " is longer than " + std::to_string(input_bytes_max) + " bytes"};
        }
    }
    if (in.bad())
    {
        return failure{name + " cannot be read"}; // a directory opens all the same
    }
    return {boost::system::in_place_value, std::move(bytes)};
}

} // namespace

bool is_standard_input(const std::string& file) noexcept
{
    return file.empty() || file == "-";
}

result<std::string, failure> read_input(const std::string& file, std::istream& in)
{
    if (is_standard_input(file))
    {
        return read_all(in, "standard input");
    }
    std::ifstream opened(file, std::ios::binary);
    if (!opened)
    {
        return failure{file + ": " + std::strerror(errno)};
    }
    return read_all(opened, file);
}

} // namespace hikyaku::cli
