#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "import_source.h"

namespace hikyaku::crm
{

/// The error file of an import: the columns row and reason, then those of the upload, so that it
/// can be mended and imported again. A row that is no CSV stands in one field.
class import_rejects
{
public:
    /// Of a row that is no CSV, as shown.
    static constexpr std::size_t broken_bytes_max = 64u << 10;

    /// `bytes` of the file are valid (a checkpoint says so); more is cut off.
    import_rejects(const import_source& source, std::filesystem::path file, std::uint64_t bytes)
        : source_(source), file_(std::move(file)), bytes_(bytes)
    {
    }

    void add(const import_row& row, std::string_view reason);
    /// Makes what was added durable. @error io
    [[nodiscard]] result<void, problem> flush();
    /// Durable bytes.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    const import_source& source_;
    std::filesystem::path file_;
    std::uint64_t bytes_;
    std::optional<output_file> open_;
    std::string pending_;
};

} // namespace hikyaku::crm
