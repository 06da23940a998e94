#include "test_keys.h"

#include <hikyaku/crypto/base64.h>

#include <gtest/gtest.h>

#include <string>

namespace hikyaku::dkim
{
namespace
{

using testing::keys;
using testing::look_up;
using testing::record;
using testing::test_now;

/// RFC 8463 appendix A.3, with the keys of A.2.
const std::string rfc8463_message =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    " subject : date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
    " d=football.example.com; i=@football.example.com;\r\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    " date : message-id : from : subject : date;\r\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    "\r\n"
    "Hi.\r\n"
    "\r\n"
    "We lost the game.  Are you hungry yet?\r\n"
    "\r\n"
    "Joe.\r\n";

const std::string rfc8463_ed25519 =
    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const std::string rfc8463_rsa =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6"
    "wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvH"
    "O9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

result<std::string, lookup_error> rfc8463_lookup(const std::string& name)
{
    if (name == "brisbane._domainkey.football.example.com")
    {
        return record(rfc8463_ed25519);
    }
    if (name == "test._domainkey.football.example.com")
    {
        return record(rfc8463_rsa);
    }
    return lookup_error::not_found;
}

TEST(Verify, Rfc8463Example)
{
    const auto results = verify(rfc8463_message, test_now(), rfc8463_lookup);
    ASSERT_EQ(results.size(), 2U);
    EXPECT_EQ(results[0].result, verdict::pass) << results[0].reason;
    EXPECT_EQ(results[0].opendkim.value_or(verdict::pass), verdict::pass);
    EXPECT_EQ(results[1].result, verdict::pass) << results[1].reason;
    EXPECT_EQ(results[1].opendkim, verdict::pass);
    EXPECT_EQ(key_names(rfc8463_message),
              (std::vector<std::string>{"brisbane._domainkey.football.example.com",
                                        "test._domainkey.football.example.com"}));
}

TEST(Verify, UnsignedMessagesHaveNoResult)
{
    for (const char* text : {"", "\r\n", "From: x\r\n\r\nbody", "no header at all"})
    {
        EXPECT_TRUE(verify(text, test_now(), look_up).empty());
    }
}

/// Each row alters the text of the signature field of a good Ed25519 signature, or the key record.
struct signature_row
{
    const char* name;
    std::string from;
    std::string to;
    verdict result;
    std::string reason;
};

const signature_row signature_rows[] = {
    {"Untouched", "v=1", "v=1", verdict::pass, ""},
    {"NoTagList", "v=1;", "v=1;;", verdict::neutral, "tag list"},
    {"TagTwice", "v=1;", "v=1; v=1;", verdict::neutral, "tag list"},
    {"NoVersion", "v=1; ", "", verdict::permerror, "v= is missing"},
    {"Version2", "v=1;", "v=2;", verdict::permerror, "v= is unknown"},
    {"NoDomain", "d=example.com;", "", verdict::permerror, "d= is missing"},
    {"EmptyDomain", "d=example.com;", "d=;", verdict::permerror, "no host name"},
    {"BadDomain", "d=example.com;", "d=ex ample.com;", verdict::permerror, "no host name"},
    {"NoSelector", "s=ed;", "", verdict::permerror, "s= is missing"},
    {"NoAlgorithm", "a=ed25519-sha256;", "", verdict::permerror, "a= is missing"},
    {"Sha1", "a=ed25519-sha256;", "a=rsa-sha1;", verdict::permerror, "rsa-sha1 is refused"},
    {"UnknownAlgorithm", "a=ed25519-sha256;", "a=dsa-sha256;", verdict::permerror, "a= is unknown"},
    {"OtherAlgorithm", "a=ed25519-sha256;", "a=rsa-sha256;", verdict::permerror, "does not match"},
    {"UnknownCanon", "c=relaxed/relaxed;", "c=relaxed/nowsp;", verdict::permerror, "c= is unknown"},
    {"EmptyCanon", "c=relaxed/relaxed;", "c=;", verdict::permerror, "c= is unknown"},
    {"OtherCanon", "c=relaxed/relaxed;", "c=simple/relaxed;", verdict::fail, "b= does not match"},
    {"OtherBodyCanon", "c=relaxed/relaxed;", "c=relaxed;", verdict::fail, "bh= does not match"},
    {"OtherQuery", "v=1;", "v=1; q=ldap;", verdict::permerror, "q= names"},
    {"TagAdded", "v=1;", "v=1; q=dns/txt;", verdict::fail, "b= does not match"},
    {"IdentityBelow", "v=1;", "v=1; i=a@b.example.com;", verdict::fail, "b= does not match"},
    {"IdentityElsewhere", "v=1;", "v=1; i=a@example.org;", verdict::permerror, "not within"},
    {"IdentityLookalike", "v=1;", "v=1; i=a@xexample.com;", verdict::permerror, "not within"},
    {"IdentityNoAt", "v=1;", "v=1; i=example.com;", verdict::permerror, "no @"},
    {"Expired", "v=1;", "v=1; x=1700000000;", verdict::fail, "b= does not match"},
    {"ExpiredBefore", "t=1700000000;", "t=1600000000; x=1699999999;", verdict::permerror,
     "expired"},
    {"XBeforeT", "v=1;", "v=1; x=1600000000;", verdict::permerror, "x= is before t="},
    {"Future", "t=1700000000;", "t=1700000301;", verdict::permerror, "future"},
    {"NearFuture", "t=1700000000;", "t=1700000300;", verdict::fail, "b= does not match"},
    {"TimeNoNumber", "t=1700000000;", "t=-1;", verdict::permerror, "t= is no number"},
    {"LengthNoNumber", "v=1;", "v=1; l=0x1;", verdict::permerror, "l= is no number"},
    {"LengthTooLarge", "v=1;", "v=1; l=1000;", verdict::permerror, "larger than the body"},
    {"LengthHuge", "v=1;", "v=1; l=99999999999999999999999;", verdict::permerror, "larger"},
    {"LengthCuts", "v=1;", "v=1; l=1;", verdict::fail, "bh= does not match"},
    {"FromNotSigned", "h=From:From:To;", "h=To;", verdict::permerror, "From is not signed"},
    {"EmptyHeaderList", "h=From:From:To;", "h=;", verdict::permerror, "From is not signed"},
    {"HoleInHeaderList", "h=From:From:To;", "h=From::To;", verdict::permerror, "not a list"},
    {"LessSigned", "h=From:From:To;", "h=From:From;", verdict::fail, "b= does not match"},
    {"BodyHashShort", "bh=", "bh=AAAA; zz=", verdict::permerror, "bh= is not"},
    {"BodyHashNoBase64", "bh=", "bh=!; zz=", verdict::permerror, "bh= is not"},
    {"ValueNoBase64", " b=", " b=!", verdict::permerror, "b= is not base64"},
    {"ValueEmpty", " b=", " b=; zz=", verdict::permerror, "b= is not base64"},
    {"OtherSelector", "s=ed;", "s=none;", verdict::permerror, "no key in DNS"},
    {"LaterSelector", "s=ed;", "s=later;", verdict::temperror, "looked up"},
    {"UpperCaseSelector", "s=ed;", "s=ED;", verdict::fail, "b= does not match"},
};

std::string signed_text(const std::string& body)
{
    signer s;
    std::string out;
    const identity* const one[] = {&keys().ed25519};
    const std::string message = "From: a@example.com\r\nTo: b@example.com\r\n\r\n" + body;
    s.sign(one, message, message.size() - body.size(), test_now(), out).value();
    return out + message;
}

/// Where both judged, they say the same. libopendkim takes key records that are refused here: of
/// another k=, with a tag twice.
void expect_agreement(const verify_result& r, const char* name)
{
    if (r.opendkim && (r.result == verdict::pass || r.result == verdict::fail))
    {
        EXPECT_EQ(*r.opendkim, r.result) << name;
    }
}

TEST(Verify, SignatureRows)
{
    const std::string good = signed_text("two  words\r\n");
    const auto lookup = [](const std::string& name) -> result<std::string, lookup_error>
    {
        if (name == "later._domainkey.example.com")
        {
            return lookup_error::temporary;
        }
        return look_up(name);
    };
    for (const signature_row& row : signature_rows)
    {
        std::string text = good;
        const auto at = text.find(row.from);
        ASSERT_NE(at, std::string::npos) << row.name;
        text.replace(at, row.from.size(), row.to);
        const auto results = verify(text, test_now(), lookup);
        ASSERT_EQ(results.size(), 1U) << row.name;
        EXPECT_EQ(results[0].result, row.result) << row.name << ": " << results[0].reason;
        EXPECT_NE(results[0].reason.find(row.reason), std::string::npos)
            << row.name << ": " << results[0].reason;
        expect_agreement(results[0], row.name);
    }
}

struct record_row
{
    const char* name;
    std::string record;
    verdict result;
    std::string reason;
};

TEST(Verify, KeyRecordRows)
{
    const std::string good = signed_text("body\r\n");
    const std::string own = keys().ed25519.key->dns_record();
    const std::string p = own.substr(own.find("p="));
    const std::string other = signing_key::generate(algorithm::ed25519_sha256)->dns_record();
    const record_row rows[] = {
        {"Own", own, verdict::pass, ""},
        {"NoVersion", "k=ed25519;" + p, verdict::pass, ""},
        {"Spaces", " v = DKIM1 ; k = ed25519 ; " + p + " ; ", verdict::pass, ""},
        {"UnknownTags", "v=DKIM1;k=ed25519;zz=1;n=note;" + p, verdict::pass, ""},
        {"Sha256", "k=ed25519;h=sha1 : sha256;" + p, verdict::pass, ""},
        {"Email", "k=ed25519;s=email;" + p, verdict::pass, ""},
        {"AnyService", "k=ed25519;s=tlsrpt:*;" + p, verdict::pass, ""},
        {"Testing", "k=ed25519;t=y;" + p, verdict::pass, "testing"},
        {"SameDomain", "k=ed25519;t=y:s;" + p, verdict::pass, ""},
        {"Empty", "", verdict::permerror, "no DKIM key record"},
        {"NotARecord", "v=spf1 -all", verdict::permerror, "no DKIM key record"},
        {"NoKey", "v=DKIM1; k=ed25519", verdict::permerror, "no DKIM key record"},
        {"KeyTwice", own + ";" + p, verdict::permerror, "no DKIM key record"},
        {"Revoked", "v=DKIM1; k=ed25519; p=", verdict::permerror, "revoked"},
        {"RevokedSpace", "v=DKIM1; k=ed25519; p= ;", verdict::permerror, "revoked"},
        {"Version2", "v=DKIM2; k=ed25519;" + p, verdict::permerror, "unknown version"},
        {"VersionLate", "k=ed25519; v=DKIM1;" + p, verdict::pass, ""},
        {"DefaultIsRsa", p, verdict::permerror, "k= does not match"},
        {"OtherKind", "k=rsa;" + p, verdict::permerror, "k= does not match"},
        {"Sha1Only", "k=ed25519;h=sha1;" + p, verdict::permerror, "sha256"},
        {"OtherService", "k=ed25519;s=tlsrpt;" + p, verdict::permerror, "not for mail"},
        {"NoBase64", "k=ed25519;p=!", verdict::permerror, "not base64"},
        {"ShortKey", "k=ed25519;p=AAAA", verdict::permerror, "no Ed25519 key"},
        {"OtherKey", other, verdict::fail, "b= does not match"},
        {"OtherKeyTesting", other + ";t=y", verdict::fail, "testing"},
    };
    for (const record_row& row : rows)
    {
        const auto results =
            verify(good, test_now(), [&row](const std::string&) { return record(row.record); });
        ASSERT_EQ(results.size(), 1U);
        EXPECT_EQ(results[0].result, row.result) << row.name << ": " << results[0].reason;
        EXPECT_NE(results[0].reason.find(row.reason), std::string::npos)
            << row.name << ": " << results[0].reason;
        expect_agreement(results[0], row.name);
    }
}

TEST(Verify, SameDomainKeysRefuseSubdomains)
{
    std::string text = signed_text("body\r\n");
    text.replace(text.find("v=1;"), 4, "v=1; i=a@b.example.com;");
    const auto results = verify(text, test_now(), [](const std::string&)
                                { return record(keys().ed25519.key->dns_record() + "; t=s"); });
    EXPECT_EQ(results.at(0).result, verdict::permerror);
    EXPECT_NE(results[0].reason.find("t=s"), std::string::npos);
}

TEST(Verify, ForeignRsaKeysAreRefused)
{
    for (const std::string& bad :
         {std::string("p=AAAA"), std::string("p=MFwwDQYJ"), "p=" + std::string(4'000, 'A')})
    {
        const auto results =
            verify(rfc8463_message, test_now(), [&bad](const std::string&) { return record(bad); });
        ASSERT_EQ(results.size(), 2U);
        EXPECT_EQ(results[1].result, verdict::permerror) << results[1].reason;
    }
}

TEST(Verify, WeakRsaKeyIsNamed)
{
    // 768 bits, made for this test.
    const std::string weak =
        "v=DKIM1; p=MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMT+ca+JXr34vvEoPvNlasXrzXH4uxvcKRyczI"
        "B9h31/SQXDDf9Gr8F+a6WbEeiU/GECYiKHuh4ZU8UR3r/"
        "zMJflLW4319kuXr56Bfu+geHADhTxB6KDUmdvmFzALw8jlQIDAQAB";
    const auto results =
        verify(rfc8463_message, test_now(), [&weak](const std::string&) { return record(weak); });
    EXPECT_EQ(results.at(1).result, verdict::permerror);
    EXPECT_NE(results[1].reason.find("768 bits is refused"), std::string::npos)
        << results[1].reason;
}

TEST(Verify, OnlySoManySignatures)
{
    std::string text;
    for (int i = 0; i < 100; ++i)
    {
        text += "DKIM-Signature: v=1; d=d" + std::to_string(i) + ".com; s=s\r\n";
    }
    text += "From: x\r\n\r\n";
    int lookups = 0;
    const auto results =
        verify(text, test_now(),
               [&lookups](const std::string&)
               {
                   ++lookups;
                   return result<std::string, lookup_error>(lookup_error::not_found);
               });
    EXPECT_EQ(results.size(), verify_signatures_max);
    EXPECT_EQ(lookups, 0);
    EXPECT_EQ(key_names(text).size(), verify_signatures_max);
}

TEST(Verify, OnlySoManyFields)
{
    std::string text = signed_text("body\r\n");
    const auto at = text.find("From: a");
    std::string padding;
    for (std::size_t i = 0; i < verify_header_fields_max - 3; ++i)
    {
        padding += "X: y\r\n";
    }
    text.insert(at, padding);
    EXPECT_EQ(verify(text, test_now(), look_up).at(0).result, verdict::pass);
    text.insert(at, "X: y\r\n");
    EXPECT_EQ(verify(text, test_now(), look_up).at(0).result, verdict::permerror);
}

TEST(Verify, FileLineEnds)
{
    EXPECT_EQ(with_wire_line_ends("a\nb\n\n"), "a\r\nb\r\n\r\n");
    EXPECT_EQ(with_wire_line_ends("a\r\nb\n"), "a\r\nb\n");
    std::string unix_text = rfc8463_message;
    std::erase(unix_text, '\r');
    EXPECT_EQ(with_wire_line_ends(unix_text), rfc8463_message);
}

} // namespace
} // namespace hikyaku::dkim
