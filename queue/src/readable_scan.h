#pragma once

#include <string>
#include <string_view>

#include <hikyaku/store/reader.h>

namespace hikyaku::queue
{

/// Walks the keys with a prefix like a cursor, and steps over stretches that can't be read instead
/// of ending there. Where such a stretch ends is found by trying keys, doubling the distance.
class readable_scan
{
public:
    /// @param key_bytes  how long the longest keys are
    readable_scan(const store::reader& from, std::string prefix, std::size_t key_bytes);

    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] std::string_view key() const { return it_.key(); }
    [[nodiscard]] std::string_view value() const { return it_.value(); }
    void next();
    /// Moves to the first readable key >= `key`. @pre it begins with the prefix
    void seek(std::string_view key);
    /// Keys may have been left out.
    [[nodiscard]] bool stepped_over() const noexcept { return stepped_over_; }

private:
    [[nodiscard]] bool fails_at(const std::string& suffix);
    void settle(std::string from);

    std::string prefix_;
    std::size_t suffix_bytes_;
    store::cursor it_;
    bool valid_ = false;
    bool stepped_over_ = false;
};

} // namespace hikyaku::queue
