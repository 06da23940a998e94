#include "durable_file.h"

namespace hikyaku::store
{

rocksdb::Status sync_directory(rocksdb::Env& env, const std::string& dir)
{
    std::unique_ptr<rocksdb::Directory> directory;
    const auto status = env.NewDirectory(dir, &directory);
    return status.ok() ? directory->Fsync() : status;
}

rocksdb::Status replace_file(rocksdb::Env& env, const std::string& dir, const std::string& name,
                             const std::string& content)
{
    const std::string path = dir + "/" + name;
    const std::string fresh = path + ".new";
    auto status = rocksdb::WriteStringToFile(&env, content, fresh, true);
    if (status.ok())
    {
        status = env.RenameFile(fresh, path);
    }
    return status.ok() ? sync_directory(env, dir) : status;
}

rocksdb::Status remove_file(rocksdb::Env& env, const std::string& dir, const std::string& name)
{
    const std::string path = dir + "/" + name;
    const auto found = env.FileExists(path);
    if (found.IsNotFound())
    {
        return rocksdb::Status::OK();
    }
    const auto status = env.DeleteFile(path);
    return status.ok() ? sync_directory(env, dir) : status;
}

} // namespace hikyaku::store
