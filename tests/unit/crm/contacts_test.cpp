#include "tenant_fixture.h"

#include <hikyaku/base/bytes.h>

#include <map>
#include <random>
#include <set>

namespace hikyaku::crm
{
namespace
{

using ContactsTest = tenant_fixture;

value str(std::string text)
{
    return value{std::move(text)};
}

TEST_F(ContactsTest, CreateGetUpdateRemove)
{
    const auto made = contacts_->create(
        tenant_, who_, {{email_field, str("Taro@Example.jp")}, {name_field, str("山田 太郎")}});
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(made->number.value, 1U);
    EXPECT_EQ(made->revision, 1U);
    open();
    EXPECT_EQ(*contacts_->get(tenant_, made->number), *made);
    EXPECT_EQ(*contacts_->count(tenant_), 1U);
    const auto updated = contacts_->update(tenant_, who_, made->number, {{name_field, value{}}}, 1);
    ASSERT_TRUE(updated.has_value());
    EXPECT_EQ(updated->revision, 2U);
    EXPECT_EQ(updated->find(name_field), nullptr);
    EXPECT_EQ(contacts_->update(tenant_, who_, made->number, {}, 1).error().code, errc::stale);
    EXPECT_EQ(contacts_->remove(tenant_, who_, made->number, 1).error().code, errc::stale);
    ASSERT_TRUE(contacts_->remove(tenant_, who_, made->number, 2).has_value());
    EXPECT_EQ(last_verb(), "contact.delete");
    EXPECT_EQ(contacts_->get(tenant_, made->number).error().code, errc::not_found);
    EXPECT_EQ(*contacts_->count(tenant_), 0U);
    EXPECT_TRUE(keys("e").empty() && keys("u").empty() && keys("c").empty());
    EXPECT_EQ(add("next@example.jp").number.value, 2U) << "numbers are never given twice";
}

TEST_F(ContactsTest, AChangeThatChangesNothingWritesNothing)
{
    const auto c = add("a@example.jp", {{name_field, str("x")}});
    const auto stamp = stamps_.stamp(tenant_, c.number);
    const auto same = contacts_->update(tenant_, who_, c.number, {{name_field, str("x")}});
    EXPECT_EQ(*same, c);
    EXPECT_EQ(last_verb(), "contact.create");
    EXPECT_EQ(stamps_.stamp(tenant_, c.number), stamp);
}

TEST_F(ContactsTest, AnUpdateKeyBelongsToOneContact)
{
    const auto a = add("a@example.jp");
    const auto b = add("b@example.jp");
    const auto taken = contacts_->create(tenant_, who_, {{email_field, str("A@EXAMPLE.JP")}});
    EXPECT_EQ(taken.error().code, errc::duplicate);
    EXPECT_EQ(taken.error().field, "email");
    EXPECT_EQ(taken.error().text.find("example"), std::string::npos);
    EXPECT_EQ(contacts_->update(tenant_, who_, b.number, {{email_field, str("a@example.jp")}})
                  .error()
                  .code,
              errc::duplicate);
    EXPECT_TRUE(contacts_->update(tenant_, who_, a.number, {{email_field, str("A@example.jp")}}));
    ASSERT_TRUE(contacts_->remove(tenant_, who_, a.number).has_value());
    EXPECT_TRUE(contacts_->update(tenant_, who_, b.number, {{email_field, str("a@example.jp")}}));
    EXPECT_EQ(**contacts_->find(tenant_, email_field, str("a@example.jp")), b.number);
    EXPECT_FALSE(contacts_->find(tenant_, email_field, str("b@example.jp"))->has_value());
    EXPECT_EQ(*contacts_->count(tenant_), 1U);
}

TEST_F(ContactsTest, UpsertCreatesThenUpdates)
{
    const auto first = contacts_->upsert(tenant_, who_, email_field, str("a@example.jp"),
                                         {{name_field, str("x")}});
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(first->created);
    const auto second = contacts_->upsert(tenant_, who_, email_field, str("A@example.jp"),
                                          {{name_field, str("y")}});
    ASSERT_TRUE(second.has_value());
    EXPECT_FALSE(second->created);
    EXPECT_EQ(second->stored.number, first->stored.number);
    EXPECT_EQ(second->stored.revision, 2U);
    EXPECT_EQ(contacts_->upsert(tenant_, who_, name_field, str("x"), {}).error().code,
              errc::invalid);
    EXPECT_EQ(contacts_
                  ->upsert(tenant_, who_, email_field, str("a@example.jp"),
                           {{email_field, str("b@example.jp")}})
                  .error()
                  .code,
              errc::invalid);
}

TEST_F(ContactsTest, RefusesValuesThatDoNotFitTheField)
{
    const field age = add_field("age", field_type::integer);
    EXPECT_EQ(contacts_->create(tenant_, who_, {{age.id, str("7")}}).error().code, errc::invalid);
    EXPECT_EQ(contacts_->create(tenant_, who_, {{99, str("7")}}).error().code, errc::invalid);
    EXPECT_EQ(contacts_->create(tenant_, who_, {{name_field, str("a")}, {name_field, str("b")}})
                  .error()
                  .code,
              errc::invalid);
    field required = add_field("must", field_type::text);
    required.required = true;
    ASSERT_TRUE(schemas_->update(tenant_, who_, required).has_value());
    const auto missing = contacts_->create(tenant_, who_, {});
    EXPECT_EQ(missing.error().field, "must");
    required.default_value = "d";
    ASSERT_TRUE(schemas_->update(tenant_, who_, required).has_value());
    EXPECT_EQ(std::get<std::string>(*contacts_->create(tenant_, who_, {})->find(required.id)), "d");
}

TEST_F(ContactsTest, RowsHaveALimit)
{
    values big;
    for (int i = 0; i < 5; ++i)
    {
        const field f = add_field("t" + std::to_string(i), field_type::text);
        big.emplace_back(f.id, str(std::string(value_bytes_max, 'x')));
    }
    EXPECT_EQ(contacts_->create(tenant_, who_, big).error().code, errc::invalid);
    big.pop_back();
    big.pop_back();
    EXPECT_TRUE(contacts_->create(tenant_, who_, big).has_value());
}

TEST_F(ContactsTest, AnotherTenantsIdIsNotFound)
{
    const auto c = add("a@example.jp");
    const std::string id = contact_public_id(tenant_, c.number);
    EXPECT_EQ(parse_contact_id(tenant_, id), c.number);
    EXPECT_FALSE(parse_contact_id(other_, id).has_value());
    EXPECT_FALSE(parse_contact_id(tenant_, "con_x").has_value());
    EXPECT_FALSE(parse_contact_id(tenant_, contact_public_id(tenant_, ordinal{0})).has_value());
    EXPECT_EQ(contacts_->get(other_, c.number).error().code, errc::not_found);
}

TEST_F(ContactsTest, WritesBumpTheirStamps)
{
    const auto c = add("a@example.jp");
    const auto own = stamps_.stamp(tenant_, c.number);
    const auto old_address = stamps_.stamp_address(tenant_, "a@example.jp");
    const auto new_address = stamps_.stamp_address(tenant_, "b@example.jp");
    ASSERT_TRUE(contacts_->update(tenant_, who_, c.number, {{email_field, str("b@example.jp")}}));
    EXPECT_NE(stamps_.stamp(tenant_, c.number), own);
    EXPECT_NE(stamps_.stamp_address(tenant_, "a@example.jp"), old_address);
    EXPECT_NE(stamps_.stamp_address(tenant_, "b@example.jp"), new_address);
}

TEST_F(ContactsTest, ListsInPagesOfOrdinals)
{
    for (int i = 0; i < 7; ++i)
    {
        static_cast<void>(add("u" + std::to_string(i) + "@example.jp"));
    }
    ASSERT_TRUE(contacts_->remove(tenant_, who_, ordinal{4}).has_value());
    const auto first = *contacts_->list(tenant_, ordinal{0}, 4);
    ASSERT_EQ(first.contacts.size(), 4U);
    EXPECT_EQ(first.next->value, 5U);
    const auto rest = *contacts_->list(tenant_, *first.next, 4);
    EXPECT_EQ(rest.contacts.size(), 2U);
    EXPECT_FALSE(rest.next.has_value());
    EXPECT_TRUE(contacts_->list(tenant_, ordinal{UINT32_MAX}, 4)->contacts.empty());
}

TEST_F(ContactsTest, JsonShowsWhatOneMaySee)
{
    const auto c = add("a@example.jp");
    const auto s = *schemas_->get(tenant_);
    const auto all = to_json(tenant_, *s, c);
    EXPECT_EQ(all.at("fields").at("email").as_string(), "a@example.jp");
    const auto some = to_json(tenant_, *s, c, true);
    EXPECT_TRUE(some.at("fields").as_object().empty());
}

/// What must hold, in plain containers.
struct model
{
    std::map<std::uint32_t, std::pair<std::string, std::string>> rows; // address, number

