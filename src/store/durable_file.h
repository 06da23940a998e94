#pragma once

#include <string>
#include <string_view>

#include <rocksdb/env.h>

namespace hikyaku::store
{

/// Makes the names in `dir` durable.
[[nodiscard]] rocksdb::Status sync_directory(rocksdb::Env& env, const std::string& dir);
/// Replaces the small file `dir`/`name` as a whole: write beside it, sync, rename, sync of the
/// directory. After a crash it is the old one or the new one, never a part.
[[nodiscard]] rocksdb::Status replace_file(rocksdb::Env& env, const std::string& dir,
                                           const std::string& name, const std::string& content);
/// Removes the file, durably. A file that isn't there is no error.
[[nodiscard]] rocksdb::Status remove_file(rocksdb::Env& env, const std::string& dir,
                                          const std::string& name);

} // namespace hikyaku::store
