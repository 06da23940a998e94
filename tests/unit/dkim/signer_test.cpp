#include "key_context.h"
#include "test_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace hikyaku::dkim
{
namespace
{

using testing::keys;
using testing::look_up;
using testing::sign_both;
using testing::test_now;

const std::string header = "Received: by here\r\n"
                           "From: =?UTF-8?B?6aOb6ISa?= <a@example.com>\r\n"
                           "To: b@example.net\r\n"
                           "Subject: hello\r\n"
                           "Date: Mon, 23 Nov 2026 09:00:00 +0900\r\n"
                           "Message-ID: <1@example.com>\r\n"
                           "List-Unsubscribe: <https://example.com/u>\r\n"
                           "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
const std::string body = "Hello\r\n";

std::string unfolded(std::string text)
{
    for (auto at = text.find("\r\n "); at != std::string::npos; at = text.find("\r\n "))
    {
        text.erase(at, 3);
    }
    return text;
}

TEST(SigningKey, PemAndRecordRoundTrip)
{
    for (const identity* who : {&keys().rsa, &keys().ed25519})
    {
        const auto again = signing_key::from_pem(who->key->to_pem());
        ASSERT_TRUE(again.has_value());
        EXPECT_EQ(again->dns_record(), who->key->dns_record());
        EXPECT_EQ(again->kind(), who->key->kind());
        EXPECT_EQ(again->bits(), who->key->bits());
        EXPECT_TRUE(who->key->to_pem().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
    EXPECT_EQ(keys().rsa.key->bits(), 2048U);
    EXPECT_TRUE(keys().rsa.key->dns_record().starts_with("v=DKIM1; k=rsa; p=MIIB"));
    EXPECT_EQ(keys().ed25519.key->dns_record().size(), sizeof("v=DKIM1; k=ed25519; p=") - 1 + 44);
}

TEST(SigningKey, OtherTextsAreRefused)
{
    std::string cut = keys().rsa.key->to_pem();
    cut.resize(cut.size() / 2);
    // An EC key, an encrypted key's first lines, and noise.
    const std::string ec = "-----BEGIN PRIVATE KEY-----\n"
                           "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
                           "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
                           "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
                           "-----END PRIVATE KEY-----\n";
    for (const std::string& bad :
         {std::string(), std::string("x"), cut, ec, std::string(100'000, 'x')})
    {
        EXPECT_TRUE(signing_key::from_pem(bad).has_error());
    }
    EXPECT_NE(signing_key::from_pem(ec).error().text.find("RSA or Ed25519"), std::string::npos);
}

TEST(Signer, FieldHasTheTagsAndFolds)
{
    signer s;
    const std::string message = sign_both(s, header, body);
    const std::string fields = message.substr(0, message.find("Received:"));
    std::string_view rest = fields;
    while (!rest.empty())
    {
        const auto end = rest.find("\r\n");
        EXPECT_LE(end, 78U) << rest.substr(0, end);
        EXPECT_NE(rest.substr(0, end).find_first_not_of(' '), std::string_view::npos);
        rest.remove_prefix(end + 2);
    }
    const std::string flat = unfolded(fields);
    EXPECT_NE(flat.find("v=1; a=rsa-sha256; c=relaxed/relaxed;"), std::string::npos) << flat;
    EXPECT_NE(flat.find("t=1700000000;"), std::string::npos);
    EXPECT_NE(flat.find("h=From:From:To:Subject:Date:Message-ID:List-Unsubscribe:"
                        "List-Unsubscribe-Post;"),
              std::string::npos)
        << flat;
    EXPECT_EQ(flat.find("l="), std::string::npos);
    EXPECT_EQ(flat.find(" x="), std::string::npos);
    EXPECT_EQ(flat.find("Received"), std::string::npos);
    EXPECT_LT(flat.find("a=rsa-sha256"), flat.find("a=ed25519-sha256"));
}

TEST(Signer, BothSignaturesVerify)
{
    signer s;
    const auto results = verify(sign_both(s, header, body), test_now(), look_up);
    ASSERT_EQ(results.size(), 2U);
    EXPECT_EQ(results[0].result, verdict::pass) << results[0].reason;
    EXPECT_EQ(results[0].algorithm, "rsa-sha256");
    EXPECT_EQ(results[0].opendkim, verdict::pass);
    EXPECT_EQ(results[1].result, verdict::pass) << results[1].reason;
    EXPECT_EQ(results[1].algorithm, "ed25519-sha256");
    EXPECT_EQ(results[1].opendkim, verdict::pass);
    EXPECT_EQ(results[1].domain, "example.com");
    EXPECT_EQ(results[1].selector, "ed");
}

TEST(Signer, AddedFromBreaksTheSignature)
{
    signer s;
    const std::string message = sign_both(s, header, body);
    for (const std::string& forged :
         {"From: evil@example.org\r\n" + message, message.substr(0, message.find("To: ")) +
                                                      "From: evil@example.org\r\n" +
                                                      message.substr(message.find("To: "))})
    {
        for (const auto& r : verify(forged, test_now(), look_up))
        {
            EXPECT_EQ(r.result, verdict::fail);
        }
    }
}

TEST(Signer, HeaderBytesMayExcludeTheEmptyLine)
{
    signer s;
    const identity* const one[] = {&keys().ed25519};
    for (const std::string& tail : {body, std::string(), std::string("\r\n"), "\r\n\r\n" + body})
    {
        const std::string message = header + "\r\n" + tail;
        std::string before;
        std::string behind;
        ASSERT_TRUE(s.sign(one, message, header.size(), test_now(), before).has_value());
        ASSERT_TRUE(s.sign(one, message, header.size() + 2, test_now(), behind).has_value());
        EXPECT_EQ(before, behind);
        EXPECT_EQ(verify(before + message, test_now(), look_up).at(0).result, verdict::pass);
    }
    std::string bare;
    ASSERT_TRUE(s.sign(one, header, header.size(), test_now(), bare).has_value());
}

TEST(Signer, KnownBodyHashIsUsed)
{
    signer s;
    const identity* const one[] = {&keys().ed25519};
    const std::string message = header + "\r\n" + body;
    const crypto::digest known = s.hash_body(body);
    std::string fresh;
    std::string cached;
    ASSERT_TRUE(s.sign(one, message, header.size(), test_now(), fresh).has_value());
    ASSERT_TRUE(s.sign(one, message, header.size(), test_now(), cached, &known).has_value());
    EXPECT_EQ(fresh, cached);
    const crypto::digest wrong = s.hash_body("other");
    std::string other;
    ASSERT_TRUE(s.sign(one, message, header.size(), test_now(), other, &wrong).has_value());
    EXPECT_EQ(verify(other + message, test_now(), look_up).at(0).result, verdict::fail);
}

TEST(Signer, RefusalsLeaveTheOutputAlone)
{
    signer s;
    const identity good = keys().ed25519;
    const identity no_key{"example.com", "s", nullptr};
    const identity bad_domain{"example.com;\r\nX: y", "s", good.key};
    const identity bad_selector{"example.com", "", good.key};
    const std::string message = header + "\r\n" + body;
    std::string many;
    for (std::size_t i = 0; i <= signer::header_fields_max; ++i)
    {
        many += "To: x\r\n";
    }
    struct row
    {
        const identity* second;
        std::string message;
        std::size_t header_bytes;
    };
    const row rows[] = {
        {&no_key, message, header.size()},
        {&bad_domain, message, header.size()},
        {&bad_selector, message, header.size()},
        {&good, message, header.size() - 1},
        {&good, message, message.size() + 1},
        {&good, message, 0},
        {&good, "To: x\r\n\r\nbody", 7},
        {&good, "From: x\r\nno colon\r\n\r\n", 19},
        {&good, " X: continued\r\nFrom: x\r\n\r\n", 26},
        {&good, "\r\nFrom: x\r\n", 0},
        {&good, ": empty\r\nFrom: x\r\n\r\n", 18},
        {&good, "From: x\r\n" + many + "\r\n", 9 + many.size()},
    };
    for (const row& r : rows)
    {
        const identity* const both[] = {&good, r.second};
        std::string out = "kept";
        EXPECT_TRUE(s.sign(both, r.message, r.header_bytes, test_now(), out).has_error());
        EXPECT_EQ(out, "kept");
    }
    const std::vector<const identity*> too_many(signer::identities_max + 1, &good);
    std::string out;
    EXPECT_TRUE(s.sign(too_many, message, header.size(), test_now(), out).has_error());
}

TEST(Signer, LongDomainIsNotBroken)
{
    signer s;
    std::string domain = "example.com";
    while (domain.size() < 200)
    {
        domain.insert(0, "subdomain.");
    }
    const identity who{domain, "ed", keys().ed25519.key};
    const identity* const one[] = {&who};
    std::string out;
    const std::string message = header + "\r\n" + body;
    ASSERT_TRUE(s.sign(one, message, header.size(), test_now(), out).has_value());
    EXPECT_NE(out.find(" d=" + domain + ";\r\n"), std::string::npos) << out;
    const auto results = verify(out + message, test_now(), [](const std::string&)
                                { return testing::record(keys().ed25519.key->dns_record()); });
    EXPECT_EQ(results.at(0).result, verdict::pass);
}

TEST(KeyContexts, ForgetsTheOldestAndStaysRight)
{
    key_contexts contexts(2);
    std::vector<std::shared_ptr<const signing_key>> made;
    for (int i = 0; i < 3; ++i)
    {
        made.push_back(std::make_shared<const signing_key>(
            signing_key::generate(algorithm::ed25519_sha256).value()));
    }
    const crypto::digest hash = crypto::sha256("x");
    std::vector<std::string> first(3);
    for (std::size_t round = 0; round < 4; ++round)
    {
        for (std::size_t i = 0; i < 3; ++i)
        {
            std::string signature;
            ASSERT_TRUE(contexts.obtain(made[i]).sign(hash, signature).has_value());
            EXPECT_EQ(signature.size(), 64U);
            // Ed25519 is deterministic.
            first[i] = round == 0 ? signature : first[i];
            EXPECT_EQ(signature, first[i]);
        }
    }
    EXPECT_EQ(made[0].use_count(), 1) << "the least recently used key must have been let go";
    EXPECT_EQ(made[2].use_count(), 2);
}

TEST(Probe, GoodKeysPass)
{
    for (const identity* who : {&keys().rsa, &keys().ed25519})
    {
        const auto probed = probe(*who);
        EXPECT_TRUE(probed.has_value()) << probed.error().text;
    }
    EXPECT_TRUE(probe({"example.com", "s", nullptr}).has_error());
    EXPECT_TRUE(probe({"not a domain", "s", keys().rsa.key}).has_error());
}

} // namespace
} // namespace hikyaku::dkim
