#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/shaping/warm_up.h>

namespace hikyaku::shaping
{

/// Where mail leaves from.
struct source_rule
{
    std::string name;
    /// Both empty: the system chooses. When only one is set the source does not use the other
    /// family: mail must not leave from an address that SPF, PTR and warm-up know nothing of.
    std::string address_v4;
    std::string address_v6;
    /// What the source calls itself in EHLO.
    std::string ehlo_name;
    /// Names that the addresses must have in reverse DNS, lower case; empty: any name that leads
    /// back to the address.
    std::vector<std::string> ptr_names;
    std::optional<warm_up_plan> warm_up;

    [[nodiscard]] bool uses_v4() const noexcept
    {
        return !address_v4.empty() || address_v6.empty();
    }
    [[nodiscard]] bool uses_v6() const noexcept
    {
        return !address_v6.empty() || address_v4.empty();
    }
    friend bool operator==(const source_rule&, const source_rule&) = default;
};

/// One source of a pool.
struct pool_share
{
    /// Index into source_table::sources().
    std::size_t source = 0;
    std::uint32_t weight = 1;

    friend bool operator==(const pool_share&, const pool_share&) = default;
};

struct pool_rule
{
    std::string name;
    /// Each source once.
    std::vector<pool_share> shares;

    friend bool operator==(const pool_rule&, const pool_rule&) = default;
};

/// A pool as a person writes it.
struct pool_request
{
    struct member
    {
        std::string source;
        std::uint32_t weight = 1;
    };
    std::string name;
    std::vector<member> members;
};

/// What is wrong with a table, and where: "sources[2].address_v4", "pools.default[0].weight",
/// "pools.default", "pools".
struct source_error
{
    std::string where;
    std::string text;
    friend bool operator==(const source_error&, const source_error&) = default;
};
using source_errors = std::vector<source_error>;
/// Lets result<T, source_errors>::value() throw; only a bug reaches it.
[[noreturn]] void throw_exception_from_error(const source_errors& e, const boost::source_location&);

/// A durable number of a source's name.
struct numbered_source
{
    source_number number = 0;
    std::string name;
    friend bool operator==(const numbered_source&, const numbered_source&) = default;
};

/// All sources and pools. Immutable once made, but for the numbers.
/// Invariants: at least one source; names are unique; there is a pool "default"; every pool has a
/// share, every share a source of the table and a weight of 1 to weight_max.
class source_table
{
public:
    static constexpr std::size_t sources_max = 1'000;
    static constexpr std::size_t pools_max = 1'000;
    static constexpr std::size_t name_bytes_max = 64;
    static constexpr std::size_t ptr_names_max = 16;
    static constexpr std::uint32_t weight_max = 1'000;
    static constexpr std::string_view default_name = "default";

    /// One source, "default", that leaves the address to the system.
    explicit source_table(std::string ehlo_name);

    /// Without sources: one as above. Without pools: "default" has every source with weight 1. An
    /// empty EHLO name becomes `ehlo_name`.
    /// @error everything that is wrong: names that are empty, too long, given twice or with other
    ///        characters than letters, digits, '-', '_' and '.', addresses that are none or of the
    ///        wrong family, a pool without sources, with an unknown one or one twice, weights out
    ///        of range, no pool "default", too many of anything
    [[nodiscard]] static result<source_table, source_errors>
    make(std::vector<source_rule> sources, const std::vector<pool_request>& pools,
         const std::string& ehlo_name);

    [[nodiscard]] const std::vector<source_rule>& sources() const noexcept { return sources_; }
    [[nodiscard]] const std::vector<pool_rule>& pools() const noexcept { return pools_; }
    [[nodiscard]] std::optional<std::size_t> find(std::string_view name) const;
    /// nullptr: there is no such pool. Valid as long as the table.
    [[nodiscard]] const pool_rule* find_pool(std::string_view name) const;
    [[nodiscard]] const pool_rule& default_pool() const;

    /// Gives every source its durable number: the one in `known`, or the next free one.
    /// @returns the new ones, to be written before any of them is used
    /// @error all 65,535 numbers are given to other names
    [[nodiscard]] result<std::vector<numbered_source>, failure>
    assign_numbers(const std::vector<numbered_source>& known);
    /// 0 before assign_numbers(). @pre source < sources().size()
    [[nodiscard]] source_number number_of(std::size_t source) const { return numbers_[source]; }
    /// nullopt: the number's source is gone from the configuration, or 0.
    [[nodiscard]] std::optional<std::size_t> find_number(source_number number) const;

private:
    std::vector<source_rule> sources_;
    std::vector<pool_rule> pools_;
    std::vector<source_number> numbers_;
};

} // namespace hikyaku::shaping
