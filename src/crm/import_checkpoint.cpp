#include "import_checkpoint.h"

#include <hikyaku/base/bytes.h>

namespace hikyaku::crm
{
namespace
{

constexpr std::uint8_t checkpoint_version = 1;

} // namespace

std::string encode_checkpoint(const import_checkpoint& c)
{
    std::string out(1, static_cast<char>(checkpoint_version));
    for (const std::uint64_t n :
         {c.at.offset, c.at.line, c.at.records, c.reject_bytes, c.counts.rows, c.counts.created,
          c.counts.updated, c.counts.unchanged, c.counts.skipped, c.counts.rejected})
    {
        put_varint(out, n);
    }
    return out;
}

std::optional<import_checkpoint> decode_checkpoint(std::string_view bytes)
{
    byte_reader in(bytes);
    if (in.u8() != checkpoint_version)
    {
        return std::nullopt;
    }
    import_checkpoint c;
    for (std::uint64_t* n : {&c.at.offset, &c.at.line, &c.at.records, &c.reject_bytes,
                             &c.counts.rows, &c.counts.created, &c.counts.updated,
                             &c.counts.unchanged, &c.counts.skipped, &c.counts.rejected})
    {
        *n = in.varint();
    }
    return in.ok() && in.at_end() ? std::optional(c) : std::nullopt;
}

json::object to_json(const import_counts& c, const std::vector<std::string>& warnings)
{
    json::array texts;
    for (const auto& text : warnings)
    {
        if (texts.size() < importer::warnings_max)
        {
            texts.emplace_back(text);
        }
    }
    return {{"rows", c.rows},
            {"created", c.created},
            {"updated", c.updated},
            {"unchanged", c.unchanged},
            {"skipped", c.skipped},
            {"rejected", c.rejected},
            {"warnings", std::move(texts)}};
}

} // namespace hikyaku::crm
