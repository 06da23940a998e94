#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <hikyaku/base/time.h>
#include <hikyaku/segment/cell.h>

namespace hikyaku::crm
{

/// An encoded contact, read in place: for conditions and for the send path. Keeps its buffers from
/// row to row, so use one for many. One thread; not copied.
class contact_row_view final : public segment::row_view
{
public:
    contact_row_view() = default;
    contact_row_view(const contact_row_view&) = delete;
    contact_row_view& operator=(const contact_row_view&) = delete;

    /// Looks at another row; its bytes must stay while the view is used.
    /// False when they are damaged or of another version: every slot is then missing.
    [[nodiscard]] bool load(std::string_view row);

    /// slot = field id. Borrows from the row; lists live until the next load().
    [[nodiscard]] segment::cell value(std::uint32_t slot) const override;

    /// Ids of the fields the row has, ascending; until the next load().
    [[nodiscard]] std::span<const std::uint16_t> ids() const;
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }
    [[nodiscard]] wall_time created() const noexcept { return created_; }
    [[nodiscard]] wall_time updated() const noexcept { return updated_; }

private:
    struct part
    {
        std::uint32_t id = 0;
        std::uint8_t kind = 0;
        std::string_view bytes;
        std::uint32_t list_first = 0;
        std::uint32_t list_size = 0;
    };
    void clear() noexcept;
    [[nodiscard]] bool read(std::string_view row);
    [[nodiscard]] segment::cell read_cell(const part& p) const;
    [[nodiscard]] bool read_list(std::string_view bytes, part& p);

    std::vector<part> parts_;
    std::vector<std::string_view> items_;
    mutable std::vector<std::uint16_t> ids_;
    std::uint64_t revision_ = 0;
    wall_time created_;
    wall_time updated_;
};

/// Reads the wanted fields (ids ascending) of a row: out[i] belongs to wanted[i] and is valid as
/// the view's are. False when the row is damaged; every cell is then missing.
[[nodiscard]] bool decode_fields(contact_row_view& view, std::string_view row,
                                 std::span<const std::uint16_t> wanted,
                                 std::vector<segment::cell>& out);

} // namespace hikyaku::crm
