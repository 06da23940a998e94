#include "fault_env.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hikyaku::test
{

namespace fs = std::filesystem;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

void disk_history::add(kind what, std::uint32_t file, std::uint64_t size, std::string_view name,
                       std::string_view to)
{
    const std::uint32_t at = count_.load();
    if (at >= events_max || name.size() > name_max || to.size() > name_max)
    {
        std::abort(); // the limit of the test's own record
    }
    event& e = events_[at];
    e = {};
    e.what = what;
    e.file = file;
    e.size = size;
    std::copy(name.begin(), name.end(), e.name.begin());
    std::copy(to.begin(), to.end(), e.to.begin());
    count_.store(at + 1);
}

void disk_history::clear() noexcept
{
    count_.store(0);
    operations.store(0);
    failed.store(false);
    log_failed_on.store(0);
    next_file.store(1);
}

namespace
{

enum class step
{
    /// Needs space.
    write,
    other,
};

IOStatus system_error(const char* what)
{
    return IOStatus::IOError(what, std::strerror(errno));
}

bool is_passed_through(const std::string& name)
{
    return name.starts_with("LOG") || name.starts_with("LOCK");
}

/// The directory's state that is shared by its files.
class tracked_directory
{
public:
    tracked_directory(fs::path dir, fs::path shadow, disk_history& history)
        : dir_(std::move(dir)), shadow_(std::move(shadow)), history_(history)
    {
        fs::create_directories(shadow_);
        if (!fs::exists(dir_))
        {
            return;
        }
        for (const auto& entry : fs::directory_iterator(dir_))
        {
            const std::string name = entry.path().filename();
            if (entry.is_regular_file() && !is_passed_through(name))
            {
                const auto file = adopt(name);
                history_.add(disk_history::kind::sync_file, file, entry.file_size(), name);
            }
        }
        history_.add(disk_history::kind::sync_directory, 0, 0, "");
    }

    /// Counts an operation. @returns what the caller must answer
    [[nodiscard]] IOStatus next(step s, bool is_log)
    {
        const std::uint64_t number = ++history_.operations;
        const fault how = history_.how.load();
        const std::uint64_t at = history_.fail_at.load();
        if (how == fault::none || at == 0 || number < at)
        {
            return IOStatus::OK();
        }
        if (how == fault::crash)
        {
            history_.failed.store(true);
            ::_exit(137);
        }
        const bool later = number > at;
        const bool fails =
            !later || how == fault::disk_gone || (how == fault::disk_full && s == step::write);
        if (!fails)
        {
            return IOStatus::OK();
        }
        history_.failed.store(true);
        if (is_log)
        {
            history_.log_failed_on.store(::gettid());
        }
        return how == fault::no_space || how == fault::disk_full ? IOStatus::NoSpace("injected")
                                                                 : IOStatus::IOError("injected");
    }

    [[nodiscard]] bool is_here(const fs::path& path) const { return path.parent_path() == dir_; }
    [[nodiscard]] std::uint32_t created(const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        return adopt(name);
    }
    [[nodiscard]] std::uint32_t number_of(const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        return files_.at(name);
    }
    [[nodiscard]] IOStatus unlink(const std::string& name)
    {
        const std::lock_guard lock(mutex_);
        if (::unlink((dir_ / name).c_str()) != 0)
        {
            return errno == ENOENT ? IOStatus::PathNotFound(name) : system_error("unlink");
        }
        files_.erase(name);
        history_.add(disk_history::kind::unlink, 0, 0, name);
        return IOStatus::OK();
    }
    [[nodiscard]] IOStatus rename(const std::string& from, const std::string& to)
    {
        const std::lock_guard lock(mutex_);
        if (::rename((dir_ / from).c_str(), (dir_ / to).c_str()) != 0)
        {
            return system_error("rename");
        }
        files_[to] = files_.at(from);
        files_.erase(from);
        history_.add(disk_history::kind::rename, 0, 0, from, to);
        return IOStatus::OK();
    }
    void synced_file(std::uint32_t file, std::uint64_t size)
    {
        const std::lock_guard lock(mutex_);
        history_.add(disk_history::kind::sync_file, file, size, "");
    }
    void synced_names()
    {
        const std::lock_guard lock(mutex_);
        history_.add(disk_history::kind::sync_directory, 0, 0, "");
    }

private:
    std::uint32_t adopt(const std::string& name)
    {
        const std::uint32_t file = history_.next_file++;
        fs::create_hard_link(dir_ / name, shadow_ / std::to_string(file));
        files_[name] = file;
        history_.add(disk_history::kind::create, file, 0, name);
        return file;
    }

    const fs::path dir_;
    const fs::path shadow_;
    disk_history& history_;
    std::mutex mutex_;
    std::map<std::string, std::uint32_t> files_;
};

class tracked_file final : public rocksdb::FSWritableFile
{
public:
    tracked_file(std::shared_ptr<tracked_directory> owner, int fd, std::uint32_t number, bool log,
                 std::uint64_t size)
        : owner_(std::move(owner)), fd_(fd), number_(number), log_(log), size_(size)
    {
    }
    ~tracked_file() override { close_descriptor(); }

    using FSWritableFile::Append;
    IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override
    {
        const auto status = owner_->next(step::write, log_);
        // Of a failing append a part reaches the file, as on a real disk.
        const auto written = write(status.ok() ? data.size() : data.size() / 2, data.data());
        return status.ok() ? written : status;
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override
    {
        const auto status = owner_->next(step::other, false);
        if (!status.ok())
        {
            return status;
        }
        size_ = size;
        return ::ftruncate(fd_, static_cast<off_t>(size)) == 0 ? IOStatus::OK()
                                                               : system_error("truncate");
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override
    {
        const auto status = owner_->next(step::other, false);
        close_descriptor();
        return status;
    }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override
    {
        const std::uint64_t size = size_;
        const auto status = owner_->next(step::other, log_);
        // The pages of a failed fsync are lost: a later one that succeeds says nothing of them.
        lost_ = lost_ || !status.ok();
        if (status.ok() && !lost_)
        {
            owner_->synced_file(number_, size);
        }
        return status;
    }
    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override
    {
        return owner_->next(step::other, false); // promises nothing
    }
    bool IsSyncThreadSafe() const override { return true; }
    std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

private:
    IOStatus write(std::size_t size, const char* data)
    {
        while (size > 0)
        {
            const ssize_t n = ::write(fd_, data, size);
            if (n < 0)
            {
                return system_error("write");
            }
            data += n;
            size -= static_cast<std::size_t>(n);
            size_ += static_cast<std::uint64_t>(n);
        }
        return IOStatus::OK();
    }
    void close_descriptor()
    {
        if (fd_ >= 0)
        {
            ::close(fd_);
            fd_ = -1;
        }
    }

    std::shared_ptr<tracked_directory> owner_;
    int fd_;
    const std::uint32_t number_;
    const bool log_;
    std::atomic<bool> lost_{false};
    std::atomic<std::uint64_t> size_;
};

class tracked_names final : public rocksdb::FSDirectory
{
public:
    explicit tracked_names(std::shared_ptr<tracked_directory> owner) : owner_(std::move(owner)) {}
    IOStatus Fsync(const IOOptions&, IODebugContext*) override
    {
        const auto status = owner_->next(step::other, false);
        if (status.ok())
        {
            owner_->synced_names();
        }
        return status;
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

private:
    std::shared_ptr<tracked_directory> owner_;
};

class fault_file_system final : public rocksdb::FileSystemWrapper
{
public:
    fault_file_system(fs::path dir, fs::path shadow, disk_history& history)
        : FileSystemWrapper(rocksdb::FileSystem::Default()), dir_(dir),
          tracked_(std::make_shared<tracked_directory>(std::move(dir), std::move(shadow), history))
    {
    }
    const char* Name() const override { return "FaultFileSystem"; }

    IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* out,
                             IODebugContext* debug) override
    {
        const std::string name = fs::path(path).filename();
        if (!tracked_->is_here(path) || is_passed_through(name))
        {
            return target()->NewWritableFile(path, options, out, debug);
        }
        const auto status = tracked_->next(step::write, false);
        if (!status.ok())
        {
            return status;
        }
        // A file that is written anew is another file: the old bytes stay until names are synced.
        const auto gone = tracked_->unlink(name);
        if (!gone.ok() && !gone.IsPathNotFound())
        {
            return gone;
        }
        const int fd = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0)
        {
            return system_error("open");
        }
        const auto number = tracked_->created(name);
        *out = std::make_unique<tracked_file>(tracked_, fd, number, name.ends_with(".log"), 0);
        return IOStatus::OK();
    }
    IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions&,
                                std::unique_ptr<rocksdb::FSWritableFile>* out,
                                IODebugContext*) override
    {
        const auto status = tracked_->next(step::write, false);
        if (!status.ok())
        {
            return status;
        }
        const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        struct stat info{};
        if (fd < 0 || ::fstat(fd, &info) != 0)
        {
            return system_error("open");
        }
        const std::string name = fs::path(path).filename();
        *out = std::make_unique<tracked_file>(tracked_, fd, tracked_->number_of(name),
                                              name.ends_with(".log"),
                                              static_cast<std::uint64_t>(info.st_size));
        return IOStatus::OK();
    }
    IOStatus ReuseWritableFile(const std::string&, const std::string&, const rocksdb::FileOptions&,
                               std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override
    {
        return IOStatus::NotSupported("reuse of files");
    }
    IOStatus NewRandomRWFile(const std::string&, const rocksdb::FileOptions&,
                             std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override
    {
        return IOStatus::NotSupported("writing in place");
    }
    IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                          std::unique_ptr<rocksdb::FSDirectory>* out,
                          IODebugContext* debug) override
    {
        if (fs::path(path) != dir_)
        {
            return target()->NewDirectory(path, options, out, debug);
        }
        *out = std::make_unique<tracked_names>(tracked_);
        return IOStatus::OK();
    }
    IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                        IODebugContext* debug) override
    {
        const std::string name = fs::path(path).filename();
        if (!tracked_->is_here(path) || is_passed_through(name))
        {
            return target()->DeleteFile(path, options, debug);
        }
        const auto status = tracked_->next(step::other, false);
        return status.ok() ? tracked_->unlink(name) : status;
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override
    {
        const std::string name = fs::path(from).filename();
        if (!tracked_->is_here(from) || is_passed_through(name))
        {
            return target()->RenameFile(from, to, options, debug);
        }
        const auto status = tracked_->next(step::other, false);
        return status.ok() ? tracked_->rename(name, fs::path(to).filename()) : status;
    }
    IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                      IODebugContext*) override
    {
        return IOStatus::NotSupported("links");
    }
    IOStatus Truncate(const std::string&, std::size_t, const IOOptions&, IODebugContext*) override
    {
        return IOStatus::NotSupported("truncation by name");
    }

private:
    const fs::path dir_;
    std::shared_ptr<tracked_directory> tracked_;
};

} // namespace

std::unique_ptr<rocksdb::Env> make_fault_env(const fs::path& dir, const fs::path& shadow,
                                             disk_history& history)
{
    return rocksdb::NewCompositeEnv(std::make_shared<fault_file_system>(dir, shadow, history));
}

} // namespace hikyaku::test
