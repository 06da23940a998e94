#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hikyaku::http
{

/// Header fields in the order they came (RFC 9110 section 5). Names compare without case.
class header_fields
{
public:
    using container = std::vector<std::pair<std::string, std::string>>;

    header_fields() = default;
    explicit header_fields(container fields) : fields_(std::move(fields)) {}

    /// Appends one field; equal names may repeat.
    void add(std::string name, std::string value);
    /// The first value of `name`, or nullopt. Valid until the fields change.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// How often `name` occurs.
    [[nodiscard]] std::size_t count(std::string_view name) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }

private:
    container fields_;
};

/// Query parameters, decoded, in order; a name may repeat. Names compare exactly.
class query_parameters
{
public:
    /// Appends one parameter, already decoded.
    void add(std::string name, std::string value);
    /// The first value of `name` ("" for a bare name), or nullopt.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
    /// Every value of `name`, in order.
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
    [[nodiscard]] std::size_t size() const noexcept { return parameters_.size(); }
    [[nodiscard]] bool empty() const noexcept { return parameters_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return parameters_.begin(); }
    [[nodiscard]] auto end() const noexcept { return parameters_.end(); }

private:
    std::vector<std::pair<std::string, std::string>> parameters_;
};

/// Whether two ASCII names are equal without case.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;

} // namespace hikyaku::http
