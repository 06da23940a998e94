#include <hikyaku/bounce/recipient_token.h>

#include <gtest/gtest.h>

#include <hikyaku/base/bytes.h>
#include <hikyaku/crypto/signed_token.h>
#include <hikyaku/text/case.h>

namespace hikyaku::bounce
{
namespace
{

const crypto::digest key = crypto::sha256("tenant 7");
constexpr recipient_ref who{tenant_id{7}, campaign_id{0x0123456789ABCDEFU}, ordinal{42}};

std::string upper(std::string text)
{
    for (char& c : text)
    {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    return text;
}

// Return paths of messages already sent must still open: their bytes are an interface.
TEST(RecipientToken, ReturnPathIsByteForByteAsItWas)
{
    std::string payload;
    put_be(payload, who.tenant.value);
    put_be(payload, who.campaign.value);
    put_be(payload, who.who.value);
    EXPECT_EQ(return_path_local_part(key, who),
              "b-" + crypto::make_token(key, 1, payload, crypto::token_text::base32));
    EXPECT_LE(return_path_local_part(key, who).size(), 64U);
    const crypto::master_key master(crypto::sha256("installation"));
    EXPECT_EQ(recipient_token_key(master, who.tenant), master.derive("verp 7"));
}

TEST(RecipientToken, OpensForItsUseOnly)
{
    const std::string texts[] = {return_path_local_part(key, who), unsubscribe_local_part(key, who),
                                 unsubscribe_link_token(key, who)};
    const token_use uses[] = {token_use::return_path, token_use::unsubscribe_mail,
                              token_use::unsubscribe_link};
    for (std::size_t made = 0; made < 3; ++made)
    {
        for (std::size_t read = 0; read < 3; ++read)
        {
            EXPECT_EQ(open_recipient(key, texts[made], uses[read]).has_value(), made == read);
            EXPECT_EQ(peek_recipient(texts[made], uses[read]).has_value(), made == read);
        }
        EXPECT_EQ(open_recipient(key, texts[made], uses[made]), who);
    }
}

TEST(RecipientToken, MailFormsSurviveCaseFolding)
{
    EXPECT_EQ(open_recipient(key, upper(return_path_local_part(key, who)), token_use::return_path),
              who);
    EXPECT_EQ(
        open_recipient(key, upper(unsubscribe_local_part(key, who)), token_use::unsubscribe_mail),
        who);
}

TEST(RecipientToken, ForgedOnesAreNothing)
{
    const std::string good = return_path_local_part(key, who);
    EXPECT_FALSE(open_recipient(crypto::sha256("tenant 8"), good, token_use::return_path));
    EXPECT_EQ(peek_recipient(good, token_use::return_path), who);
    for (std::size_t i = 2; i < good.size(); ++i)
    {
        std::string bad = good;
        bad[i] = bad[i] == '0' ? '1' : '0';
        EXPECT_FALSE(open_recipient(key, bad, token_use::return_path)) << bad;
    }
    for (std::size_t cut = 0; cut < good.size(); ++cut)
    {
        EXPECT_FALSE(open_recipient(key, good.substr(0, cut), token_use::return_path));
    }
    const std::string longer =
        "b-" + crypto::make_token(key, 1, std::string(17, 'x'), crypto::token_text::base32);
    EXPECT_FALSE(open_recipient(key, longer, token_use::return_path));
    EXPECT_FALSE(peek_recipient(std::string(1 << 20, 'b'), token_use::return_path));
}

} // namespace
} // namespace hikyaku::bounce
