#include <hikyaku/base/assert.h>
#include <hikyaku/mime/entity.h>
#include <hikyaku/text/utf8.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace
{

using namespace hikyaku::mime;

constexpr std::size_t text_bytes_max = 4'096;

bool is_within(std::string_view part, std::string_view whole)
{
    return part.empty() || (part.data() >= whole.data() &&
                            part.data() + part.size() <= whole.data() + whole.size());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const parsed_message m = parse_message(bytes);
    HK_ASSERT(!m.parts.empty() && m.parts.size() <= parts_max);
    std::size_t fields = 0;
    for (std::size_t i = 0; i < m.parts.size(); ++i)
    {
        const entity& part = m.parts[i];
        HK_ASSERT(is_within(part.body, bytes) && part.depth <= nesting_max);
        HK_ASSERT(i == 0 ? part.parent == no_parent : part.parent < i);
        HK_ASSERT(i == 0 || part.depth == m.parts[part.parent].depth + 1);
        HK_ASSERT(!part.type.media.empty());
        fields += part.header.fields().size();
        for (const header_field& field : part.header.fields())
        {
            HK_ASSERT(!field.name.empty() && is_within(field.name, bytes));
            HK_ASSERT(is_within(field.value, bytes));
        }
        HK_ASSERT(part.decoded(text_bytes_max).size() <= text_bytes_max);
        HK_ASSERT(hikyaku::text::is_valid_utf8(part.text(text_bytes_max)));
        HK_ASSERT(hikyaku::text::is_valid_utf8(part.header.get_text("Subject")));
    }
    HK_ASSERT(fields <= message_fields_max);
    return 0;
}
