#include "watermark.h"

#include "durable_file.h"

#include <hikyaku/base/log.h>

#include <charconv>

namespace hikyaku::store
{
namespace
{

constexpr const char* mark_file = "acked.seq";
constexpr const char* gap_file = "acked.gap";

/// Reads a number that is followed by `end` and moves behind it.
bool take_number(std::string_view& text, char end, std::uint64_t& out)
{
    const auto [at, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec != std::errc{} || at == text.data() + text.size() || *at != end)
    {
        return false;
    }
    text.remove_prefix(static_cast<std::size_t>(at - text.data()) + 1);
    return true;
}

} // namespace

std::optional<std::uint64_t> watermark::load() const
{
    const std::string path = dir_ + "/" + mark_file;
    if (env_.FileExists(path).IsNotFound())
    {
        return std::nullopt;
    }
    std::string text;
    const auto status = rocksdb::ReadFileToString(&env_, path, &text);
    std::uint64_t seq = 0;
    std::string_view rest = text;
    if (!status.ok() || !take_number(rest, '\n', seq) || !rest.empty())
    {
        log::error("watermark_damaged", {{"file", mark_file}, {"reason", status.ToString()}});
        return std::nullopt;
    }
    return seq;
}

rocksdb::Status watermark::save(std::uint64_t seq) const
{
    return replace_file(env_, dir_, mark_file, std::to_string(seq) + "\n");
}

std::optional<missing_tail> watermark::load_gap() const
{
    const std::string path = dir_ + "/" + gap_file;
    if (env_.FileExists(path).IsNotFound())
    {
        return std::nullopt;
    }
    std::string text;
    const auto status = rocksdb::ReadFileToString(&env_, path, &text);
    missing_tail gap;
    std::string_view rest = text;
    if (!status.ok() || !take_number(rest, ' ', gap.acknowledged) ||
        !take_number(rest, '\n', gap.found) || !rest.empty())
    {
        log::error("watermark_damaged", {{"file", gap_file}, {"reason", status.ToString()}});
        return missing_tail{};
    }
    return gap;
}

rocksdb::Status watermark::save_gap(const missing_tail& gap) const
{
    return replace_file(env_, dir_, gap_file,
                        std::to_string(gap.acknowledged) + " " + std::to_string(gap.found) + "\n");
}

rocksdb::Status watermark::clear_gap() const
{
    return remove_file(env_, dir_, gap_file);
}

} // namespace hikyaku::store
