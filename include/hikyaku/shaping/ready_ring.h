#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace hikyaku::shaping
{

/// Deficit round robin over the entries that have something to send now (lanes of tenant × stream
/// within a site): over time each gets a share in proportion to its weight, and an entry with a
/// million recipients never stands before one with ten. Every operation is O(1), clear() aside.
///
/// Handles are the caller's dense slot numbers. Pure, not thread-safe.
/// Invariant: an entry's credit never exceeds quantum × its weight when its turn began: nobody
/// hoards.
class ready_ring
{
public:
    using handle = std::uint32_t;
    static constexpr std::uint32_t weight_max = 1'000;
    static constexpr std::uint32_t quantum_max = 65'536;

    /// Whose turn it is, and how many units it may take before the turn passes on. credit >= 1.
    struct turn
    {
        handle which;
        std::uint32_t credit;

        friend bool operator==(const turn&, const turn&) = default;
    };

    /// `quantum` is the units that weight 1 gets per round (a unit is a message).
    /// @pre 1 <= quantum <= quantum_max
    explicit ready_ring(std::uint32_t quantum = 1);

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool contains(handle which) const noexcept;

    /// Puts `which` behind all others, without credit from its last stay. Of one that is there
    /// already only the weight changes, from its next round on. @pre 1 <= weight <= weight_max
    void insert(handle which, std::uint32_t weight = 1);
    /// Takes it out: nothing left to send. @returns false when it was not there
    bool erase(handle which);

    /// Whose turn it is; nullopt when empty. The same again until charge, pass or erase.
    [[nodiscard]] std::optional<turn> next();
    /// The one whose turn it is took `units`; with its credit used up the turn passes on.
    /// @pre next() said so: `which` is in front, 1 <= units <= credit
    void charge(handle which, std::uint32_t units);
    /// The one whose turn it is can't send now (a limit of its own): the turn passes on, its credit
    /// lapses.
    /// @pre `which` is in front
    void pass(handle which);

    void clear() noexcept;

private:
    static constexpr handle nobody = UINT32_MAX;
    struct node
    {
        handle before = nobody;
        handle after = nobody;
        std::uint32_t weight = 0; // 0: not in the ring
        std::uint32_t credit = 0;
    };

    std::uint32_t quantum_;
    std::vector<node> nodes_;
    std::size_t size_ = 0;
    handle front_ = nobody;
};

} // namespace hikyaku::shaping
