#include <hikyaku/bounce/recipient_token.h>
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
    env.token_key = crypto::sha256("key");
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

content_environment with_ways()
{
    auto env = environment();
    env.ways = {"https://m.example.jp", true};
    env.feedback_sender = "hk0123456789ab";
    return env;
}

std::string make_bytes(const definition& d, const content_environment& env)
{
    const auto compiled = compile_content(d, env);
    if (compiled.has_error())
    {
        return compiled.error().front().code;
    }
    message_maker maker;
    message made;
    EXPECT_TRUE(maker.make(**compiled, person("山田"), now, made).has_value());
    // Unfolded.
    std::string out;
    for (std::size_t i = 0; i < made.bytes.size(); ++i)
    {
        if (made.bytes.compare(i, 3, "\r\n ") == 0)
        {
            i += 1;
            continue;
        }
        out.push_back(made.bytes[i]);
    }
    return out;
}

bool has(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

TEST(Unsubscribe, BroadcastsOfferOurPageAndOurAddress)
{
    const auto env = with_ways();
    const bounce::recipient_ref who{env.tenant, env.campaign, ordinal{5}};
    const auto link =
        "https://m.example.jp/u/" + bounce::unsubscribe_link_token(env.token_key, who);
    const auto mail = "mailto:" + bounce::unsubscribe_local_part(env.token_key, who) +
                      "@bounce.shop.example?subject=unsubscribe";
    const auto bytes = make_bytes(example(), env);
    EXPECT_TRUE(has(bytes, "List-Unsubscribe: <" + link + ">, <" + mail + ">\r\n")) << bytes;
    EXPECT_TRUE(has(bytes, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    EXPECT_TRUE(has(bytes, "Feedback-ID: cmp_000000000002d:tnt_0000000000007:broadcast:hk012"));
    auto by_mail = env;
    by_mail.ways.base_url.clear();
    const auto mail_only = make_bytes(example(), by_mail);
    EXPECT_TRUE(has(mail_only, "List-Unsubscribe: <" + mail + ">\r\n")) << mail_only;
    EXPECT_FALSE(has(mail_only, "List-Unsubscribe-Post"));
    auto by_page = env;
    by_page.ways.by_mail = false;
    EXPECT_TRUE(has(make_bytes(example(), by_page), "List-Unsubscribe: <" + link + ">\r\n"));
    EXPECT_FALSE(has(make_bytes(example(), environment()), "List-Unsubscribe: "));
}

TEST(Unsubscribe, OnesOwnOfferWinsAndTransactionalMailHasNone)
{
    auto d = example();
    d.unsubscribe = unsubscribe_offer{"https://shop.example/u", "", false};
    d.feedback_id = "a:b:c:shop1";
    const auto own = make_bytes(d, with_ways());
    EXPECT_TRUE(has(own, "List-Unsubscribe: <https://shop.example/u>\r\n"));
    EXPECT_FALSE(has(own, "List-Unsubscribe-Post: "));
    EXPECT_TRUE(has(own, "Feedback-ID: a:b:c:shop1\r\n"));
    d = example();
    d.transactional = true;
    const auto receipt = make_bytes(d, with_ways());
    EXPECT_FALSE(has(receipt, "List-Unsubscribe: "));
    EXPECT_FALSE(has(receipt, "Feedback-ID: "));
}

TEST(Unsubscribe, TemplatesHaveTheLink)
{
    const auto env = with_ways();
    auto d = example();
    d.html.clear();
    d.text = "stop: {{ unsubscribe_url }} !";
    const auto token =
        bounce::unsubscribe_link_token(env.token_key, {env.tenant, env.campaign, ordinal{5}});
    const auto wanted = "stop: https://m.example.jp/u/" + token + " !";
    EXPECT_TRUE(has(make_bytes(d, env), wanted));
    auto receipt = d;
    receipt.transactional = true;
    EXPECT_TRUE(has(make_bytes(receipt, env), wanted));
    auto by_mail = env;
    by_mail.ways.base_url.clear();
    EXPECT_TRUE(has(make_bytes(d, by_mail), "stop: mailto:u-"));
    EXPECT_EQ(make_bytes(d, environment()), "no_unsubscribe_address");
    d.variables = R"({"unsubscribe_url":"mine"})";
    EXPECT_TRUE(has(make_bytes(d, environment()), "stop: mine !"));
}

TEST(Unsubscribe, GivenRecipientsMayBringTheirOwnLink)
{
    auto d = example();
    d.html.clear();
    d.headers.clear();
    d.subject = "x";
    d.text = "stop: {{ unsubscribe_url }} !";
    d.audience.kind = audience_kind::recipients;
    const auto compiled = compile_content(d, with_ways());
    ASSERT_TRUE(compiled.has_value());
    message_maker maker;
    message made;
    recipient_data to = person("x");
    to.row = R"({"unsubscribe_url":"theirs"})";
    ASSERT_TRUE(maker.make(**compiled, to, now, made).has_value());
    EXPECT_TRUE(has(made.bytes, "stop: theirs !"));
    to.row = "{}";
    ASSERT_TRUE(maker.make(**compiled, to, now, made).has_value());
    EXPECT_TRUE(has(made.bytes, "stop: https://m.example.jp/u/"));
}

TEST(Unsubscribe, APreviewsLinkIsNobodys)
{
    auto d = example();
    d.html = "<a href=\"{{ unsubscribe_url }}\">x</a>";
    const auto compiled = compile_content(d, with_ways());
    ASSERT_TRUE(compiled.has_value());
    message_maker maker;
    const auto parts = maker.preview(**compiled, person("山田"), now);
    ASSERT_TRUE(parts.has_value());
    EXPECT_EQ(parts->html, "<a href=\"https://m.example.jp/u/preview\">x</a>");
}

} // namespace
} // namespace hikyaku::campaign
