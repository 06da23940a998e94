#include "field_row.h"
#include "keys.h"
#include "tenant_fixture.h"

namespace hikyaku::crm
{
namespace
{

using SchemaTest = tenant_fixture;

field make_field(std::string name, std::string label, field_type type = field_type::text)
{
    field f;
    f.name = std::move(name);
    f.label = std::move(label);
    f.type = type;
    return f;
}

TEST_F(SchemaTest, ANewTenantHasEmailNameKanaAndEngagedAt)
{
    const auto s = *schemas_->get(tenant_);
    ASSERT_EQ(s->fields().size(), 4U);
    EXPECT_EQ(s->find("メールアドレス")->id, email_field);
    EXPECT_EQ(s->find("email")->type, field_type::email);
    EXPECT_TRUE(s->find("email")->update_key && s->find("email")->personal);
    EXPECT_EQ(s->find("氏名")->name, "name");
    EXPECT_EQ(s->find("フリガナ")->id, kana_field);
    EXPECT_EQ(schemas_->get(tenant_id{77}).error().code, errc::not_found);
}

TEST_F(SchemaTest, EveryTenantHasEngagedAtButForThoseWithTheirOwn)
{
    const auto shown = *schemas_->get(tenant_);
    ASSERT_NE(shown->find("engaged_at"), nullptr);
    EXPECT_EQ(shown->find("engaged_at")->id, engaged_field);
    EXPECT_EQ(shown->find("engaged_at")->type, field_type::datetime);
    EXPECT_EQ(schemas_->remove(tenant_, who_, engaged_field).error().code, errc::invalid);
    add_field("age", field_type::integer);
    open();
    EXPECT_EQ((*schemas_->get(tenant_))->find("engaged_at")->id, engaged_field);
    // A tenant of the time before: fields without it, one of them of that name.
    field own = make_field("engaged_at", "反応");
    own.id = 4;
    store::record r(other_);
    r.put(store::space::data, field_key(own.id), encode_field(own));
    db_->commit(std::move(r), store::commit_class::control);
    open();
    EXPECT_EQ((*schemas_->get(other_))->find("engaged_at")->id, 4);
    EXPECT_EQ((*schemas_->get(other_))->find(engaged_field), nullptr);
}

TEST_F(SchemaTest, ChangesAreKeptAndIdsAreNeverReused)
{
    const field age = add_field("age", field_type::integer);
    EXPECT_EQ(age.id, 4);
    ASSERT_TRUE(schemas_->remove(tenant_, who_, age.id).has_value());
    EXPECT_EQ(last_verb(), "field.delete");
    open();
    EXPECT_EQ((*schemas_->get(tenant_))->fields().size(), 4U);
    field again = add_field("age", field_type::text);
    EXPECT_EQ(again.id, 5);
    again.label = "年齢";
    again.memo = "入力した年齢";
    again.personal = true;
    ASSERT_TRUE(schemas_->update(tenant_, who_, again).has_value());
    open();
    const auto s = *schemas_->get(tenant_);
    EXPECT_EQ(*s->find("年齢"), again);
    EXPECT_EQ(s->version(), 4U);
    EXPECT_EQ((*schemas_->get(other_))->fields().size(), 4U);
}

TEST_F(SchemaTest, RefusesWhatIsNotAllowed)
{
    struct row
    {
        const char* why;
        field f;
        errc code;
    };
    field select = make_field("s", "s", field_type::select);
    field doubled = make_field("s", "s", field_type::select);
    doubled.options = {"a", "a"};
    field options_on_text = make_field("t", "t");
    options_on_text.options = {"a"};
    field many = make_field("m", "m", field_type::multi_select);
    many.options.resize(field_options_max + 1, "x");
    field key_flag = make_field("b", "b", field_type::boolean);
    key_flag.update_key = true;
    field bad_default = make_field("d", "d", field_type::integer);
    bad_default.default_value = "many";
    const row table[] = {
        {"empty name", make_field("", "x"), errc::invalid},
        {"upper case", make_field("Age", "x"), errc::invalid},
        {"digit first", make_field("1a", "x"), errc::invalid},
        {"not ASCII", make_field("年齢", "x"), errc::invalid},
        {"65 bytes", make_field(std::string(65, 'a'), "x"), errc::invalid},
        {"empty label", make_field("x", ""), errc::invalid},
        {"256 bytes", make_field("x", std::string(256, 'a')), errc::invalid},
        {"line break", make_field("x", "a\nb"), errc::invalid},
        {"not UTF-8", make_field("x", "\xFF"), errc::invalid},
        {"name taken", make_field("email", "x"), errc::duplicate},
        {"label taken", make_field("x", "氏名"), errc::duplicate},
        {"label is a name", make_field("x", "kana"), errc::duplicate},
        {"no options", select, errc::invalid},
        {"option twice", doubled, errc::invalid},
        {"options on text", options_on_text, errc::invalid},
        {"too many options", many, errc::limit},
        {"key of booleans", key_flag, errc::invalid},
        {"bad default", bad_default, errc::invalid},
    };
    for (const row& r : table)
    {
        const auto made = schemas_->create(tenant_, who_, r.f);
        ASSERT_TRUE(made.has_error()) << r.why;
        EXPECT_EQ(made.error().code, r.code) << r.why;
    }
    EXPECT_EQ((*schemas_->get(tenant_))->version(), 0U);
    EXPECT_EQ(schemas_->remove(tenant_, who_, email_field).error().code, errc::invalid);
    EXPECT_EQ(schemas_->remove(tenant_, who_, 99).error().code, errc::not_found);
    field other_type = *(*schemas_->get(tenant_))->find("name");
    other_type.type = field_type::integer;
    EXPECT_EQ(schemas_->update(tenant_, who_, other_type).error().code, errc::invalid);
}

TEST_F(SchemaTest, AnUpdateKeyIsIndexedFromWhatIsThere)
{
    field number = add_field("number", field_type::text);
    const auto a = add("a@example.jp", {{number.id, value{std::string("1")}}});
    const auto b = add("b@example.jp", {{number.id, value{std::string("1")}}});
    number.update_key = true;
    const auto refused = schemas_->update(tenant_, who_, number);
    EXPECT_EQ(refused.error().code, errc::duplicate);
    EXPECT_EQ(refused.error().field, "number");
    ASSERT_TRUE(contacts_->update(tenant_, who_, b.number, {{number.id, std::string("2")}}));
    ASSERT_TRUE(schemas_->update(tenant_, who_, number).has_value());
    EXPECT_EQ(**contacts_->find(tenant_, number.id, std::string("2")), b.number);
    EXPECT_EQ(**contacts_->find(tenant_, number.id, std::string("1")), a.number);
    number.update_key = false;
    ASSERT_TRUE(schemas_->update(tenant_, who_, number).has_value());
    EXPECT_EQ(keys("u").size(), 2U) << "the addresses stay";
}

TEST_F(SchemaTest, ADeletedEmailFieldLeavesNoAddressBehind)
{
    const field second = add_field("mobile_mail", field_type::email);
    const auto c = add("a@example.jp", {{second.id, value{std::string("b@example.jp")}}});
    EXPECT_EQ(contacts_->find_by_address(tenant_, "b@example.jp")->size(), 1U);
    ASSERT_TRUE(schemas_->remove(tenant_, who_, second.id).has_value());
    EXPECT_TRUE(contacts_->find_by_address(tenant_, "b@example.jp")->empty());
    EXPECT_EQ(contacts_->find_by_address(tenant_, "a@example.jp")->size(), 1U);
    ASSERT_TRUE(contacts_->update(tenant_, who_, c.number, {{name_field, std::string("x")}}));
    EXPECT_EQ(contacts_->get(tenant_, c.number)->find(second.id), nullptr)
        << "a write takes the value off the disk";
}

TEST_F(SchemaTest, WhatMustBeDurableWithItIsInTheSameChange)
{
    const auto made = schemas_->create(tenant_, who_, make_field("x", "x"),
                                       [](const field& f, store::record& data)
                                       { data.put(store::space::data, "i", f.name); });
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(rows()->find("i")->value(), "x");
}

TEST(FieldRow, GoldenBytes)
{
    field f;
    f.id = 258;
    f.name = "n";
    f.label = "l";
    f.type = field_type::select;
    f.options = {"a", "bc"};
    f.required = true;
    f.update_key = true;
    f.memo = "m";
    f.default_value = "a";
    const std::string golden("\x01\x01n\x01l\x06select\x06\x01m\x01"
                             "a\x02\x01"
                             "a\x02"
                             "bc",
                             23);
    EXPECT_EQ(encode_field(f), golden);
    EXPECT_EQ(decode_field(258, golden), f);
    for (std::size_t n = 0; n < golden.size(); ++n)
    {
        EXPECT_FALSE(decode_field(258, golden.substr(0, n)).has_value()) << n;
    }
    EXPECT_FALSE(decode_field(258, golden + "x").has_value());
}

} // namespace
} // namespace hikyaku::crm