    [[nodiscard]] bool taken(const std::string& address, const std::string& key,
                             std::uint32_t but) const
    {
        return std::any_of(rows.begin(), rows.end(),
                           [&](const auto& r)
                           {
                               return r.first != but &&
                                      ((!address.empty() && r.second.first == address) ||
                                       (!key.empty() && r.second.second == key));
                           });
    }
};

class ContactsModelTest : public tenant_fixture, public testing::WithParamInterface<unsigned>
{
protected:
    void check(const model& m, std::uint16_t number_field)
    {
        std::set<std::string> addresses;
        std::set<std::string> uniques;
        for (const auto& [number, row] : m.rows)
        {
            const auto c = contacts_->get(tenant_, ordinal{number});
            ASSERT_TRUE(c.has_value());
            const auto* address = c->find(email_field);
            ASSERT_EQ(address != nullptr ? std::get<std::string>(*address) : "", row.first);
            std::string be;
            put_be(be, number);
            if (!row.first.empty())
            {
                addresses.insert(address_prefix(row.first) + be);
                uniques.insert(std::string("u\0\1", 3) + row.first + "=" + be);
            }
            if (!row.second.empty())
            {
                std::string key(1, 'u');
                put_be(key, number_field);
                uniques.insert(key + row.second + "=" + be);
            }
        }
        const auto e = keys("e");
        ASSERT_EQ(std::set<std::string>(e.begin(), e.end()), addresses);
        std::set<std::string> stored;
        const auto from = rows();
        for (auto it = from->scan_prefix("u"); it.valid(); it.next())
        {
            stored.insert(std::string(it.key()) + "=" + std::string(it.value()));
        }
        ASSERT_EQ(stored, uniques);
        ASSERT_EQ(*contacts_->count(tenant_), m.rows.size());
    }
};

TEST_P(ContactsModelTest, IndexesAndRowsAgreeWithTheModel)
{
    std::mt19937 random(GetParam());
    const auto below = [&random](unsigned n) { return static_cast<unsigned>(random()) % n; };
    const field number = add_field("number", field_type::text, true);
    model m;
    std::uint32_t last = 0;
    for (int step = 0; step < 400; ++step)
    {
        const std::string address =
            below(5) == 0 ? "" : "u" + std::to_string(below(12)) + "@example.jp";
        const std::string key = below(3) == 0 ? "" : std::to_string(below(12));
        const values v = {{email_field, address.empty() ? value{} : str(address)},
                          {number.id, key.empty() ? value{} : str(key)}};
        const auto target = 1 + below(last + 1);
        switch (below(4))
        {
        case 0:
        {
            const auto made = contacts_->create(tenant_, who_, v);
            ASSERT_EQ(made.has_error(), m.taken(address, key, 0));
            if (made.has_value())
            {
                ASSERT_EQ(made->number.value, ++last);
                m.rows[last] = {address, key};
            }
            break;
        }
        case 1:
        {
            const auto done = contacts_->update(tenant_, who_, ordinal{target}, v);
            const bool fine = m.rows.contains(target) && !m.taken(address, key, target);
            ASSERT_EQ(done.has_value(), fine);
            if (fine)
            {
                m.rows[target] = {address, key};
            }
            break;
        }
        case 2:
            ASSERT_EQ(contacts_->remove(tenant_, who_, ordinal{target}).has_value(),
                      m.rows.erase(target) == 1);
            break;
        default:
        {
            if (key.empty())
            {
                break;
            }
            const auto owner = std::find_if(m.rows.begin(), m.rows.end(), [&key](const auto& r)
                                            { return r.second.second == key; });
            const std::uint32_t at = owner != m.rows.end() ? owner->first : 0;
            const bool fine = !m.taken(address, "", at);
            const auto done = contacts_->upsert(tenant_, who_, number.id, str(key), v);
            ASSERT_EQ(done.has_value(), fine);
            if (fine)
            {
                ASSERT_EQ(done->created, at == 0);
                last += at == 0 ? 1 : 0;
                m.rows[at == 0 ? last : at] = {address, key};
            }
        }
        }
        if (step % 50 == 49)
        {
            open();
            check(m, number.id);
        }
    }
    EXPECT_FALSE(log_->find_break(tenant_)->has_value());
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContactsModelTest, testing::Values(1U, 2U, 3U, 4U));

} // namespace
} // namespace hikyaku::crm
