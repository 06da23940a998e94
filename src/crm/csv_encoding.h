#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hikyaku::crm
{

/// How the bytes of a file are to be read.
enum class file_encoding : std::uint8_t
{
    utf8,
    utf8_mark,
    cp932,
    euc_jp,
    iso_2022_jp,
    unknown,
};
/// As in csv_report::encoding.
[[nodiscard]] std::string_view to_string(file_encoding e) noexcept;

/// Guesses the encoding of a file from all of its lines that are not ASCII (the first sample_max
/// bytes of them). Pure; memory is bounded.
class encoding_guess
{
public:
    static constexpr std::size_t sample_max = 1u << 20;

    void feed(std::string_view chunk);
    /// @pre all was fed, or enough
    [[nodiscard]] file_encoding finish();

private:
    void take_line(std::string_view line);

    bool first_ = true;
    bool has_mark_ = false;
    bool has_escapes_ = false;
    /// The line that the next chunk goes on with.
    std::string open_;
    std::string sample_;
    std::uint64_t lines_ = 0;
    std::uint64_t utf8_lines_ = 0;
};

} // namespace hikyaku::crm
