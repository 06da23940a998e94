#include <hikyaku/base/assert.h>
#include <hikyaku/bounce/recipient_token.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using namespace hikyaku::bounce;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    static const hikyaku::crypto::digest key = hikyaku::crypto::sha256("fuzz");
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    for (const token_use use :
         {token_use::return_path, token_use::unsubscribe_mail, token_use::unsubscribe_link})
    {
        const auto peeked = peek_recipient(text, use);
        // Nobody guesses 128 bits.
        HK_ASSERT(!open_recipient(key, text, use));
        if (peeked)
        {
            const std::string made =
                use == token_use::return_path        ? return_path_local_part(key, *peeked)
                : use == token_use::unsubscribe_mail ? unsubscribe_local_part(key, *peeked)
                                                     : unsubscribe_link_token(key, *peeked);
            HK_ASSERT(made.size() == text.size());
            HK_ASSERT(open_recipient(key, made, use) == *peeked);
        }
    }
    return 0;
}
