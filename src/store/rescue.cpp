#include "rescue.h"

#include <hikyaku/base/log.h>

#include <algorithm>

#include <rocksdb/sst_file_reader.h>
#include <rocksdb/write_batch.h>

namespace hikyaku::store
{

std::vector<std::string> find_damaged_tables(rocksdb::Env& env, const std::string& dir)
{
    std::vector<std::string> names;
    const auto listed = env.GetChildren(dir, &names);
    if (!listed.ok())
    {
        log::error("store_unreadable", {{"data_dir", dir}, {"reason", listed.ToString()}});
        return {};
    }
    std::sort(names.begin(), names.end());
    std::vector<std::string> damaged;
    for (const auto& name : names)
    {
        if (!name.ends_with(".sst"))
        {
            continue;
        }
        rocksdb::Options options;
        options.env = &env;
        rocksdb::SstFileReader table(options);
        auto status = table.Open(dir + "/" + name);
        status = status.ok() ? table.VerifyChecksum() : status;
        if (!status.ok())
        {
            damaged.push_back(name + ": " + status.ToString());
        }
    }
    return damaged;
}

rocksdb::WalFilter::WalProcessingOption
gapless_log::LogRecordFound(unsigned long long, const std::string& file,
                            const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*, bool*)
{
    // A batch begins with its sequence number, eight bytes little-endian.
    const std::string& bytes = batch.Data();
    std::uint64_t sequence = 0;
    for (std::size_t i = 8; i-- > 0;)
    {
        sequence = sequence << 8U | static_cast<unsigned char>(bytes[i]);
    }
    if (next_ != 0 && sequence > next_)
    {
        log::error("log_cut_at_damage", {{"file", file}, {"expected", next_}, {"found", sequence}});
        return WalProcessingOption::kStopReplay;
    }
    next_ = sequence + static_cast<std::uint64_t>(batch.Count());
    return WalProcessingOption::kContinueProcessing;
}

} // namespace hikyaku::store
