#include "damage_list.h"

#include <hikyaku/base/log.h>
#include <hikyaku/store/errc.h>
#include <hikyaku/store/reader.h>

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>

namespace hikyaku::store
{
namespace
{

rocksdb::Slice to_slice(std::string_view s)
{
    return {s.data(), s.size()};
}
std::string_view to_view(const rocksdb::Slice& s)
{
    return {s.data(), s.size()};
}

rocksdb::ReadOptions read_options(const snapshot* at)
{
    rocksdb::ReadOptions options;
    options.snapshot = at != nullptr ? at->raw() : nullptr;
    return options;
}

error_code damaged(const rocksdb::Status& status, damage_list& damage)
{
    damage.note(status.ToString());
    log::debug("store_read_failed", {{"reason", status.ToString()}});
    return errc::corrupt;
}

} // namespace

snapshot::snapshot(rocksdb::DB& db) : db_(db), raw_(db.GetSnapshot()) {}
snapshot::~snapshot()
{
    db_.ReleaseSnapshot(raw_);
}

cursor::cursor(std::unique_ptr<rocksdb::Iterator> it, std::unique_ptr<std::string> last,
               std::unique_ptr<rocksdb::Slice> bound, damage_list& damage)
    : last_(std::move(last)), bound_(std::move(bound)), it_(std::move(it)), damage_(&damage)
{
}
cursor::~cursor() = default;
cursor::cursor(cursor&&) noexcept = default;

bool cursor::valid() const
{
    return it_->Valid();
}
std::string_view cursor::key() const
{
    return to_view(it_->key());
}
std::string_view cursor::value() const
{
    return to_view(it_->value());
}
void cursor::next()
{
    it_->Next();
}
void cursor::seek(std::string_view key)
{
    it_->Seek(to_slice(key));
}

result<void> cursor::status() const
{
    const auto status = it_->status();
    if (!status.ok())
    {
        return damaged(status, *damage_);
    }
    return {};
}

result<std::optional<std::string>> reader::find(std::string_view key, const snapshot* at) const
{
    std::string value;
    const auto status = db_.Get(read_options(at), &family_, to_slice(key), &value);
    if (status.IsNotFound())
    {
        return std::optional<std::string>{};
    }
    if (!status.ok())
    {
        return damaged(status, damage_);
    }
    return std::optional<std::string>{std::move(value)};
}

result<void> reader::find_many(std::span<const std::string> keys,
                               std::vector<std::optional<std::string>>& out,
                               const snapshot* at) const
{
    out.assign(keys.size(), std::nullopt);
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_.MultiGet(read_options(at), &family_, keys.size(), slices.data(), values.data(),
                 statuses.data());
    error_code ec;
    for (std::size_t i = 0; i < keys.size(); ++i)
    {
        if (statuses[i].ok())
        {
            out[i].emplace(values[i].data(), values[i].size());
        }
        else if (!statuses[i].IsNotFound())
        {
            ec = damaged(statuses[i], damage_);
        }
    }
    if (ec)
    {
        return ec;
    }
    return {};
}

cursor reader::scan_prefix(std::string_view prefix, const snapshot* at) const
{
    return scan(prefix, prefix_end(prefix), at);
}

cursor reader::scan(std::string_view first, std::string_view last, const snapshot* at,
                    bool fill_cache) const
{
    auto options = read_options(at);
    options.fill_cache = fill_cache;
    // The bound keeps RocksDB from reading blocks, damaged ones above all, that lie behind it.
    auto end = std::make_unique<std::string>(last);
    auto bound = std::make_unique<rocksdb::Slice>(*end);
    options.iterate_upper_bound = last.empty() ? nullptr : bound.get();
    std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(options, &family_));
    it->Seek(to_slice(first));
    return {std::move(it), std::move(end), std::move(bound), damage_};
}

result<std::optional<std::string>> reader::last_key(std::string_view prefix) const
{
    std::unique_ptr<rocksdb::Iterator> it(db_.NewIterator(read_options(nullptr), &family_));
    const std::string end = prefix_end(prefix);
    if (end.empty())
    {
        it->SeekToLast();
    }
    else
    {
        it->SeekForPrev(end);
        if (it->Valid() && to_view(it->key()) == end)
        {
            it->Prev();
        }
    }
    if (!it->status().ok())
    {
        // The damage may lie behind the prefix, where a search from the end begins.
        std::optional<std::string> last;
        auto forward = scan_prefix(prefix);
        for (; forward.valid(); forward.next())
        {
            last.emplace(forward.key());
        }
        const auto status = forward.status();
        return status.has_error() ? result<std::optional<std::string>>(status.error())
                                  : result<std::optional<std::string>>(std::move(last));
    }
    if (it->Valid() && to_view(it->key()).starts_with(prefix))
    {
        return std::optional<std::string>{it->key().ToString()};
    }
    return std::optional<std::string>{};
}

std::string prefix_end(std::string_view prefix)
{
    std::string end(prefix);
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xFF)
    {
        end.pop_back();
    }
    if (!end.empty())
    {
        end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    }
    return end;
}

} // namespace hikyaku::store
