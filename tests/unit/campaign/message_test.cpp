#include <hikyaku/campaign/content.h>
#include <hikyaku/campaign/message.h>
#include <hikyaku/crm/contact.h>
#include <hikyaku/crypto/signed_token.h>
#include <hikyaku/dkim/verify.h>

#include <gtest/gtest.h>

namespace hikyaku::campaign
{
namespace
{

const wall_time now = from_unix_ms(1'795'000'000'000);

definition example()
{
    definition d;
    d.name = "News";
    d.from_email = "news@shop.example";
    d.from_name = "飛脚商店";
    d.subject = "{{ 氏名 | default: 'お客様' }}様へ";
    d.text = "{{ name }} 様\n{{ season }}\n";
    d.html = "<p>{{ name }}</p>";
    d.variables = R"({"season":"秋"})";
    d.headers = {{"X-Campaign", "{{ name }}"}};
    d.audience.text = R"({"all":[]})";
    return d;
}

content_environment environment()
{
    content_environment env;
    env.campaign = campaign_id{77};
    env.tenant = tenant_id{7};
    env.schema = std::make_shared<const crm::schema>(1, crm::default_fields());
    env.envelope_domain = "bounce.shop.example";
    env.verp_key = crypto::sha256("key");
    auto keys = std::make_shared<std::vector<dkim::identity>>();
    keys->push_back({"shop.example", "hk1e",
                     std::make_shared<const dkim::signing_key>(
                         *dkim::signing_key::generate(dkim::algorithm::ed25519_sha256))});
    env.identities = keys;
    return env;
}

recipient_data person(const std::string& name)
{
    crm::contact c;
    c.number = ordinal{5};
    c.revision = 1;
    c.created = c.updated = now;
    c.fields = {{crm::email_field, std::string("taro@one.example")}, {crm::name_field, name}};
    recipient_data to;
    to.who = c.number;
    to.path = "taro@one.example";
    to.row = crm::encode_contact(c);
    to.date = now;
    return to;
}

TEST(Definition, BytesRoundTrip)
{
    auto d = example();
    d.send_at = now;
    d.unsubscribe = unsubscribe_offer{"https://shop.example/u", "u@shop.example", true};
    d.audience.kind = audience_kind::contacts;
    d.audience.ordinals = {1, 5, 900};
    const auto bytes = encode(d);
    const auto back = decode_definition(bytes);
    ASSERT_TRUE(back);
    EXPECT_EQ(encode(*back), bytes);
    EXPECT_EQ(back->audience.ordinals, d.audience.ordinals);
    EXPECT_EQ(back->unsubscribe->mailto, "u@shop.example");
    for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    {
        EXPECT_FALSE(decode_definition(std::string_view(bytes).substr(0, cut))) << cut;
    }
}

TEST(Content, MistakesAreAllToldWithTheirPlace)
{
    auto d = example();
    d.subject = "{{ name | shout }}";
    d.text = "line one\n{% if name %}";
    d.headers = {{"From", "x"}, {"X-Ok", "{{ }"}};
    d.from_email = "nobody";
    const auto made = compile_content(d, environment());
    ASSERT_TRUE(made.has_error());
    const auto errors = made.error();
    std::vector<std::string> pointers;
    for (const auto& e : errors)
    {
        pointers.push_back(e.pointer);
    }
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), "/subject"), pointers.end());
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), "/text"), pointers.end());
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), "/headers/From"), pointers.end());
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), "/headers/X-Ok"), pointers.end());
    EXPECT_NE(std::find(pointers.begin(), pointers.end(), "/from/email"), pointers.end());
    for (const auto& e : errors)
    {
        if (e.pointer == "/subject")
        {
            EXPECT_TRUE(e.text.starts_with("1:")) << e.text;
            EXPECT_NE(e.text.find("shout"), std::string::npos);
        }
    }
}

TEST(Message, IsRenderedSignedAndTheSameEachTime)
{
    const auto env = environment();
    const auto compiled = compile_content(example(), env);
    ASSERT_TRUE(compiled.has_value());
    message_maker maker;
    message one;
    message two;
    ASSERT_TRUE(maker.make(**compiled, person("山田 太郎"), now, one).has_value());
    ASSERT_TRUE(maker.make(**compiled, person("山田 太郎"), now + seconds{60}, two).has_value());
    EXPECT_EQ(one.bytes, two.bytes);
    EXPECT_NE(one.bytes.find("Message-ID: <c_000000000002d.5@shop.example>"), std::string::npos);
    EXPECT_TRUE(one.mail_from.ends_with("@bounce.shop.example")) << one.mail_from;
    const std::string record = env.identities->front().key->dns_record();
    const auto verified =
        dkim::verify(one.bytes, now,
                     [&record](const std::string& name) -> result<std::string, dkim::lookup_error>
                     {
                         if (name != "hk1e._domainkey.shop.example")
                         {
                             return dkim::lookup_error::not_found;
                         }
                         return {boost::system::in_place_value, record};
                     });
    ASSERT_EQ(verified.size(), 1U);
    EXPECT_EQ(verified[0].result, dkim::verdict::pass) << verified[0].reason;
}

TEST(Message, CustomerDataStaysData)
{
    const auto compiled = compile_content(example(), environment());
    message_maker maker;
    message out;
    const std::string evil = "x\r\nBcc: victim@two.example\r\n\r\n<b>{{ season }}</b>\r\n.\r\nMAIL";
    ASSERT_TRUE(maker.make(**compiled, person(evil), now, out).has_value());
    const auto headers = out.bytes.substr(0, out.bytes.find("\r\n\r\n"));
    EXPECT_EQ(headers.find("\r\nBcc:"), std::string::npos);
    for (std::size_t i = 0; i < out.bytes.size(); ++i)
    {
        if (out.bytes[i] == '\n')
        {
            ASSERT_TRUE(i > 0 && out.bytes[i - 1] == '\r') << "bare LF at " << i;
        }
        if (out.bytes[i] == '\r')
        {
            ASSERT_TRUE(i + 1 < out.bytes.size() && out.bytes[i + 1] == '\n') << "bare CR at " << i;
        }
    }
    const auto parts = maker.preview(**compiled, person(evil), now);
    ASSERT_TRUE(parts.has_value());
    EXPECT_NE(parts->html.find("&lt;b&gt;{{ season }}"), std::string::npos) << parts->html;
}

TEST(Message, ARenderErrorNamesPartAndPlace)
{
    auto d = example();
    d.text = "a\n{{ 1 | divided_by: 0 }}";
    const auto compiled = compile_content(d, environment());
    ASSERT_TRUE(compiled.has_value());
    message_maker maker;
    message out;
    const auto failed = maker.make(**compiled, person("x"), now, out);
    ASSERT_TRUE(failed.has_error());
    EXPECT_TRUE(failed.error().text.starts_with("text 2:")) << failed.error().text;
}

} // namespace
} // namespace hikyaku::campaign
