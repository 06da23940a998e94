#include "watermark.h"

#include <hikyaku/base/log.h>

#include <charconv>

namespace hikyaku::store
{

std::optional<std::uint64_t> watermark::load() const
{
    std::string text;
    const std::string path = dir_ + "/acked.seq";
    if (env_.FileExists(path).IsNotFound())
    {
        return std::nullopt;
    }
    const auto status = rocksdb::ReadFileToString(&env_, path, &text);
    std::uint64_t seq = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seq);
    if (!status.ok() || ec != std::errc{} || end == text.data() + text.size() || *end != '\n')
    {
        log::error("watermark_damaged", {{"file", "acked.seq"}, {"reason", status.ToString()}});
        return std::nullopt;
    }
    return seq;
}

rocksdb::Status watermark::save(std::uint64_t seq) const
{
    const std::string path = dir_ + "/acked.seq";
    const std::string fresh = path + ".new";
    auto status = rocksdb::WriteStringToFile(&env_, std::to_string(seq) + "\n", fresh, true);
    if (status.ok())
    {
        status = env_.RenameFile(fresh, path);
    }
    std::unique_ptr<rocksdb::Directory> directory;
    if (status.ok())
    {
        status = env_.NewDirectory(dir_, &directory);
    }
    return status.ok() ? directory->Fsync() : status;
}

} // namespace hikyaku::store
