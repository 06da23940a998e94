#include <hikyaku/base/assert.h>
#include <hikyaku/base/bytes.h>
#include <hikyaku/store/record.h>

namespace hikyaku::store
{

void record::check_key(space where, std::string_view key) const
{
    HK_ASSERT(!key.empty());
    // Rows of the shared family say whose they are; tenant 0 owns the interned domains.
    HK_ASSERT(where != space::queue || tenant_ == platform_tenant ||
              (key.size() >= 5 && get_be<std::uint32_t>(key.substr(1, 4)) == tenant_.value));
}

void record::put(space where, std::string_view key, std::string_view value)
{
    check_key(where, key);
    bytes_.push_back(static_cast<char>(operation_kind::put));
    bytes_.push_back(static_cast<char>(where));
    put_string(bytes_, key);
    put_string(bytes_, value);
}

void record::erase(space where, std::string_view key)
{
    check_key(where, key);
    bytes_.push_back(static_cast<char>(operation_kind::erase));
    bytes_.push_back(static_cast<char>(where));
    put_string(bytes_, key);
}

void record::erase_range(space where, std::string_view first, std::string_view last)
{
    check_key(where, first);
    HK_ASSERT(first < last);
    bytes_.push_back(static_cast<char>(operation_kind::erase_range));
    bytes_.push_back(static_cast<char>(where));
    put_string(bytes_, first);
    put_string(bytes_, last);
}

void record::create_family(tenant_id tenant)
{
    HK_ASSERT(tenant_ == platform_tenant && tenant != platform_tenant);
    bytes_.push_back(static_cast<char>(operation_kind::create_family));
    put_be(bytes_, tenant.value);
}

void record::drop_family(tenant_id tenant)
{
    HK_ASSERT(tenant_ == platform_tenant && tenant != platform_tenant);
    bytes_.push_back(static_cast<char>(operation_kind::drop_family));
    put_be(bytes_, tenant.value);
}

operation_reader::operation_reader(std::string_view bytes) noexcept : rest_(bytes) {}

bool operation_reader::next(operation& out)
{
    if (rest_.empty() || !ok_)
    {
        return false;
    }
    byte_reader in(rest_);
    out = {};
    out.kind = static_cast<operation_kind>(in.u8());
    switch (out.kind)
    {
    case operation_kind::put:
    case operation_kind::erase_range:
        out.where = static_cast<space>(in.u8());
        out.key = in.string();
        out.value = in.string();
        break;
    case operation_kind::erase:
        out.where = static_cast<space>(in.u8());
        out.key = in.string();
        break;
    case operation_kind::create_family:
    case operation_kind::drop_family:
        out.family = tenant_id{in.be<std::uint32_t>()};
        break;
    default:
        ok_ = false;
        return false;
    }
    ok_ = in.ok() && (out.where == space::data || out.where == space::queue);
    rest_ = in.rest();
    return ok_;
}

} // namespace hikyaku::store
