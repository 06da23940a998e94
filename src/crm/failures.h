#pragma once

#include <memory>
#include <string>
#include <utility>

#include <hikyaku/crm/problem.h>
#include <hikyaku/store/database.h>

namespace hikyaku::crm
{

[[nodiscard]] inline problem invalid(std::string field, std::string text)
{
    return {errc::invalid, std::move(field), std::move(text)};
}
[[nodiscard]] inline problem no_tenant()
{
    return {errc::not_found, "", "There is no such tenant."};
}
[[nodiscard]] inline problem damaged()
{
    return {errc::corrupt, "", "Stored data is damaged; the operator's log has the details."};
}

} // namespace hikyaku::crm
