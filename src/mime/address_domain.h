#pragma once

#include <string>
#include <string_view>

#include <hikyaku/base/result.h>
#include <hikyaku/mime/address.h>

namespace hikyaku::mime
{

/// What stands right of the "@": a host name as lower-case A-labels, or, where the options allow
/// it, an address literal (RFC 5321 section 4.1.3). @error one sentence
[[nodiscard]] result<std::string, failure> check_address_domain(std::string_view domain,
                                                                const address_options& options);

} // namespace hikyaku::mime
