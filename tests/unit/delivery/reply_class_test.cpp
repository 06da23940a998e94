#include "reply_class.h"

#include <gtest/gtest.h>

namespace hikyaku::delivery
{
namespace
{

queue::fact fact_of(smtp::verdict verdict, int code, smtp::enhanced_code enhanced,
                    const std::string& text, std::uint32_t attempt = 1,
                    smtp::stage stage = smtp::stage::rcpt)
{
    queue::fact f;
    f.what = verdict == smtp::verdict::bounced ? queue::disposition::bounced
                                               : queue::disposition::deferred;
    f.domain = "example.jp";
    f.attempt = attempt;
    smtp::transaction_result r;
    r.verdict = verdict;
    r.stage = stage;
    r.code = code;
    r.enhanced = enhanced;
    r.text = text;
    classify(f, *bounce::built_in(), r);
    return f;
}

TEST(ReplyClass, APassingMatterIsDeferredButNotForEver)
{
    const auto at = [](std::uint32_t attempt)
    {
        return fact_of(smtp::verdict::bounced, 550, {5, 7, 1}, "5.7.1 Greylisted, come back later",
                       attempt);
    };
    EXPECT_EQ(at(1).what, queue::disposition::deferred);
    EXPECT_EQ(at(permanent_attempts_max - 1).what, queue::disposition::deferred);
    const auto last = at(permanent_attempts_max);
    EXPECT_EQ(last.what, queue::disposition::bounced);
    EXPECT_EQ(last.cls, "greylist");
    EXPECT_EQ(last.contact, 0);
}

TEST(ReplyClass, TheContactIsTouchedByBouncesOnly)
{
    const auto gone = fact_of(smtp::verdict::bounced, 550, {5, 1, 1}, "5.1.1 No such user");
    EXPECT_EQ(gone.cls, "bad_mailbox");
    EXPECT_EQ(gone.contact, 2);
    const auto later = fact_of(smtp::verdict::deferred, 450, {4, 1, 1}, "4.1.1 No such user");
    EXPECT_EQ(later.what, queue::disposition::deferred);
    EXPECT_EQ(later.contact, 0);
    const auto blocked =
        fact_of(smtp::verdict::bounced, 550, {5, 7, 1}, "5.7.1 Rejected by DMARC policy");
    EXPECT_EQ(blocked.what, queue::disposition::bounced);
    EXPECT_EQ(blocked.contact, 0);
}

TEST(ReplyClass, OwnWordsWhereNoPeerSpoke)
{
    EXPECT_EQ(fact_of(smtp::verdict::unknown, 0, {}, "").cls, "lost_after_dot");
    EXPECT_EQ(fact_of(smtp::verdict::delivered, 250, {}, "ok").cls, "accepted");
    EXPECT_EQ(fact_of(smtp::verdict::refused_locally, 0, {5, 3, 4}, "too large").cls,
              "not_sendable");
    const auto unsafe = fact_of(smtp::verdict::refused_locally, 0, {5, 1, 3}, "unsafe address");
    EXPECT_EQ(unsafe.cls, "bad_format");
    EXPECT_EQ(unsafe.contact, 2);
    EXPECT_EQ(fact_of(smtp::verdict::deferred, 0, {}, "connection lost at RCPT").cls, "network");
}

TEST(ReplyClass, DomainsAndExpiries)
{
    using dns::lookup_status;
    EXPECT_EQ(effect_of_lookup(lookup_status::no_domain), bounce::contact_effect::suppress);
    EXPECT_EQ(effect_of_lookup(lookup_status::null_mx), bounce::contact_effect::suppress);
    EXPECT_EQ(effect_of_lookup(lookup_status::loop), bounce::contact_effect::count);
    EXPECT_EQ(effect_of_lookup(lookup_status::temporary), bounce::contact_effect::keep);
    EXPECT_EQ(effect_of_expiry("quota"), 1);
    EXPECT_EQ(effect_of_expiry("bad_mailbox"), 1);
    EXPECT_EQ(effect_of_expiry("greylist"), 0);
    EXPECT_EQ(effect_of_expiry("network"), 0);
    EXPECT_EQ(effect_of_expiry("lost_after_dot"), 0);
}

} // namespace
} // namespace hikyaku::delivery
