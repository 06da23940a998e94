#include "tenant_fixture.h"

namespace hikyaku::crm
{
namespace
{

using SuppressionTest = tenant_fixture;

suppression make_entry(std::string address, suppression_reason reason)
{
    suppression s;
    s.address = std::move(address);
    s.reason = reason;
    s.source = "api";
    return s;
}

TEST_F(SuppressionTest, IsFoundByAnyFormOfTheAddress)
{
    const auto stored = suppressions_->add(
        tenant_, who_, make_entry("Taro@EXAMPLE.jp", suppression_reason::manual));
    ASSERT_TRUE(stored.has_value());
    EXPECT_EQ(stored->address, "taro@example.jp");
    EXPECT_EQ(last_verb(), "suppression.add");
    open();
    EXPECT_EQ(**suppressions_->find(tenant_, "\"TARO\"@example.JP"), *stored);
    EXPECT_TRUE(*suppressions_->check(tenant_, "taro@example.jp", system_clock().wall()));
    EXPECT_FALSE(*suppressions_->check(other_, "taro@example.jp", system_clock().wall()));
    ASSERT_TRUE(suppressions_->remove(tenant_, who_, "taro@example.jp").has_value());
    EXPECT_FALSE(suppressions_->find(tenant_, "taro@example.jp")->has_value());
    EXPECT_EQ(suppressions_->remove(tenant_, who_, "taro@example.jp").error().code,
              errc::not_found);
}

TEST_F(SuppressionTest, OnesOwnWishOutranksABounce)
{
    const auto bounce = make_entry("a@example.jp", suppression_reason::bounce);
    const auto wish = make_entry("a@example.jp", suppression_reason::unsubscribed);
    EXPECT_EQ(suppressions_->add(tenant_, who_, bounce)->reason, suppression_reason::bounce);
    EXPECT_EQ(suppressions_->add(tenant_, who_, wish)->reason, suppression_reason::unsubscribed);
    EXPECT_EQ(suppressions_->add(tenant_, who_, bounce)->reason, suppression_reason::unsubscribed);
    ASSERT_TRUE(suppressions_->add_many(tenant_, who_, {bounce}).has_value());
    EXPECT_EQ((*suppressions_->find(tenant_, "a@example.jp"))->reason,
              suppression_reason::unsubscribed);
}

TEST_F(SuppressionTest, CountsUntilItExpires)
{
    auto s = make_entry("a@example.jp", suppression_reason::bounce);
    const auto now = system_clock().wall();
    s.expires = now + std::chrono::hours{1};
    ASSERT_TRUE(suppressions_->add(tenant_, who_, s).has_value());
    EXPECT_TRUE(*suppressions_->check(tenant_, "a@example.jp", now));
    EXPECT_FALSE(*suppressions_->check(tenant_, "a@example.jp", now + std::chrono::hours{1}));
    std::vector<std::optional<suppression>> out;
    const std::vector<std::string> asked{"a@example.jp", "b@example.jp"};
    ASSERT_TRUE(suppressions::find_many(*rows(), asked, now, out).has_value());
    EXPECT_TRUE(out[0].has_value() && !out[1].has_value());
    ASSERT_TRUE(
        suppressions::find_many(*rows(), asked, now + std::chrono::hours{2}, out).has_value());
    EXPECT_FALSE(out[0].has_value());
}

TEST_F(SuppressionTest, EveryChangeBumpsTheAddressBeforeItReturns)
{
    const auto stamp = [this] { return stamps_.stamp_address(tenant_, "a@example.jp"); };
    auto before = stamp();
    const auto c = add("A@example.jp");
    EXPECT_NE(stamp(), before);
    before = stamp();
    ASSERT_TRUE(suppressions_->unsubscribe(tenant_, who_, c.number, "cmp_1").has_value());
    EXPECT_NE(stamp(), before);
    EXPECT_EQ(last_verb(), "contact.unsubscribe");
    EXPECT_EQ((*suppressions_->find(tenant_, "a@example.jp"))->source, "cmp_1");
    before = stamp();
    ASSERT_TRUE(suppressions_->remove(tenant_, who_, "a@example.jp").has_value());
    EXPECT_NE(stamp(), before);
    before = stamp();
    ASSERT_TRUE(
        suppressions_
            ->add_many(tenant_, who_, {make_entry("a@example.jp", suppression_reason::complaint)})
            .has_value());
    EXPECT_NE(stamp(), before);
}

TEST_F(SuppressionTest, RefusesWhatIsNoAddressOrSource)
{
    EXPECT_EQ(suppressions_->add(tenant_, who_, make_entry("nobody", suppression_reason::manual))
                  .error()
                  .code,
              errc::invalid);
    auto s = make_entry("a@example.jp", suppression_reason::manual);
    for (const std::string& source : {std::string("a\r\nb"), std::string("\xFF"),
                                      std::string(suppression_source_bytes_max + 1, 'x')})
    {
        s.source = source;
        EXPECT_EQ(suppressions_->add(tenant_, who_, s).error().code, errc::invalid);
        EXPECT_EQ(suppressions_->add_many(tenant_, who_, {s}).error().code, errc::invalid);
    }
    EXPECT_EQ(suppressions_->add(tenant_id{77}, who_, s).error().code, errc::not_found);
    EXPECT_EQ(suppressions_->unsubscribe(tenant_, who_, ordinal{5}, "").error().code,
              errc::not_found);
    EXPECT_TRUE(keys("s").empty());
}

TEST_F(SuppressionTest, ListsInPages)
{
    std::vector<suppression> many;
    for (int i = 0; i < 25; ++i)
    {
        many.push_back(
            make_entry("u" + std::to_string(i) + "@example.jp", suppression_reason::manual));
    }
    ASSERT_TRUE(suppressions_->add_many(tenant_, who_, many).has_value());
    std::vector<std::string> seen;
    std::string after;
    for (int pages = 0; pages < 10; ++pages)
    {
        const auto page = *suppressions_->list(tenant_, after, 10);
        for (const auto& s : page.entries)
        {
            seen.push_back(s.address);
        }
        if (!page.next)
        {
            EXPECT_EQ(pages, 2);
            break;
        }
        after = *page.next;
    }
    EXPECT_EQ(seen.size(), 25U);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(SuppressionTest, ADamagedRowIsNeverTakenForAFreeAddress)
{
    store::record forged(tenant_);
    forged.put(store::space::data, suppression_key("a@example.jp"), "\x09");
    db_->commit(std::move(forged), store::commit_class::control);
    const auto now = system_clock().wall();
    EXPECT_EQ(suppressions_->check(tenant_, "a@example.jp", now).error().code, errc::corrupt);
    std::vector<std::optional<suppression>> out;
    const std::vector<std::string> asked{"a@example.jp"};
    EXPECT_EQ(suppressions::find_many(*rows(), asked, now, out).error().code, errc::corrupt);
}

TEST(SuppressionRow, GoldenBytes)
{
    suppression s;
    s.address = "a@b.jp";
    s.reason = suppression_reason::bounce;
    s.source = "x";
    s.at = from_unix_ms(1);
    const std::string open_ended("\x01\x03\x02\x00\x01x", 6);
    EXPECT_EQ(encode_suppression(s), open_ended);
    s.expires = from_unix_ms(2);
    const std::string golden("\x01\x03\x02\x01\x04\x01x", 7);
    EXPECT_EQ(encode_suppression(s), golden);
    EXPECT_EQ(suppression_key(s.address), "sa@b.jp");
    EXPECT_EQ(decode_suppression("sa@b.jp", golden), s);
    for (std::size_t n = 0; n < golden.size(); ++n)
    {
        EXPECT_FALSE(decode_suppression("sa@b.jp", golden.substr(0, n)).has_value()) << n;
    }
}

} // namespace
} // namespace hikyaku::crm
