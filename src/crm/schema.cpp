#include <hikyaku/base/assert.h>
#include <hikyaku/crm/schema.h>

#include <algorithm>
#include <array>

namespace hikyaku::crm
{

std::optional<field_type> parse_field_type(std::string_view name) noexcept
{
    constexpr std::array types = {field_type::text,  field_type::integer,  field_type::decimal,
                                  field_type::date,  field_type::datetime, field_type::boolean,
                                  field_type::email, field_type::select,   field_type::multi_select,
                                  field_type::tags};
    for (const auto t : types)
    {
        if (segment::to_string(t) == name)
        {
            return t;
        }
    }
    return std::nullopt;
}

schema::schema(std::uint64_t version, std::vector<field> fields)
    : version_(version), fields_(std::move(fields))
{
    std::sort(fields_.begin(), fields_.end(),
              [](const field& a, const field& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < fields_.size(); ++i)
    {
        by_name_.emplace(fields_[i].name, i);
        by_label_.emplace(fields_[i].label, i);
        if (fields_[i].update_key)
        {
            keys_.push_back(fields_[i].id);
        }
    }
}

const field* schema::find(std::uint16_t id) const noexcept
{
    const auto at = std::lower_bound(fields_.begin(), fields_.end(), id,
                                     [](const field& f, std::uint16_t i) { return f.id < i; });
    return at != fields_.end() && at->id == id ? &*at : nullptr;
}

const field* schema::find(std::string_view name_or_label) const
{
    if (const auto found = by_name_.find(name_or_label); found != by_name_.end())
    {
        return &fields_[found->second];
    }
    const auto found = by_label_.find(name_or_label);
    return found != by_label_.end() ? &fields_[found->second] : nullptr;
}

segment::field_finder schema::finder() const
{
    return [this](std::string_view name) -> std::optional<segment::field_ref>
    {
        const auto* f = find(name);
        return f != nullptr ? std::optional<segment::field_ref>({f->id, f->type}) : std::nullopt;
    };
}

std::vector<std::string> schema::names() const
{
    std::vector<std::string> out;
    for (const auto& f : fields_)
    {
        out.push_back(f.name);
    }
    return out;
}

std::vector<field> default_fields()
{
    field email;
    email.id = email_field;
    email.name = "email";
    email.label = "メールアドレス";
    email.type = field_type::email;
    email.personal = true;
    email.update_key = true;
    field name;
    name.id = name_field;
    name.name = "name";
    name.label = "氏名";
    name.personal = true;
    field kana;
    kana.id = kana_field;
    kana.name = "kana";
    kana.label = "フリガナ";
    kana.personal = true;
    return {email, name, kana, make_engaged_field()};
}

field make_engaged_field()
{
    field f;
    f.id = engaged_field;
    f.name = engaged_name;
    f.label = "最終反応日時";
    f.type = field_type::datetime;
    return f;
}

} // namespace hikyaku::crm
