#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace hikyaku
{

/// Appends an unsigned integer big-endian: keys sort as numbers do.
template <class U> void put_be(std::string& out, U value)
{
    static_assert(std::is_unsigned_v<U>);
    char buffer[sizeof(U)];
    for (std::size_t i = 0; i < sizeof(U); ++i)
    {
        buffer[i] = static_cast<char>(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >>
                                                                (8 * (sizeof(U) - 1 - i))));
    }
    out.append(buffer, sizeof(U));
}

/// Reads a big-endian unsigned integer. @pre at.size() >= sizeof(U)
template <class U> [[nodiscard]] U get_be(std::string_view at)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(U); ++i)
    {
        value = (value << 8) | static_cast<std::uint8_t>(at[i]);
    }
    return static_cast<U>(value);
}

/// Appends LEB128, 1 to 10 bytes.
inline void put_varint(std::string& out, std::uint64_t value)
{
    while (value >= 0x80)
    {
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(value) | 0x80U));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

/// Appends a varint length and the bytes.
inline void put_string(std::string& out, std::string_view bytes)
{
    put_varint(out, bytes.size());
    out.append(bytes);
}

[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t v) noexcept
{
    return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t v) noexcept
{
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

/// Reads our own encodings front to back. A read past the end, or a broken varint, makes the
/// reader bad for good and yields zeros: check ok() once at the end.
class byte_reader
{
public:
    explicit byte_reader(std::string_view bytes) noexcept : rest_(bytes) {}

    [[nodiscard]] bool ok() const noexcept { return ok_; }
    [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

    template <class U> [[nodiscard]] U be() noexcept
    {
        const auto part = take(sizeof(U));
        return part.size() == sizeof(U) ? get_be<U>(part) : U{0};
    }
    [[nodiscard]] std::uint8_t u8() noexcept { return be<std::uint8_t>(); }

    [[nodiscard]] std::uint64_t varint() noexcept
    {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7)
        {
            if (rest_.empty())
            {
                break;
            }
            const auto byte = static_cast<std::uint8_t>(rest_.front());
            rest_.remove_prefix(1);
            value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
            if ((byte & 0x80U) == 0)
            {
                return value;
            }
        }
        fail();
        return 0;
    }
    [[nodiscard]] std::string_view string() noexcept { return take(varint()); }
    [[nodiscard]] std::string_view take(std::uint64_t size) noexcept
    {
        if (size > rest_.size())
        {
            fail();
            return {};
        }
        const auto part = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(static_cast<std::size_t>(size));
        return part;
    }

private:
    void fail() noexcept
    {
        ok_ = false;
        rest_ = {};
    }
    std::string_view rest_;
    bool ok_ = true;
};

} // namespace hikyaku
