#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/crm/import.h>

namespace hikyaku::crm
{

/// Which field each column of a file goes to, under one version of the tenant's schema.
class import_columns
{
public:
    /// @error invalid  no key column, two columns for one field, a mapping that fits nothing, and
    ///        with `strict` a column that matches no field
    [[nodiscard]] static result<import_columns, problem>
    match(schema_ptr fields, std::span<const std::string> header, const import_options& o);

    [[nodiscard]] const schema& fields() const noexcept { return *schema_; }
    [[nodiscard]] const field& key() const noexcept { return *schema_->find(key_); }
    /// A sentence for each column that is left out though nobody asked for it.
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

    /// The cells of a row as values, none for those to be cleared. @error invalid
    [[nodiscard]] result<values, problem> read(std::span<const std::string_view> cells) const;

private:
    struct target
    {
        std::size_t column = 0;
        const field* to = nullptr;
    };

    schema_ptr schema_;
    std::uint16_t key_ = 0;
    empty_cell empty_ = empty_cell::clear;
    /// Ascending by field id.
    std::vector<target> targets_;
    std::vector<std::string> warnings_;
};

} // namespace hikyaku::crm
