#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <hikyaku/base/bytes.h>

namespace hikyaku::dns
{

/// Reads one DNS message front to back. A read past the end, or a name that is not one, makes the
/// reader bad for good and yields zeros: check ok().
/// Invariant: at_ <= message_.size().
class wire_reader
{
public:
    /// `any_name_bytes`: see question.
    explicit wire_reader(std::string_view message, bool any_name_bytes = false) noexcept
        : message_(message), any_name_bytes_(any_name_bytes)
    {
    }

    [[nodiscard]] bool ok() const noexcept { return error_ == nullptr; }
    /// What made it bad; nullptr while ok.
    [[nodiscard]] const char* error() const noexcept { return error_; }
    [[nodiscard]] std::size_t at() const noexcept { return at_; }

    [[nodiscard]] std::uint8_t u8() noexcept { return read<std::uint8_t>(); }
    [[nodiscard]] std::uint16_t u16() noexcept { return read<std::uint16_t>(); }
    [[nodiscard]] std::uint32_t u32() noexcept { return read<std::uint32_t>(); }
    [[nodiscard]] std::string_view bytes(std::size_t size) noexcept;

    /// Reads a possibly compressed name (RFC 1035 section 4.1.4) into canonical form; "" is the
    /// root, and also what a bad reader yields.
    [[nodiscard]] std::string name();

private:
    template <class U> U read() noexcept
    {
        const std::string_view part = bytes(sizeof(U));
        return part.size() == sizeof(U) ? get_be<U>(part) : U{0};
    }
    void fail(const char* why) noexcept;
    /// Where a name is being read, while pointers lead away from at_.
    struct name_cursor
    {
        std::size_t pos;
        /// Pointers go to something earlier than the name, or part of a name, that holds them.
        std::size_t limit;
        std::size_t jumps = 0;
        /// Behind the first pointer: there the reading of the message goes on.
        std::optional<std::size_t> after{};
    };
    /// The byte at `pos`; 0 and bad past the end.
    [[nodiscard]] std::uint8_t name_byte(std::size_t pos) noexcept;
    void follow_pointer(name_cursor& cursor) noexcept;
    [[nodiscard]] bool append_label(std::string& out, std::size_t at, std::size_t size);

    std::string_view message_;
    bool any_name_bytes_;
    std::size_t at_ = 0;
    const char* error_ = nullptr;
};

} // namespace hikyaku::dns
