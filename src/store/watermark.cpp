#include "watermark.h"

#include "durable_file.h"

#include <hikyaku/base/log.h>
#include <hikyaku/crypto/hex.h>
#include <hikyaku/crypto/sha256.h>

#include <charconv>

namespace hikyaku::store
{
namespace
{

constexpr const char* mark_file = "acked.seq";
constexpr const char* gap_file = "acked.gap";

constexpr std::size_t sum_digits = 16;
constexpr std::string_view mark_head = "acked 2 ";
constexpr std::string_view gap_head = "gap 2 ";

/// The first digits of the SHA-256 of the line's text.
std::string sum_of(std::string_view text)
{
    return crypto::encode_hex(crypto::as_bytes(crypto::sha256(text))).substr(0, sum_digits);
}

std::string seal(std::string text)
{
    const std::string sum = sum_of(text);
    return text + sum + "\n";
}

/// Takes `head` off the front and the checksum off the end. @returns whether both are right
bool unseal(std::string_view& text, std::string_view head)
{
    if (text.size() < head.size() + sum_digits + 1 || !text.starts_with(head) ||
        text.back() != '\n')
    {
        return false;
    }
    const auto body = text.substr(0, text.size() - sum_digits - 1);
    const auto sum = text.substr(body.size(), sum_digits);
    if (sum != sum_of(body))
    {
        return false;
    }
    text = body.substr(head.size());
    return true;
}

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

watermark::load_state watermark::load(std::uint64_t& seq) const
{
    const std::string path = dir_ + "/" + mark_file;
    if (env_.FileExists(path).IsNotFound())
    {
        return load_state::none;
    }
    std::string text;
    const auto status = rocksdb::ReadFileToString(&env_, path, &text);
    std::string_view rest = text;
    if (status.ok() && take_number(rest, '\n', seq) && rest.empty())
    {
        return load_state::found; // layout 1 had no checksum; the next save replaces it
    }
    rest = text;
    if (!status.ok() || !unseal(rest, mark_head) || !take_number(rest, ' ', seq) || !rest.empty())
    {
        log::error("watermark_damaged", {{"file", mark_file}, {"reason", status.ToString()}});
        return load_state::damaged;
    }
    return load_state::found;
}

rocksdb::Status watermark::save(std::uint64_t seq) const
{
    return replace_file(env_, dir_, mark_file,
                        seal(std::string(mark_head) + std::to_string(seq) + " "));
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
    const bool is_layout_1 = status.ok() && !rest.starts_with(gap_head);
    const char end = is_layout_1 ? '\n' : ' ';
    if (!status.ok() || (!is_layout_1 && !unseal(rest, gap_head)) ||
        !take_number(rest, ' ', gap.acknowledged) || !take_number(rest, end, gap.found) ||
        !rest.empty())
    {
        log::error("watermark_damaged", {{"file", gap_file}, {"reason", status.ToString()}});
        return missing_tail{};
    }
    return gap;
}

rocksdb::Status watermark::save_gap(const missing_tail& gap) const
{
    return replace_file(env_, dir_, gap_file,
                        seal(std::string(gap_head) + std::to_string(gap.acknowledged) + " " +
                             std::to_string(gap.found) + " "));
}

rocksdb::Status watermark::clear_gap() const
{
    return remove_file(env_, dir_, gap_file);
}

} // namespace hikyaku::store
