#include "memory_disk.h"

#include <hikyaku/base/assert.h>

#include <rocksdb/file_system.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <optional>

namespace hikyaku::sim
{

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::FSWritableFileOwnerWrapper;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

struct memory_disk::contents
{
    const memory_disk* disk = nullptr;
    std::mutex mutex;
    /// Path → bytes that a power cut leaves.
    std::map<std::string, std::uint64_t> synced;
    std::optional<unsigned> cut_at_sync;
    std::unique_ptr<memory_disk> image;
};

class disk_file final : public FSWritableFileOwnerWrapper
{
public:
    disk_file(std::unique_ptr<FSWritableFile> to, std::string path,
              std::shared_ptr<memory_disk::contents> of)
        : FSWritableFileOwnerWrapper(std::move(to)), path_(std::move(path)), of_(std::move(of))
    {
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& o, IODebugContext* d) override
    {
        size_ += data.size();
        return FSWritableFileOwnerWrapper::Append(data, o, d);
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& o,
                    const rocksdb::DataVerificationInfo& v, IODebugContext* d) override
    {
        size_ += data.size();
        return FSWritableFileOwnerWrapper::Append(data, o, v, d);
    }
    IOStatus Sync(const IOOptions& o, IODebugContext* d) override
    {
        note_sync();
        return FSWritableFileOwnerWrapper::Sync(o, d);
    }
    IOStatus Fsync(const IOOptions& o, IODebugContext* d) override
    {
        note_sync();
        return FSWritableFileOwnerWrapper::Fsync(o, d);
    }

private:
    void note_sync()
    {
        std::optional<unsigned> cut;
        {
            const std::lock_guard lock(of_->mutex);
            if (path_.ends_with(".log"))
            {
                cut = std::exchange(of_->cut_at_sync, std::nullopt);
            }
        }
        if (cut)
        {
            of_->image = of_->disk->cut_power(*cut);
        }
        const std::lock_guard lock(of_->mutex);
        of_->synced[path_] = size_;
    }

    std::string path_;
    std::shared_ptr<memory_disk::contents> of_;
    std::uint64_t size_ = 0;
};

class disk_file_system final : public rocksdb::FileSystemWrapper
{
public:
    disk_file_system(const std::shared_ptr<FileSystem>& to,
                     std::shared_ptr<memory_disk::contents> of)
        : FileSystemWrapper(to), of_(std::move(of))
    {
    }
    const char* Name() const override { return "MemoryDisk"; }
    IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<FSWritableFile>* out, IODebugContext* d) override
    {
        std::unique_ptr<FSWritableFile> made;
        auto status = target()->NewWritableFile(path, options, &made, d);
        if (status.ok())
        {
            *out = std::make_unique<disk_file>(std::move(made), path, of_);
            const std::lock_guard lock(of_->mutex);
            of_->synced[path] = 0;
        }
        return status;
    }
    IOStatus ReopenWritableFile(const std::string&, const FileOptions&,
                                std::unique_ptr<FSWritableFile>*, IODebugContext*) override
    {
        return IOStatus::NotSupported("files are written once");
    }
    IOStatus ReuseWritableFile(const std::string&, const std::string&, const FileOptions&,
                               std::unique_ptr<FSWritableFile>*, IODebugContext*) override
    {
        return IOStatus::NotSupported("files are written once");
    }
    IOStatus DeleteFile(const std::string& path, const IOOptions& o, IODebugContext* d) override
    {
        auto status = target()->DeleteFile(path, o, d);
        const std::lock_guard lock(of_->mutex);
        of_->synced.erase(path);
        return status;
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& o,
                        IODebugContext* d) override
    {
        auto status = target()->RenameFile(from, to, o, d);
        const std::lock_guard lock(of_->mutex);
        const auto found = of_->synced.find(from);
        if (status.ok() && found != of_->synced.end())
        {
            of_->synced[to] = found->second;
            of_->synced.erase(from);
        }
        return status;
    }

private:
    std::shared_ptr<memory_disk::contents> of_;
};

memory_disk::memory_disk()
    : contents_(std::make_shared<contents>()), memory_(rocksdb::NewMemEnv(rocksdb::Env::Default()))
{
    contents_->disk = this;
    env_ = rocksdb::NewCompositeEnv(
        std::make_shared<disk_file_system>(memory_->GetFileSystem(), contents_));
}

memory_disk::~memory_disk() = default;

std::unique_ptr<memory_disk> memory_disk::cut_power(unsigned torn) const
{
    auto after = std::make_unique<memory_disk>();
    const std::lock_guard lock(contents_->mutex);
    for (const auto& [path, synced] : contents_->synced)
    {
        std::string bytes;
        if (!rocksdb::ReadFileToString(memory_.get(), path, &bytes).ok())
        {
            continue; // the lock
        }
        HK_ASSERT(synced <= bytes.size());
        const auto rest = path.ends_with(".log") ? (bytes.size() - synced) * torn / 100 : 0;
        bytes.resize(synced + rest);
        (void)after->memory_->CreateDirIfMissing(std::filesystem::path(path).parent_path());
        const auto status =
            rocksdb::WriteStringToFile(after->memory_.get(), bytes, path, /*should_sync=*/true);
        HK_ASSERT(status.ok());
        after->contents_->synced[path] = bytes.size();
    }
    return after;
}

void memory_disk::cut_power_at_next_sync(unsigned torn)
{
    const std::lock_guard lock(contents_->mutex);
    contents_->cut_at_sync = torn;
}

std::unique_ptr<memory_disk> memory_disk::take_image()
{
    contents_->cut_at_sync.reset();
    return std::move(contents_->image);
}

} // namespace hikyaku::sim
